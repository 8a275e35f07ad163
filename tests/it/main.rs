//! Everything that needs the server and its database. One binary: one link, one place to look.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
mod support;

mod browser;
mod clients;
mod faults;
mod impersonation;
mod migrations;
mod provision;
mod schema;
