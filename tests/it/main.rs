//! Everything that needs the server and its database. One binary: one link, one place to look.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
mod support;

mod api_scopes;
mod apply;
mod audit_trail;
mod auth0_libraries;
mod bad_input;
mod box_;
mod browser;
mod browsers;
mod cli;
mod clients;
mod console;
mod every_route;
mod faults;
mod hardening;
mod impersonation;
mod interleaved;
mod limits;
mod logs;
mod matrix;
mod migrations;
mod oauth2;
mod operate;
mod pages;
mod provision;
mod samlp;
mod schema;
mod single_logout;
mod size;
mod stolen_keys;
mod wsfed;
mod xml;
