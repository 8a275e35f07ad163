//! How far a command is: a bar on a terminal, a line from time to time elsewhere. On standard error, because standard
//! output is the result.
use super::output;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two pictures of the bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// What is over sooner needs neither.
const SHORT: Duration = Duration::from_millis(500);
const WIDTH: usize = 30;

/// The progress of one command.
pub struct ProgressBar {
    began: Instant,
    shown: Mutex<Option<Instant>>,
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self { began: Instant::now(), shown: Mutex::new(None) }
    }
}

impl ProgressBar {
    /// `done` of `of` things; `what` says which, in the plural. Without a number only `what` is said.
    pub fn show(&self, what: &str, done: usize, of: usize) {
        let on_terminal = std::io::stderr().is_terminal();
        let pause = if on_terminal { DRAW_EVERY } else { LINE_EVERY };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = shown.map_or(self.began.elapsed() >= SHORT, |at| at.elapsed() >= pause);
        if of == 0 {
            output::note(what);
        } else if is_due {
            *shown = Some(Instant::now());
            let line = format!("{} of {} {what}", grouped(done), grouped(of));
            if on_terminal {
                let _ = write!(std::io::stderr().lock(), "\r\x1b[K{} {line}", picture(done, of));
            } else {
                output::note(&line);
            }
        }
    }

    /// Takes the bar away before the result is printed.
    pub fn clear(&self) {
        let was_shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_shown && std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn picture(done: usize, of: usize) -> String {
    let filled = done.min(of).saturating_mul(WIDTH).checked_div(of).unwrap_or_default();
    format!("[{}{}]", "#".repeat(filled), " ".repeat(WIDTH - filled))
}

/// `1234567` as `1,234,567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_the_bar_fills_from_the_left() {
        assert_eq!(["7", "999", "1,000", "1,234,567"], [7, 999, 1000, 1_234_567].map(grouped)[..]);
        assert_eq!(picture(1, 2), format!("[{}{}]", "#".repeat(15), " ".repeat(15)));
        assert_eq!(picture(3, 2), format!("[{}]", "#".repeat(30)), "more than was estimated");
        assert_eq!(picture(0, 0), format!("[{}]", " ".repeat(30)));
    }
}
