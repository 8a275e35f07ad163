use std::fmt::{self, Write as _};

/// One setting that stops the start, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingMistake {
    pub name: String,
    pub what: String,
}

impl fmt::Display for SettingMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.escape_debug(), self.what)
    }
}

/// The list as a person reads it at the terminal.
pub fn describe(mistakes: &[SettingMistake]) -> String {
    let mut text = match mistakes.len() {
        1 => "The settings have a mistake:\n".to_owned(),
        n => format!("The settings have {n} mistakes:\n"),
    };
    for mistake in mistakes {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {mistake}");
    }
    text
}
