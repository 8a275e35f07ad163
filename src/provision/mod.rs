//! `apply` and `export`: organizations, roles, people and applications as one declarative file.
//!
//! [`read()`] checks a whole file before anything is touched and names every mistake with its line;
//! [`plan()`] says what would change; [`apply()`] does it in one transaction, with an audit event for each
//! change. A file is the whole truth about what it names: a key that is left out is at its default. Only
//! secrets, `status` and metadata stay as they are, because others change them in daily work.
mod apply;
mod document;
mod export;
mod file;
mod locate;
mod mistake;
mod plan;
mod read;
mod read_client;
mod read_rooms;
mod read_user;
mod section;
mod steps;
mod stored;
mod substitute;

pub use apply::{DryRun, ProvisionError, Prune, apply, apply_to, plan};
pub use export::{export, export_from};
pub use file::File;
pub use mistake::Mistake;
pub use plan::{Action, Change, Field, Plan, What};
pub use read::read;

#[cfg(test)]
mod tests;
