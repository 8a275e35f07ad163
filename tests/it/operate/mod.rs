//! What operators meet: starts, commands, settings.
mod commands;
mod database;
mod directory;
mod keys_first;
mod least_rights;
mod management;
mod output;
mod people;
mod readiness;
mod requests_followed;
mod starts;
mod tls;

use crate::support::node::{Said, program, run_with};
use std::path::Path;
use std::process::Command;

/// A command in `folder`, with none of the settings that a real installation needs.
fn bare(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
    command.env_clear().current_dir(folder).args(arguments);
    run_with(command, "")
}

/// With every setting, and what is given besides.
fn with(database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = program(database, "http://127.0.0.1:1");
    command.envs(settings.iter().copied()).args(arguments);
    run_with(command, "")
}

/// Every command that works on a database and is not there to change its schema.
const ON_A_DATABASE: [&[&str]; 17] = [
    &["apply", "-f", "-"],
    &["apply", "--dry-run", "-f", "-"],
    &["export"],
    &["impersonate", "--actor", "a", "--subject", "b", "--application", "c", "--reason", "d"],
    &["client", "add", "--saml-metadata", "-"],
    &["client", "list"],
    &["user", "add", "--email", "d@acme.test"],
    &["user", "reset-password", "usr_alice"],
    &["sessions", "end", "--user", "usr_alice"],
    &["audit", "export"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["keys", "rotate", "--force"],
    &["keys", "replace", "--compromised"],
    &["audit", "verify"],
    &["bootstrap"],
    &["restored"],
];
