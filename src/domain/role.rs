//! A name for a set of permissions, with a rank.
//!
//! Callers grant only permissions that they have: [`GrantPower`] is the only rule about that, for every way to
//! grant one.
use super::permission::{APP_SERVICE, COADMIN, Permissions};

/// Every permission.
pub const ADMIN: &str = "admin";
/// Built-in role, whose permissions a migration sets.
pub const BUILT_IN: [&str; 4] = [ADMIN, "support", COADMIN, APP_SERVICE];
/// Characters in a name.
pub const MAX_NAME_LEN: usize = 100;
/// The highest that a rank can be said to be in the console; `admin` has 100.
pub const HIGHEST_RANK: i32 = 1000;

pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// The power that a user can grant.
#[derive(Debug, Clone, Copy)]
pub struct GrantPower<'a> {
    pub permissions: &'a Permissions,
    /// The highest of their roles; 0 without any.
    pub rank: i32,
}

impl GrantPower<'_> {
    /// Whether they may give, take or change something of these `permissions` and this `rank`: the same
    /// answer for all three, and about themselves too.
    pub fn reaches<'a>(&self, mut permissions: impl Iterator<Item = &'a str>, rank: i32) -> bool {
        rank <= self.rank && permissions.all(|permission| self.permissions.covers(permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::ALL;

    fn reaches(own: &[&str], rank: i32, (permissions, of): (&[&str], i32)) -> bool {
        let own: Permissions = own.iter().copied().collect();
        GrantPower { permissions: &own, rank }.reaches(permissions.iter().copied(), of)
    }

    #[test]
    fn h12_nobody_reaches_what_they_lack_or_what_is_above_them() {
        let own = ["users:read", "users:write"];
        assert!(reaches(&own, 20, (&["users:read"], 20)));
        assert!(reaches(&own, 20, (&[], 0)));
        assert!(!reaches(&own, 20, (&["users:read"], 21)));
        assert!(!reaches(&own, 20, (&["users:read", "roles:write"], 5)));
        assert!(!reaches(&own, 20, (&["orders:refund"], 5)));
    }

    #[test]
    fn h12_words_of_applications_are_handed_out_by_whoever_holds_all_of_ours() {
        assert!(reaches(ALL, 100, (&["orders:refund"], 5)));
        let but_one: Vec<&str> = ALL.iter().copied().filter(|it| *it != "keys:write").collect();
        assert!(!reaches(&but_one, 100, (&["orders:refund"], 5)));
        assert!(!reaches(&but_one, 100, (&["keys:write"], 5)));
    }
}
