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
