//! Signs users in by password, and resumes sessions by cookie.
use super::failed_attempts::FailureKeys;
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::RetryAfter;
use crate::authentication::{Authenticated, Session, SignInRefusal, session, with_password};
use crate::crypto::{hash, password, random};
use crate::domain::caller::Caller;
use crate::domain::user::User;
use crate::domain::{SessionId, Timestamp};
use crate::flows::shared::passwords::{Busy, PasswordQueue};
use crate::flows::{Context, Failure};
use crate::observability::counters;
use crate::store::sessions::browser_sessions::{FoundSession, NewSession};
use crate::store::{self, Conn, StoreError, Transactional as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsRefusal {
    #[error("{0}")]
    SignIn(SignInRefusal),
    /// Too many failures; the same answer whether or not the account exists.
    #[error("too many attempts")]
    Throttled(RetryAfter),
    #[error("the password is too long")]
    Malformed,
}

/// The cookie of a session that was just made.
pub struct SignedIn {
    pub user: User,
    pub session_token: String,
    pub expires_at: Timestamp,
    /// The `known_device` cookie for the next sign-in; see [`known_device`].
    pub known_device: String,
}

/// The submitted credentials and the browser's cookie.
pub struct Credentials<'a> {
    pub email: &'a str,
    pub password: String,
    pub known_device: Option<&'a str>,
}

/// Purpose of the MAC of the `known_device` cookie.
const KNOWN: &str = "known browser";

/// Lifetime of the `known_device` cookie: half a year.
pub const KNOWN_FOR: chrono::Duration = chrono::Duration::days(180);

/// Purpose under which sign-in and password failures are counted.
pub(in crate::flows) const PURPOSE: &str = "login";

/// Proves that this browser has been signed in by `email` before, and gives no other access. A known device does
/// not queue with anonymous callers, and is throttled only by failures of known devices.
///
/// It is another one at each sign-in and good for [`KNOWN_FOR`], so a copy of it does not count for ever.
fn known_device(ctx: &Context, email: &str, now: Timestamp) -> String {
    let at = now.timestamp_micros().to_string();
    let mac =
        ctx.shared.forms.sign(KNOWN, &[&store::directory::users::canonical_email(email), &at]);
    format!("{at}.{mac}")
}

async fn line(ctx: &Context, typed: &Credentials<'_>) -> Result<PasswordQueue, StoreError> {
    let Some((at, mac)) = typed.known_device.and_then(|token| token.split_once('.')) else {
        return Ok(PasswordQueue::Anonymous);
    };
    let email = store::directory::users::canonical_email(typed.email);
    let made = at.parse().ok().and_then(Timestamp::from_timestamp_micros);
    let Some(made) = made.filter(|_| ctx.shared.forms.verify(KNOWN, &[&email, at], mac)) else {
        return Ok(PasswordQueue::Anonymous);
    };
    let is_recent = crate::flows::shared::clock::now(ctx).await? - made < KNOWN_FOR;
    Ok(if is_recent { PasswordQueue::KnownDevice } else { PasswordQueue::Anonymous })
}

/// Throttle first, then the hash, then the verdict; a failure is counted and written down.
pub async fn sign_in(
    ctx: &Context,
    typed: Credentials<'_>,
    caller: &Caller,
) -> Result<SignedIn, Failure<CredentialsRefusal>> {
    let outcome = sign_in_uncounted(ctx, typed, caller).await;
    counters::SIGN_INS.count(match &outcome {
        Ok(_) => "succeeded",
        Err(Failure::Refused(CredentialsRefusal::SignIn(SignInRefusal::WrongCredentials))) => {
            "wrong_credentials"
        }
        Err(Failure::Refused(CredentialsRefusal::SignIn(SignInRefusal::Inactive))) => "inactive",
        Err(Failure::Refused(CredentialsRefusal::SignIn(SignInRefusal::NoLogin))) => "no_login",
        Err(Failure::Refused(CredentialsRefusal::Throttled(_))) => "throttled",
        Err(Failure::Refused(CredentialsRefusal::Malformed)) => "malformed",
        Err(Failure::Busy) => "busy",
        Err(Failure::Internal(_)) => "error",
    });
    outcome
}

async fn sign_in_uncounted(
    ctx: &Context,
    typed: Credentials<'_>,
    caller: &Caller,
) -> Result<SignedIn, Failure<CredentialsRefusal>> {
    let line = line(ctx, &typed).await?;
    let Credentials { email, password, .. } = typed;
    if password.len() > password::MAX_BYTES || email.chars().count() > 320 {
        return Err(Failure::Refused(CredentialsRefusal::Malformed));
    }
    let account = store::directory::users::canonical_email(email);
    let keys = match line {
        PasswordQueue::KnownDevice => FailureKeys::of_known_device(PURPOSE, &account, caller),
        PasswordQueue::Anonymous => FailureKeys::of_anonymous(PURPOSE, &account, caller),
    };
    let (attempt, found) = {
        let mut conn = ctx.store.conn().await?;
        let attempt = keys.begin(ctx, &mut conn).await?;
        let attempt =
            attempt.map_err(|wait| Failure::Refused(CredentialsRefusal::Throttled(wait)))?;
        (attempt, store::directory::users::find_for_sign_in(&conn, email).await?)
    };
    // No connection is held while a password is hashed.
    let hash = found.as_ref().and_then(|(_, hash, _)| hash.clone());
    let verified = verify(ctx, line, password, hash).await;
    let mut conn = ctx.store.conn().await?;
    let Ok((matches, rehashed)) = verified else {
        attempt.given_up(&conn).await?;
        return Err(Failure::Busy);
    };
    let verdict = match found {
        Some((user, _, now)) => with_password(user, matches, now),
        None => Err(SignInRefusal::WrongCredentials),
    };
    match verdict {
        Ok(proof) => {
            let (session_token, expires_at) =
                open_session(&mut conn, &proof, (&keys, rehashed), caller).await?;
            let user = proof.user().clone();
            let known_device = known_device(ctx, email, proof.at());
            Ok(SignedIn { user, session_token, expires_at, known_device })
        }
        Err(refusal) => {
            // The identifier may not be a user's name, so it is not recorded: it may be a password.
            let event = Event::new(EventKind::LoginFailed, caller).because(refusal.to_string());
            attempt.failed(&mut conn, &event).await?;
            Err(Failure::Refused(CredentialsRefusal::SignIn(refusal)))
        }
    }
}

/// Whether the password matches, and the hash that takes the place of one that is too weak by now.
async fn verify(
    ctx: &Context,
    line: PasswordQueue,
    password: String,
    hash: Option<String>,
) -> Result<(bool, Option<String>), Busy> {
    let passwords = &ctx.shared.passwords;
    let matches = passwords.verify(line, password.clone(), hash.clone()).await?;
    let rehashed = match &hash {
        Some(hash) if matches && password::needs_rehash(hash) => passwords.hash(password).await?,
        Some(_) | None => None,
    };
    Ok((matches, rehashed))
}

async fn open_session(
    conn: &mut Conn,
    proof: &Authenticated,
    (keys, rehashed): (&FailureKeys, Option<String>),
    caller: &Caller,
) -> Result<(String, Timestamp), Failure<CredentialsRefusal>> {
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
        store::sessions::browser_sessions::insert(tx, &new).await?;
        store::directory::users::note_login(tx, &user.id, proof.at()).await?;
        keys.forget(tx).await?;
        if let Some(hash) = &rehashed {
            store::directory::users::set_password_hash(tx, &user.id, hash).await?;
        }
        store::trail::append::append(tx, &event).await
    })
    .await?;
    Ok((session_token, expires_at))
}

/// The session of an ordinary session cookie.
///
/// `None` for the cookie of an impersonated session.
pub async fn resume(
    conn: &Conn,
    token: &str,
) -> Result<Option<(Session, Authenticated)>, StoreError> {
    let resumed = resume_with_clock(conn, token).await?;
    Ok(resumed.map(|(session, proof, _)| (session, proof)))
}

/// As [`resume`], with the current time.
pub async fn resume_with_clock(
    conn: &Conn,
    token: &str,
) -> Result<Option<(Session, Authenticated, Timestamp)>, StoreError> {
    let Some((found, now)) =
        store::sessions::browser_sessions::find(conn, &hash::hash_secret(token)).await?
    else {
        return Ok(None);
    };
    let FoundSession::Own(session) = found else { return Ok(None) };
    let Ok(proof) = session.resume(now) else { return Ok(None) };
    if now - session.last_seen_at > chrono::Duration::minutes(1) {
        store::sessions::browser_sessions::touch(conn, &session.id, now).await?;
    }
    Ok(Some((*session, proof, now)))
}
