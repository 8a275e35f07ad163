//! What several flows use: caches, the key ring, the queue of audit events, the inputs of the decision.
pub mod audit_queue;
pub mod client_cache;
pub mod clock;
pub mod decision_facts;
pub mod keyring;
pub mod passwords;
