//! What commands print. A closed pipe is no reason to fall over.
use std::io::Write as _;

pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "understudy: {text}");
}

/// How far a long command is; not part of what it answers.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
