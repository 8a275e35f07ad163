//! `apply` and `export`: organizations, roles, people and applications as one declarative file.
//!
//! [`read()`] checks a whole file before anything is touched and names every mistake with its line;
//! [`plan()`] says what would change; [`apply()`] does it in one transaction, with an audit event for each
//! change. A file says what it names and nothing else: a key that is left out stays as it is in the database, `null`
//! is its default, and passwords and secrets are those of the beginning.
//!
//! The console writes one application at a time, by the same rules: [`entry`] reads it, [`applications`]
//! writes it.
mod administrators;
mod application_rights;
pub mod applications;
mod apply;
mod conflicts;
mod document;
pub mod entry;
mod export;
mod file;
mod fill_in;
mod locate;
mod metadata_file;
mod mistake;
mod named;
mod names;
mod new_user;
mod options;
mod plan;
mod progress;
mod read;
mod read_client;
mod read_encryption;
mod read_rooms;
mod read_saml;
mod read_user;
mod saml_keys;
mod saml_metadata;
mod saml_names;
mod schema;
mod section;
mod service_provider;
mod step;
mod steps;
mod stored;
mod substitute;
mod values;
mod write;

pub use apply::{ProvisionError, apply, apply_to, apply_with_progress, plan};
pub use export::{Exporting, export, export_from};
pub use file::File;
pub use mistake::Mistake;
pub use new_user::{PlannedUser, new_user};
pub use options::{DryRun, Prune};
pub use plan::{Change, ChangedField, Listing, Plan, PlannedAction, ShownPlan, What};
pub use progress::{Phase, Progress};
pub use read::{read, read_draft, read_with_files, values};
pub use schema::schema;
pub use service_provider::{ServiceProvider, service_provider};

#[cfg(test)]
mod tests;
