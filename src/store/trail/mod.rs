//! The audit trail: appended, sealed, searched.
pub mod append;
pub mod checkpoints;
pub mod sealing;
pub mod search;
