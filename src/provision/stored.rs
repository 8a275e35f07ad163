//! What the database holds now, as far as a file names it.
//!
//! Of a million people only those are read whom the file means: by id, or as the owner of an e-mail address in it; besides
//! them the administrators, because one has to be left.
use super::file::{File, WantedUser};
use super::named::Named;
use super::options::Prune;
use crate::domain::Timestamp;
use crate::store::applications::write::StoredClient;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::StoredUser;
use crate::store::directory::{batches as people, batches::NamedBy};
use crate::store::{self, Conn, StoreError};
use futures_util::try_join;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub(super) struct StoredDirectory {
    pub(super) impersonation_enabled: bool,
    pub(super) organizations: Vec<OrganizationRecord>,
    /// Without the built-in ones.
    pub(super) roles: Vec<RoleRecord>,
    /// Those that the file means.
    pub(super) users: Vec<StoredUser>,
    /// Those who have the role `admin`, whether the file means them or not.
    pub(super) administrators: Vec<StoredUser>,
    /// Everybody's, if those are removed whom the file does not name.
    pub(super) user_ids: Vec<String>,
    pub(super) clients: Vec<StoredClient>,
    pub(super) now: Timestamp,
}

impl StoredDirectory {
    pub(super) async fn load(conn: &Conn, file: &File, prune: Prune) -> Result<Self, StoreError> {
        let named = Named::of(file);
        let ((impersonation_enabled, now), roles, by_id, by_email, administrators) = try_join!(
            store::installation::settings::feature_and_clock(conn),
            store::directory::roles::list_custom(conn),
            people::list_named(conn, NamedBy::Id, &named.users),
            people::list_named(conn, NamedBy::Email, &named.emails),
            people::list_administrators(conn),
        )?;
        let users: BTreeMap<String, StoredUser> =
            by_id.into_iter().chain(by_email).map(|user| (user.record.id.clone(), user)).collect();
        let users: Vec<StoredUser> = users.into_values().collect();
        let known = || users.iter().chain(&administrators).map(|user| &user.record);
        let clients = if named.has_clients || prune == Prune::Yes {
            store::applications::write::list(conn).await?
        } else {
            let owners = known().filter_map(|user| user.created_by_client_id.clone());
            let ids: BTreeSet<String> = named.clients.into_iter().chain(owners).collect();
            store::applications::write::list_named(conn, &Vec::from_iter(ids)).await?
        };
        let (organizations, user_ids) = match prune {
            Prune::Yes => {
                (store::directory::organizations::list(conn).await?, user_ids(conn).await?)
            }
            Prune::No => {
                let homes = known().filter_map(|user| user.organization_id.clone());
                let owners = clients.iter().filter_map(|one| one.record.organization_id.clone());
                let ids: BTreeSet<String> =
                    named.organizations.into_iter().chain(homes).chain(owners).collect();
                let ids = Vec::from_iter(ids);
                (store::directory::organizations::list_named(conn, &ids).await?, Vec::new())
            }
        };
        Ok(Self {
            impersonation_enabled,
            organizations,
            roles,
            users,
            administrators,
            user_ids,
            clients,
            now,
        })
    }

    /// For each user of the file the one who is meant: by id, else by e-mail address.
    pub(super) fn users_of<'a>(&'a self, file: &File) -> Vec<Option<&'a StoredUser>> {
        let people = self.people();
        let named: HashSet<&str> =
            file.users.iter().filter_map(|user| user.id.as_deref()).collect();
        let meant = |wanted: &WantedUser| match (&wanted.id, &wanted.record.email_canonical) {
            (Some(id), _) => people.by_id.get(id.as_str()).copied(),
            // Another entry names that user by id, and gives them another address.
            (None, Some(email)) => people
                .by_email
                .get(email.as_str())
                .copied()
                .filter(|user| !named.contains(user.record.id.as_str())),
            (None, None) => None,
        };
        file.users.iter().map(meant).collect()
    }

    pub(super) fn people(&self) -> StoredPeople<'_> {
        StoredPeople {
            by_id: self.users.iter().map(|user| (user.record.id.as_str(), user)).collect(),
            by_email: self
                .users
                .iter()
                .filter_map(|user| Some((user.record.email_canonical.as_deref()?, user)))
                .collect(),
        }
    }

    /// Everybody's id, as far as it has been read.
    pub(super) fn all_ids(&self) -> BTreeSet<&str> {
        let users = self.users.iter().map(|user| user.record.id.as_str());
        users.chain(self.user_ids.iter().map(String::as_str)).collect()
    }
}

/// The people of [`StoredDirectory`], to be looked up.
pub(super) struct StoredPeople<'a> {
    pub(super) by_id: HashMap<&'a str, &'a StoredUser>,
    pub(super) by_email: HashMap<&'a str, &'a StoredUser>,
}

async fn user_ids(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut ids: Vec<String> = Vec::new();
    loop {
        let after = ids.last().map(String::as_str).unwrap_or_default();
        let page = people::list_ids_page(conn, after).await?;
        let is_last = page.len() < people::BATCH_SIZE;
        ids.extend(page);
        if is_last {
            return Ok(ids);
        }
    }
}
