//! People, remembered for as long as the database says that nothing in their organization has changed.
//!
//! It says so with whatever names them, a session, a code or a token, in the same statement ([`Moment`]): nothing is
//! asked twice, and nobody is seen as they were before.
//!
//! Only for whoever shows something of their own. Somebody who is named by others is read each time, or the time of
//! the answer would say whether there is such a user.
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

/// The most that are remembered at a time.
const MOST: usize = 10_000;

/// What the connections of a pool have in common.
#[derive(Default)]
pub(in crate::store) struct People(Mutex<CachedUser>);

/// Each with the version of their organization at which they were read.
type CachedUser = HashMap<String, (OrganizationVersion, Arc<UserStanding>)>;

/// Somebody, and until when what they were given is dead.
pub struct UserStanding {
    pub person: BoxUser,
    not_before: Option<Timestamp>,
}

impl UserStanding {
    /// Whether what they were given at `at` is dead.
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

/// The latest moment of [`crate::store::tokens::not_before`] that is about a row of `people`.
struct PersonNotBefore;

impl Written for PersonNotBefore {
    type SqlType = Nullable<Timestamptz>;
    const SQL: &'static str = "(SELECT max(v.since) FROM vetoes v WHERE v.id IN (people.id, people.organization_id, '*') \
     AND CASE v.kind WHEN 'user_not_before' THEN v.id = people.id \
     WHEN 'organization_not_before' THEN v.id = people.organization_id \
     WHEN 'everybody_not_before' THEN v.id = '*' END)";
}

impl People {
    /// Whoever has moved to another organization has changed both, so the one they were in says enough.
    fn get(&self, id: &str, directory: &DirectoryVersions) -> Option<Arc<UserStanding>> {
        let known = self.known();
        let (version, person) = known.get(id)?;
        let organization = person.user.organization_id();
        (directory.of(organization) == *version).then(|| Arc::clone(person))
    }

    fn keep(&self, id: &str, directory: &DirectoryVersions, person: &Arc<UserStanding>) {
        let version = directory.of(person.user.organization_id());
        let mut known = self.known();
        if known.len() >= MOST && !known.contains_key(id) {
            *known = HashMap::new();
        }
        known.insert(id.to_owned(), (version, Arc::clone(person)));
    }

    fn known(&self) -> MutexGuard<'_, CachedUser> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody as they stood at `at`, or stand now.
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
