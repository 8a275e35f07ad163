//! What the database holds now, as far as a file can name it.
use super::file::{File, WantedUser};
use crate::domain::Timestamp;
use crate::store::directory::StoredUser;
use crate::store::organizations::OrganizationRecord;
use crate::store::registrations::StoredClient;
use crate::store::roles::RoleRecord;
use crate::store::{self, Conn, StoreError};
use futures_util::try_join;
use std::collections::{HashMap, HashSet};

pub(super) struct Stored {
    pub(super) impersonation_enabled: bool,
    pub(super) organizations: Vec<OrganizationRecord>,
    /// Without the built-in ones.
    pub(super) roles: Vec<RoleRecord>,
    pub(super) users: Vec<StoredUser>,
    pub(super) clients: Vec<StoredClient>,
    pub(super) now: Timestamp,
}

impl Stored {
    pub(super) async fn load(conn: &Conn) -> Result<Self, StoreError> {
        let ((impersonation_enabled, now), organizations, roles, users, clients) = try_join!(
            store::settings::feature_and_clock(conn),
            store::organizations::list(conn),
            store::roles::list_custom(conn),
            store::directory::list(conn),
            store::registrations::list(conn),
        )?;
        Ok(Self { impersonation_enabled, organizations, roles, users, clients, now })
    }

    /// For each user of the file the one who is meant: by id, else by e-mail address.
    pub(super) fn users_of<'a>(&'a self, file: &File) -> Vec<Option<&'a StoredUser>> {
        let by_id: HashMap<&str, &StoredUser> =
            self.users.iter().map(|user| (user.record.id.as_str(), user)).collect();
        let by_email: HashMap<&str, &StoredUser> = self
            .users
            .iter()
            .filter_map(|user| Some((user.record.email_canonical.as_deref()?, user)))
            .collect();
        let named: HashSet<&str> =
            file.users.iter().filter_map(|user| user.id.as_deref()).collect();
        let meant = |wanted: &WantedUser| match (&wanted.id, &wanted.record.email_canonical) {
            (Some(id), _) => by_id.get(id.as_str()).copied(),
            // Another entry names that user by id, and gives them another address.
            (None, Some(email)) => by_email
                .get(email.as_str())
                .copied()
                .filter(|user| !named.contains(user.record.id.as_str())),
            (None, None) => None,
        };
        file.users.iter().map(meant).collect()
    }
}
