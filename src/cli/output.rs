//! What commands print. A closed pipe is no reason to fall over.
use std::io::Write as _;

pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// What somebody should know before, and what is no result of the command.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "understudy: {text}");
}

pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "understudy: {text}");
}

/// What an administrator should know about something that was done all the same.
pub fn notices(notices: &[String]) {
    for notice in notices {
        line(&format!("note: {notice}"));
    }
}

/// How far a long command is; not part of what it answers.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
