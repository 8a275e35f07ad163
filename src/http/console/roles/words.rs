//! Permissions, in words for people.
use crate::domain::permission as may;

/// What the permissions of Understudy let somebody do, by what they are about.
pub const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Acting as others",
        &[
            (may::IMPERSONATE, "Act as users"),
            (may::IMPERSONATE_ADMIN, "Act as administrators too"),
            (may::IMPERSONATIONS_READ, "See who acts and acted as whom"),
            (may::IMPERSONATIONS_END, "End any impersonation"),
        ],
    ),
    (
        "People",
        &[
            (may::USERS_READ, "See people and what applications are told about them"),
            (may::USERS_WRITE, "Change people: roles, status, sessions"),
            (may::ROLES_WRITE, "Make and change roles"),
            (may::ORGANIZATIONS_READ, "See organizations"),
            (may::ORGANIZATIONS_WRITE, "Make and change organizations"),
        ],
    ),
    (
        "Applications",
        &[
            (may::CLIENTS_READ, "See applications"),
            (may::CLIENTS_WRITE, "Make and change applications"),
        ],
    ),
    (
        "The installation",
        &[
            (may::AUDIT_READ, "Read the whole audit trail"),
            (may::AUDIT_READ_OWN, "Read what they did, and what was done to them"),
            (may::KEYS_WRITE, "See and rotate signing keys"),
        ],
    ),
];

/// What a permission lets somebody do; `None` for the words of applications.
pub fn of(permission: &str) -> Option<&'static str> {
    let known = GROUPS.iter().flat_map(|(_, entries)| entries.iter());
    known.into_iter().find(|(name, _)| *name == permission).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_of_ours_has_words_once() {
        let told = GROUPS.iter().flat_map(|(_, entries)| entries.iter()).map(|(name, _)| *name);
        let mut told: Vec<&str> = told.collect();
        let mut all = may::ALL.to_vec();
        told.sort_unstable();
        all.sort_unstable();
        assert_eq!(told, all);
    }
}
