//! Settings of the whole installation, the version of its schema, and what counts no more after a restore.
pub mod cleaning;
pub mod readings;
pub mod schema_version;
pub mod settings;
