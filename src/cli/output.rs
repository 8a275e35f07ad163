//! What commands print. A closed pipe is no reason to fall over.
use std::io::Write as _;

pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Progress, and what a person should know beforehand: not part of the command's result.
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
