//! Caches users until something in their organization changes.
//!
//! The statement that finds a session, code or token returns the directory version too ([`Moment`]), so the cache
//! costs no query and is never stale.
//!
//! Only for users who present a credential of their own. A user who is only named is read each time, because the
//! timing would show whether they exist.
use super::box_users::{BoxColumns, whole};
use super::users::UserRow;
use super::version::{DirectoryVersions, OrganizationVersion};
use crate::domain::Timestamp;
use crate::domain::box_profile::BoxUser;
use crate::store::schema::{Written, moment, people, users, written};
use crate::store::{Conn, Moment, StoreError};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of cached users.
const MAX_ENTRIES: usize = 10_000;

/// The cache that the connections of a pool share.
#[derive(Default)]
pub(in crate::store) struct People(Mutex<CachedUser>);

/// Users with the version of their organization at the read.
type CachedUser = HashMap<String, (OrganizationVersion, Arc<UserStanding>)>;

/// A user, and the time before which their credentials are invalid.
pub struct UserStanding {
    pub person: BoxUser,
    not_before: Option<Timestamp>,
}

impl UserStanding {
    /// The `not_before` that invalidates credentials issued at `at`, if any.
    pub fn ended_since(&self, at: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|not_before| at <= *not_before)
    }
}

impl std::ops::Deref for UserStanding {
    type Target = BoxUser;

    fn deref(&self) -> &BoxUser {
        &self.person
    }
}

/// The latest [`crate::store::tokens::not_before`] of a row of `people`.
struct PersonNotBefore;

impl Written for PersonNotBefore {
    type SqlType = Nullable<Timestamptz>;
    const SQL: &'static str = "(SELECT max(v.since) FROM vetoes v WHERE v.id IN (people.id, people.organization_id, '*') \
     AND CASE v.kind WHEN 'user_not_before' THEN v.id = people.id \
     WHEN 'organization_not_before' THEN v.id = people.organization_id \
     WHEN 'everybody_not_before' THEN v.id = '*' END)";
}

impl People {
    /// A move to another organization changes the versions of both, so the old one is enough.
    fn get(&self, id: &str, directory: &DirectoryVersions) -> Option<Arc<UserStanding>> {
        let known = self.known();
        let (version, person) = known.get(id)?;
        let organization = person.user.organization_id();
        (directory.of(organization) == *version).then(|| Arc::clone(person))
    }

    fn keep(&self, id: &str, directory: &DirectoryVersions, person: &Arc<UserStanding>) {
        let version = directory.of(person.user.organization_id());
        let mut known = self.known();
        if known.len() >= MAX_ENTRIES && !known.contains_key(id) {
            *known = HashMap::new();
        }
        known.insert(id.to_owned(), (version, Arc::clone(person)));
    }

    fn known(&self) -> MutexGuard<'_, CachedUser> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A user at `at`, from the cache, or read now.
pub async fn at(
    mut conn: &Conn,
    id: &str,
    at: &Moment,
) -> Result<Option<Arc<UserStanding>>, StoreError> {
    let seen = at.directory.as_ref();
    let remembered = seen.and_then(|directory| conn.people().get(id, directory));
    if remembered.is_some() {
        return Ok(remembered);
    }
    let row: Option<(UserRow, BoxColumns, Option<Timestamp>, Moment)> = people::table
        .inner_join(users::table.on(users::id.eq(people::id)))
        .filter(people::id.eq(id))
        .select((
            UserRow::as_select(),
            BoxColumns::as_select(),
            written::<PersonNotBefore>(),
            moment(),
        ))
        .first(&mut conn)
        .await
        .optional()?;
    let Some((person, beside, not_before, at)) = row else { return Ok(None) };
    let person = Arc::new(UserStanding { person: whole((person, beside))?, not_before });
    if let Some(directory) = &at.directory {
        conn.people().keep(id, directory, &person);
    }
    Ok(Some(person))
}
