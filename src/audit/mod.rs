//! Events of the audit trail, and its seals.
//!
//! An [`Event`] is written in the transaction of the act it tells of: no event, no act. The actor is
//! always the person or service that really acted, never the subject. Seals: [`chain`].
pub mod chain;
pub mod event;

pub use event::{Event, EventKind};
