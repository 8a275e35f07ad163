//! Who is signed in by an assertion, who is on the way, and which assertions were used.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Party;
use super::token::Token;
use crate::session::random;

const MOST: usize = 10_000;
const LOGIN_TAKES_AT_MOST: TimeDelta = TimeDelta::minutes(10);
const WORKING_DAY: TimeDelta = TimeDelta::hours(8);
const AUTH0: &str = "http://schemas.auth0.com/";

/// A request that has not come back.
pub struct Pending {
    pub party: &'static str,
    pub browser: String,
    pub return_to: String,
    pub started_at: DateTime<Utc>,
}

#[derive(Clone)]
pub struct Session {
    pub party: &'static str,
    pub token: Token,
    /// The actor of an impersonation.
    pub acting: Option<String>,
    pub signed_in_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub form_token: String,
}

#[derive(Default)]
struct All {
    pending: HashMap<String, Pending>,
    sessions: HashMap<String, Session>,
    used: HashMap<String, DateTime<Utc>>,
}

#[derive(Default)]
pub struct Federated(Mutex<All>);

/// Any one of the marks is enough; the e-mail address reads better than the id.
fn actor(token: &Token) -> Option<String> {
    let mark = |name: &str| token.claims.get(&format!("{AUTH0}{name}"));
    let marked = mark("impersonated").or(mark("impersonator")).or(mark("impersonator_email"));
    marked?;
    let email = mark("impersonator_email").map(|email| crate::marks::called(email));
    Some(email.or(mark("impersonator").cloned()).unwrap_or_else(|| "Somebody".to_owned()))
}

impl Federated {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false` when there is no room.
    pub fn begin(&self, id: String, pending: Pending) -> bool {
        let mut all = self.all();
        let now = pending.started_at;
        all.pending.retain(|_, pending| now - pending.started_at < LOGIN_TAKES_AT_MOST);
        let room = all.pending.len() < MOST;
        if room {
            all.pending.insert(id, pending);
        }
        room
    }

    /// An answer comes back once, in time, to the browser and the application that asked.
    pub fn finish(
        &self,
        id: &str,
        (party, browser): (&str, &str),
        now: DateTime<Utc>,
    ) -> Option<Pending> {
        let mut all = self.all();
        let found = all.pending.get(id)?;
        let in_time = now - found.started_at < LOGIN_TAKES_AT_MOST;
        let theirs = found.browser == browser && found.party == party && in_time;
        if theirs { all.pending.remove(id) } else { None }
    }

    /// An assertion is good for one session.
    pub fn first_time(&self, id: &str, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let mut all = self.all();
        all.used.retain(|_, until| now < *until + TimeDelta::minutes(2));
        all.used.insert(id.to_owned(), until).is_none()
    }

    /// An impersonated session ends with the impersonation or, if that is not said, with the token: then the
    /// provider is asked again.
    pub fn start(&self, party: &Party, token: Token, now: DateTime<Utc>) -> Option<String> {
        let mut all = self.all();
        all.sessions.retain(|_, session| now < session.ends_at);
        if all.sessions.len() >= MOST {
            return None;
        }
        let acting = actor(&token);
        let ends_at = match acting {
            Some(_) => token.session_until.unwrap_or(token.until),
            None => now + WORKING_DAY,
        };
        let session = Session {
            party: party.slug,
            token,
            acting,
            signed_in_at: now,
            ends_at,
            form_token: random(),
        };
        let id = random();
        all.sessions.insert(id.clone(), session);
        Some(id)
    }

    pub fn find(&self, id: &str, now: DateTime<Utc>) -> Option<Session> {
        self.all().sessions.get(id).filter(|session| now < session.ends_at).cloned()
    }

    pub fn end(&self, id: &str) {
        self.all().sessions.remove(id);
    }

    /// The session or user that a logout request names.
    pub fn end_index(&self, party: &str, index: &str) {
        self.all().sessions.retain(|_, session| {
            session.party != party || session.token.session_index.as_deref() != Some(index)
        });
    }
}
