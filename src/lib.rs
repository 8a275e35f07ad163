#![doc = include_str!("ARCHITECTURE.md")]
// In reading order. A module may use only the modules above it; `tests/architecture.rs` checks.
pub mod domain;
pub mod observability;
pub mod authentication;
pub mod impersonation;
pub mod crypto;
pub mod login;
pub mod audit;
pub mod store;
pub mod flows;
pub mod provision;
pub mod http;
pub mod protocols;
// Not the system but what puts it together and runs it.
pub mod embedded;
pub mod config;
pub mod telemetry;
pub mod app;
pub mod cli;
