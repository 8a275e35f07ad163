//! What is thrown at a server to bring it down or to get past it, beside the protocols.
mod clock;
mod growth;
mod guesses;
mod injection;
mod nodes;
mod numbers;
pub mod pooler;
mod restored;
mod roles;
mod sign_outs;
mod steps;
mod stress;
mod wire;
