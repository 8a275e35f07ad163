//! The policy decision point: whether one user may act as another, and the marks that disclose it.
//!
//! Read [`policy::decide`] first. Pure: no clock, no database, no HTTP. Nothing else in the program
//! can make one identity act as another: an [`Impersonation`] comes from `decide` alone, and every
//! session, code, token and audit event that follows names it.
pub mod denial;
pub mod grant;
pub mod invariants;
pub mod marks;
pub mod policy;
pub mod request;
pub mod requester;
pub mod ticket;

pub use denial::Denial;
pub use grant::{Impersonation, Terms};
pub use policy::decide;
pub use request::{ActorProof, Given, ImpersonationRequest, Occasion};
pub use requester::{RequestedBy, Requester, RequestingApplication};
