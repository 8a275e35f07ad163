//! The audit trail: its positions, its seals, and what `audit verify` says of it.
mod carried;
mod horizon;
mod killed;
mod restoring;
mod rights;
mod seals;
