//! What is wrong in a file, and where.
use crate::domain::text::is_visible;
use std::cell::RefCell;
use std::fmt;

/// One mistake. Never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from one.
    pub line: usize,
    /// The way to the key, as in `users[2].email`; empty for the file as a whole.
    pub key: String,
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "line {}: {}", self.line, self.problem)
        } else {
            write!(f, "line {}: {}: {}", self.line, self.key, self.problem)
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStep {
    Key(String),
    Item(usize),
}

/// The way from the top of the file to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<PathStep>);

impl Path {
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(PathStep::Key(key.to_owned()))
    }

    pub(super) fn item(&self, nth: usize) -> Self {
        self.with(PathStep::Item(nth))
    }

    fn with(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if nth == 0 => f.write_str(&printable(key))?,
                PathStep::Key(key) => write!(f, ".{}", printable(key))?,
                PathStep::Item(nth) => write!(f, "[{nth}]")?,
            }
        }
        Ok(())
    }
}

/// Text of a file as it may be shown on a terminal.
pub(super) fn printable(text: &str) -> String {
    let show = |c: char| if is_visible(c) { c.into() } else { c.escape_unicode().to_string() };
    text.chars().map(show).collect()
}

/// Where readers put what they find, so that all mistakes are told at once.
#[derive(Default)]
pub(super) struct Notes(RefCell<Vec<(Path, String)>>);

impl Notes {
    pub(super) fn add(&self, path: Path, problem: impl Into<String>) {
        self.0.borrow_mut().push((path, problem.into()));
    }

    pub(super) fn into_inner(self) -> Vec<(Path, String)> {
        self.0.into_inner()
    }
}
