//! A person signs in with a password, and comes back with a cookie.
use super::passwords::Line;
use super::{Context, Failure};
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::{self, Failures};
use crate::authentication::{Authenticated, Session, SignInRefusal, session, with_password};
use crate::crypto::{hash, password, random};
use crate::domain::caller::Caller;
use crate::domain::{SessionId, Timestamp};
use crate::store::sessions::{Found, NewSession};
use crate::store::{self, Conn, StoreError, Transactional as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    SignIn(SignInRefusal),
    /// Too many failures; the same answer whether or not the account exists.
    #[error("too many attempts")]
    Throttled,
    #[error("the password is too long")]
    Malformed,
}

/// The cookie of a session that was just made.
pub struct SignedIn {
    pub session_token: String,
    pub expires_at: Timestamp,
    /// What the browser shows the next time; see [`acquaintance`].
    pub acquaintance: String,
}

/// What is typed, and what the browser brings along.
pub struct Typed<'a> {
    pub email: &'a str,
    pub password: String,
    pub acquaintance: Option<&'a str>,
}

/// Signs what the cookie of a browser says in which somebody has signed in by `email`.
const KNOWN: &str = "known browser";

/// Says that the browser which has it has been signed in by `email` before, and nothing else: it opens nothing,
/// and failures count as ever. Whoever has it does not wait behind a flood of strangers.
fn acquaintance(ctx: &Context, email: &str) -> String {
    ctx.shared.forms.sign(KNOWN, &[&store::users::canonical_email(email)])
}

fn line(ctx: &Context, typed: &Typed<'_>) -> Line {
    let email = store::users::canonical_email(typed.email);
    let known = |token: &str| ctx.shared.forms.verify(KNOWN, &[&email], token);
    if typed.acquaintance.is_some_and(known) { Line::Known } else { Line::Strangers }
}

/// Throttle first, then the hash, then the verdict; a failure is counted and written down.
pub async fn sign_in(
    ctx: &Context,
    typed: Typed<'_>,
    caller: &Caller,
) -> Result<SignedIn, Failure<Refusal>> {
    let line = line(ctx, &typed);
    let Typed { email, password, .. } = typed;
    if password.len() > password::MAX_BYTES || email.chars().count() > 320 {
        return Err(Failure::Refused(Refusal::Malformed));
    }
    let keys = FailureKeys::of(email, caller);
    let found = {
        let conn = ctx.store.conn().await?;
        let now = store::settings::now(&conn).await?;
        if ctx.shared.rate_limits && must_wait(&conn, &keys, now).await? {
            return Err(Failure::Refused(Refusal::Throttled));
        }
        store::users::find_for_sign_in(&conn, email).await?
    };
    // No connection is held while a password is hashed.
    let hash = found.as_ref().and_then(|(_, hash, _)| hash.clone());
    let matches = ctx.shared.passwords.verify(line, password.clone(), hash.clone()).await;
    let matches = matches.map_err(|_| Failure::Busy)?;
    let rehashed = match &hash {
        Some(hash) if matches && password::needs_rehash(hash) => {
            ctx.shared.passwords.hash(password).await.map_err(|_| Failure::Busy)?
        }
        Some(_) | None => None,
    };
    let verdict = match found {
        Some((user, _, now)) => with_password(user, matches, now),
        None => Err(SignInRefusal::WrongCredentials),
    };
    let mut conn = ctx.store.conn().await?;
    match verdict {
        Ok(proof) => {
            let (session_token, expires_at) =
                open_session(&mut conn, &proof, (&keys, rehashed), caller).await?;
            Ok(SignedIn { session_token, expires_at, acquaintance: acquaintance(ctx, email) })
        }
        Err(refusal) => {
            note_failure(&mut conn, &keys, refusal, caller).await?;
            Err(Failure::Refused(Refusal::SignIn(refusal)))
        }
    }
}

/// What failures are counted by; what was typed is not kept.
pub(super) struct FailureKeys {
    account_and_address: Vec<u8>,
    address: Vec<u8>,
}

impl FailureKeys {
    pub(super) fn of(email: &str, caller: &Caller) -> Self {
        let address = caller.ip.as_deref().unwrap_or("unknown");
        let account = store::users::canonical_email(email);
        Self {
            account_and_address: hash::hash_secret(&format!("login\0{address}\0{account}")),
            address: hash::hash_secret(&format!("login\0{address}")),
        }
    }
}

pub(super) async fn must_wait(
    conn: &Conn,
    keys: &FailureKeys,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let since = now - throttle::WINDOW;
    let (account_and_address, address) = futures_util::try_join!(
        store::login_failures::count(conn, &keys.account_and_address, since),
        store::login_failures::count(conn, &keys.address, since),
    )?;
    Ok(throttle::must_wait(Failures { account_and_address, address }))
}

async fn open_session(
    conn: &mut Conn,
    proof: &Authenticated,
    (keys, rehashed): (&FailureKeys, Option<String>),
    caller: &Caller,
) -> Result<(String, Timestamp), Failure<Refusal>> {
    let session_token = random::secret();
    let expires_at = proof.at() + session::LIFETIME;
    let id = SessionId::parse(random::id("ses", proof.at()))
        .map_err(|e| StoreError::Corrupt { table: "sessions", what: e.to_string() })?;
    let user = proof.user();
    let new = NewSession {
        id: &id,
        token_hash: &hash::hash_secret(&session_token),
        user: &user.id,
        at: proof.at(),
        expires_at,
        caller,
    };
    let event = Event::by_owner(EventKind::LoginSucceeded, user, caller);
    conn.transaction::<_, StoreError, _>(async |tx| {
        store::sessions::insert(tx, &new).await?;
        store::users::note_login(tx, &user.id, proof.at()).await?;
        keys.forget(tx).await?;
        if let Some(hash) = &rehashed {
            store::users::set_password_hash(tx, &user.id, hash).await?;
        }
        store::audit::append(tx, &event).await
    })
    .await?;
    Ok((session_token, expires_at))
}

async fn note_failure(
    conn: &mut Conn,
    keys: &FailureKeys,
    refusal: SignInRefusal,
    caller: &Caller,
) -> Result<(), StoreError> {
    // Who was tried is not known to be a user, so no name is written: it may be a password.
    let event = Event::new(EventKind::LoginFailed, caller).because(refusal.to_string());
    count_failure(conn, keys, &event).await
}

/// A wrong password, with its event.
pub(super) async fn count_failure(
    conn: &mut Conn,
    keys: &FailureKeys,
    event: &Event,
) -> Result<(), StoreError> {
    conn.transaction::<_, StoreError, _>(async |tx| {
        store::login_failures::insert(tx, &[&keys.account_and_address, &keys.address]).await?;
        store::audit::append(tx, event).await
    })
    .await
}

impl FailureKeys {
    pub(super) async fn forget(&self, conn: &Conn) -> Result<(), StoreError> {
        store::login_failures::forget(conn, &self.account_and_address).await
    }
}

/// Who a browser is signed in as, by the cookie of an ordinary session.
///
/// The cookie of an impersonated session, or anything else, is nobody.
pub async fn resume(
    conn: &Conn,
    token: &str,
) -> Result<Option<(Session, Authenticated)>, StoreError> {
    let resumed = resume_with_clock(conn, token).await?;
    Ok(resumed.map(|(session, proof, _)| (session, proof)))
}

/// The same, and what time it is.
pub async fn resume_with_clock(
    conn: &Conn,
    token: &str,
) -> Result<Option<(Session, Authenticated, Timestamp)>, StoreError> {
    let Some((found, now)) = store::sessions::find(conn, &hash::hash_secret(token)).await? else {
        return Ok(None);
    };
    let Found::Own(session) = found else { return Ok(None) };
    let Ok(proof) = session.resume(now) else { return Ok(None) };
    if now - session.last_seen_at > chrono::Duration::minutes(1) {
        store::sessions::touch(conn, &session.id, now).await?;
    }
    Ok(Some((*session, proof, now)))
}
