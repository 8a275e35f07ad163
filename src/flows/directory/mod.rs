//! Users, organizations, roles, members and service accounts: found, shown, created and changed.
pub mod find_users;
pub mod last_administrator;
pub mod manage_members;
pub mod manage_organizations;
pub mod manage_roles;
pub mod manage_users;
pub mod service_accounts;
pub mod view_user;
