//! What commands print: text for people, or with `--json` one JSON document for programs. A closed pipe is no reason to
//! fail.
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::OnceLock;

/// How this process prints. One command runs in a process, so this is set once, before it starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    pub json: bool,
    pub quiet: bool,
}

static STYLE: OnceLock<Style> = OnceLock::new();

pub fn set(style: Style) {
    let _ = STYLE.set(style);
}

fn style() -> Style {
    STYLE.get().copied().unwrap_or_default()
}

pub fn is_json() -> bool {
    style().json
}

pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A part of a long result, as it is; `false` when nobody reads it any more.
pub fn piece(text: &str) -> bool {
    std::io::stdout().lock().write_all(text.as_bytes()).is_ok()
}

/// What a command was asked for. Printed with `--quiet`, too.
pub fn result(value: &Value, text: &str) {
    let said = if is_json() { value.to_string() } else { text.trim_end().to_owned() };
    line(&said);
}

/// A link that was asked for, on the last line, after what is said about it. With `--quiet` the link alone, for a program
/// that reads it.
pub fn link(value: &Value, about: &str, link: &str) {
    let quiet = style().quiet;
    let text = if quiet { link.to_owned() } else { format!("{about}\n{link}") };
    result(value, &text);
}

/// What a command has done, to confirm it. `--quiet` leaves the text out: the exit code says the same.
pub fn done(value: &Value, text: &str) {
    if is_json() || !style().quiet {
        result(value, text);
    }
}

/// How a result came about, beside the result itself.
pub fn detail(text: &str) {
    if !style().quiet {
        line(text);
    }
}

/// Progress: not part of the command's result.
pub fn note(text: &str) {
    if !style().quiet {
        warning(text);
    }
}

/// What must be known beforehand, such as which database is meant.
pub fn warning(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "understudy: {text}");
}

pub fn error(text: &str, exit: u8) {
    let said = json!({ "error": text, "exit_code": exit }).to_string();
    let said = if is_json() { said } else { format!("understudy: {text}") };
    let _ = writeln!(std::io::stderr().lock(), "{said}");
}

/// What an administrator should know about something that was done all the same.
pub fn with_notices(text: &str, notices: &[String]) -> String {
    let lines = notices.iter().map(|notice| format!("note: {notice}"));
    [text.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// Columns as wide as their widest cell.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |nth: usize| {
        let cells = rows.iter().filter_map(|row| row.get(nth));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
