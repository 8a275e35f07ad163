//! Sessions, and logins that wait for the provider: both in memory, both keyed by random values.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{AccessToken, CsrfToken, Nonce, PkceCodeVerifier};
use url::Url;

use crate::marks::Acting;
use crate::provider::OurIdToken;

/// Enough for a demo, and a limit on the memory that strangers can use up.
const MOST: usize = 10_000;
const LOGIN_TAKES_AT_MOST: TimeDelta = TimeDelta::minutes(10);
const WORKING_DAY: TimeDelta = TimeDelta::hours(8);

pub fn random() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

#[derive(Clone)]
pub struct Session {
    pub subject: String,
    pub sid: Option<String>,
    pub acting: Option<Acting>,
    pub id_token: OurIdToken,
    /// The claims of the ID token, which the page shows.
    pub id_token_claims: String,
    pub access_token: AccessToken,
    pub signed_in_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// In every form that changes something, so that no other site can submit it.
    pub form_token: String,
    /// The provider said so; kept to tell the browser, when it comes back.
    pub over: bool,
}

/// An impersonation has a hard end and our session ends with it. Should the claim be missing, the ID
/// token's own expiry is the next best bound.
pub fn end_of_session(
    acting: Option<&Acting>,
    id_token_expiry: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let longest = now + WORKING_DAY;
    acting.map_or(longest, |acting| acting.until.unwrap_or(id_token_expiry).min(longest))
}

/// A login that has been sent to the provider and has not come back.
pub struct Pending {
    /// The cookie of the browser that started it.
    pub browser: String,
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
    pub return_to: Url,
    pub started_at: DateTime<Utc>,
}

#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when there is no room.
    pub fn start(&self, session: Session) -> Option<String> {
        let mut all = self.all();
        let now = session.signed_in_at;
        all.retain(|_, session| now < session.ends_at);
        (all.len() < MOST).then(|| {
            let id = random();
            all.insert(id.clone(), session);
            id
        })
    }

    pub fn find(&self, id: &str) -> Option<Session> {
        self.all().get(id).filter(|session| !session.over).cloned()
    }

    /// Running or over.
    pub fn end(&self, id: &str) -> Option<Session> {
        self.all().remove(id)
    }

    /// What a back-channel logout names: one session of the provider, or all sessions of a subject.
    pub fn end_named(&self, sid: Option<&str>, subject: Option<&str>) -> usize {
        let mut ended = 0;
        for session in self.all().values_mut().filter(|session| !session.over) {
            session.over = match (sid, subject) {
                (None, None) => false,
                (Some(sid), None) => session.sid.as_deref() == Some(sid),
                (None, Some(subject)) => session.subject == subject,
                (Some(sid), Some(subject)) => {
                    session.sid.as_deref() == Some(sid) && session.subject == subject
                }
            };
            ended += usize::from(session.over);
        }
        ended
    }
}

#[derive(Default)]
pub struct Logins(Mutex<HashMap<String, Pending>>);

impl Logins {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false` when there is no room.
    pub fn start(&self, state: &CsrfToken, pending: Pending) -> bool {
        let mut all = self.all();
        let now = pending.started_at;
        all.retain(|_, pending| now - pending.started_at < LOGIN_TAKES_AT_MOST);
        let room = all.len() < MOST;
        if room {
            all.insert(state.secret().clone(), pending);
        }
        room
    }

    /// A login comes back once, in time, and to the browser that started it
    /// ([RFC 9700 §4.7](https://www.rfc-editor.org/rfc/rfc9700#section-4.7)).
    pub fn finish(&self, state: &str, browser: &str, now: DateTime<Utc>) -> Option<Pending> {
        let mut all = self.all();
        let found = all.get(state)?;
        let theirs = found.browser == browser && now - found.started_at < LOGIN_TAKES_AT_MOST;
        if theirs { all.remove(state) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn started() -> (Logins, CsrfToken) {
        let (logins, state) = (Logins::default(), CsrfToken::new_random());
        let pending = Pending {
            browser: "this browser".to_owned(),
            nonce: Nonce::new_random(),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            return_to: Url::parse("http://127.0.0.1:8090/").unwrap(),
            started_at: at(0),
        };
        assert!(logins.start(&state, pending));
        (logins, state)
    }

    #[test]
    fn a_login_comes_back_once() {
        let (logins, state) = started();
        assert!(logins.finish(state.secret(), "this browser", at(1)).is_some());
        assert!(logins.finish(state.secret(), "this browser", at(2)).is_none());
    }

    #[test]
    fn a_login_comes_back_to_its_own_browser_only() {
        let (logins, state) = started();
        assert!(logins.finish(state.secret(), "another browser", at(1)).is_none());
        assert!(logins.finish(state.secret(), "", at(1)).is_none());
        assert!(logins.finish("another state", "this browser", at(1)).is_none());
        assert!(logins.finish(state.secret(), "this browser", at(1)).is_some());
    }

    #[test]
    fn a_login_that_took_too_long_is_gone() {
        let (logins, state) = started();
        assert!(logins.finish(state.secret(), "this browser", at(600)).is_none());
    }

    #[test]
    fn our_session_ends_with_the_impersonation() {
        let acting = |until| Acting {
            actor: "sam.support@understudy.example".to_owned(),
            impersonation_id: None,
            read_only: false,
            until,
        };
        assert_eq!(end_of_session(None, at(300), at(0)), at(8 * 3600));
        assert_eq!(end_of_session(Some(&acting(Some(at(1800)))), at(300), at(0)), at(1800));
        assert_eq!(end_of_session(Some(&acting(None)), at(300), at(0)), at(300));
    }
}
