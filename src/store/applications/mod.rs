//! Applications, their redirect addresses and the consents given to them.
pub mod clients;
pub mod consents;
pub mod list;
pub mod write;
