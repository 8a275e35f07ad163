//! How far a long run is, for whoever waits for it.

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Another run is under way, and this one comes after it.
    Wait,
    /// Passwords that the file gives in plain text.
    Hash,
    /// Entries that change.
    Write,
    /// The event of each change.
    Record,
    /// People of an export.
    Export,
}

impl Phase {
    /// As in `1,000 of 2,000 changes written`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "waiting: another `apply` is under way",
            Self::Hash => "passwords hashed",
            Self::Write => "changes written",
            Self::Record => "changes recorded",
            Self::Export => "people exported",
        }
    }
}

/// Called with the phase, what is done, and how much there is in all.
#[derive(Clone, Copy)]
pub struct Progress<'a>(&'a (dyn Fn(Phase, usize, usize) + Sync));

impl<'a> Progress<'a> {
    pub fn new(watch: &'a (dyn Fn(Phase, usize, usize) + Sync)) -> Self {
        Self(watch)
    }

    pub fn none() -> Self {
        Self(&|_, _, _| {})
    }

    pub(super) fn at(self, phase: Phase, done: usize, of: usize) {
        (self.0)(phase, done, of);
    }
}
