//! People, remembered for as long as the database says that nothing in the directory has changed.
//!
//! It says so with whatever names them, a session, a code or a token, in the same statement ([`Moment`]): nothing is
//! asked twice, and nobody is seen as they were before.
//!
//! Only for whoever shows something of their own. Somebody who is named by others is read each time, or the time of
//! the answer would say whether there is such a user.
use super::box_users::{Beside, whole};
use super::schema::{moment, people, users};
use super::users::Person;
use super::{Conn, Moment, StoreError};
use crate::domain::box_profile::BoxUser;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most that are remembered at a time.
const MOST: usize = 10_000;

/// What the connections of a pool have in common.
#[derive(Default)]
pub(super) struct People(Mutex<Remembered>);

/// All of one version.
#[derive(Default)]
struct Remembered {
    directory: i64,
    people: HashMap<String, Arc<BoxUser>>,
}

impl People {
    fn get(&self, id: &str, directory: i64) -> Option<Arc<BoxUser>> {
        let known = self.known();
        if known.directory == directory { known.people.get(id).cloned() } else { None }
    }

    fn keep(&self, id: &str, directory: i64, person: &Arc<BoxUser>) {
        let mut known = self.known();
        let is_full = known.directory == directory && known.people.len() >= MOST;
        if known.directory < directory || is_full {
            *known = Remembered { directory, people: HashMap::new() };
        }
        if known.directory == directory {
            known.people.insert(id.to_owned(), Arc::clone(person));
        }
    }

    fn known(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody as they stood at `at`, or stand now.
pub async fn at(mut conn: &Conn, id: &str, at: Moment) -> Result<Option<Arc<BoxUser>>, StoreError> {
    let remembered = at.directory.and_then(|directory| conn.people().get(id, directory));
    if remembered.is_some() {
        return Ok(remembered);
    }
    let row: Option<(Person, Beside, Moment)> = people::table
        .inner_join(users::table.on(users::id.eq(people::id)))
        .filter(people::id.eq(id))
        .select((Person::as_select(), Beside::as_select(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    let Some((person, beside, at)) = row else { return Ok(None) };
    let person = Arc::new(whole((person, beside))?);
    if let Some(directory) = at.directory {
        conn.people().keep(id, directory, &person);
    }
    Ok(Some(person))
}
