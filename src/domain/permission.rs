//! Permissions: an open vocabulary, in which some names mean something to Understudy itself.
use std::collections::BTreeSet;

/// May act as other users.
pub const IMPERSONATE: &str = "impersonate";
/// May act as administrators too.
pub const IMPERSONATE_ADMIN: &str = "impersonate:admin";
pub const USERS_READ: &str = "users:read";
pub const USERS_WRITE: &str = "users:write";
pub const CLIENTS_READ: &str = "clients:read";
pub const CLIENTS_WRITE: &str = "clients:write";
pub const ORGANIZATIONS_READ: &str = "organizations:read";
pub const ORGANIZATIONS_WRITE: &str = "organizations:write";
pub const ROLES_WRITE: &str = "roles:write";
pub const IMPERSONATIONS_READ: &str = "impersonations:read";
pub const IMPERSONATIONS_END: &str = "impersonations:end";
pub const AUDIT_READ: &str = "audit:read";
/// Only what they did themselves, and what was done to them.
pub const AUDIT_READ_OWN: &str = "audit:read-own";
pub const KEYS_WRITE: &str = "keys:write";

/// Permissions of earlier releases that never allowed anything. Roles may still hold them; no page offers or shows them.
pub const RETIRED: &[&str] = &["policies:write", "settings:write"];

/// The built-in role of co-administrators.
pub const COADMIN: &str = "coadmin";
/// The built-in role of service accounts, for these alone.
pub const APP_SERVICE: &str = "app_service";

/// Every permission that Understudy itself asks for: what the built-in role `admin` holds.
pub const ALL: &[&str] = &[
    IMPERSONATE,
    IMPERSONATE_ADMIN,
    USERS_READ,
    USERS_WRITE,
    CLIENTS_READ,
    CLIENTS_WRITE,
    ORGANIZATIONS_READ,
    ORGANIZATIONS_WRITE,
    ROLES_WRITE,
    IMPERSONATIONS_READ,
    IMPERSONATIONS_END,
    AUDIT_READ,
    AUDIT_READ_OWN,
    KEYS_WRITE,
];

/// Whoever holds one of these is an administrator: never acted as without
/// [`IMPERSONATE_ADMIN`], because acting as them would hand out their power over others.
const ADMINISTRATIVE: &[&str] = &[
    IMPERSONATE,
    IMPERSONATE_ADMIN,
    USERS_WRITE,
    CLIENTS_WRITE,
    ORGANIZATIONS_WRITE,
    ROLES_WRITE,
    KEYS_WRITE,
];

/// What a person may do, all roles taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    pub fn holds(&self, permission: &str) -> bool {
        self.0.contains(permission)
    }

    /// Whether whoever holds these may hand `permission` on. They hold it; or it means something to
    /// applications only, and they hold all that means something to Understudy: every permission there is.
    pub fn covers(&self, permission: &str) -> bool {
        let of_applications = !ALL.contains(&permission);
        self.holds(permission) || (of_applications && ALL.iter().all(|own| self.holds(own)))
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    pub fn is_administrative(&self) -> bool {
        ADMINISTRATIVE.iter().any(|permission| self.holds(permission))
    }
}

impl<S: Into<String>> FromIterator<S> for Permissions {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// Lower-case words joined by `:`, `-` or `_`: `impersonate`, `users:read`, `orders:refund-all`.
pub fn is_well_formed(name: &str) -> bool {
    let lowercase = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| lowercase(c) || matches!(c, ':' | '-' | '_' | '.');
    name.len() <= 100 && name.starts_with(lowercase) && name.chars().all(inner)
}
