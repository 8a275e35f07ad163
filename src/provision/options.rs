//! How a directory file is applied.

/// Whether to say only what would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    Yes,
    No,
}

/// Whether what the file does not name is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    Yes,
    No,
}
