//! Organizations, users, roles, credentials and the users of the Box API.
pub mod batches;
pub mod box_subjects;
pub mod box_users;
pub mod credentials;
pub mod organizations;
pub mod roles;
pub mod search;
pub mod service_accounts;
pub mod user_cache;
pub mod users;
pub(super) mod version;
pub mod write;
