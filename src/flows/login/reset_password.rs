//! Sets a new password by a one-time link of an operator.
//!
//! The old password and all sessions are invalid as soon as the link is made, because the account may be
//! compromised. The link works once, for an hour, and the next one replaces it. Opening it does not use it.
use super::change_password::{self, check_new};
use super::failed_attempts::FailureKeys;
use super::sign_in::PURPOSE;
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::RetryAfter;
use crate::crypto::{hash, random};
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::domain::user::{User, UserKind};
use crate::flows::logout::revoke_user_access::revoke_user_access;
use crate::flows::operations::list_audit_events::OPERATOR;
use crate::flows::{Context, Failure};
use crate::store::{self, Conn, StoreError, Transactional as _};
use chrono::Duration;

const LIFETIME: Duration = Duration::hours(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    #[error("there is no such user")]
    NoSuchUser,
    #[error("this user never signs in with a password: it is no person")]
    NoPerson,
    #[error("this user is not active")]
    Inactive,
}

/// The address of a new link for `user`; `issuer` is where it leads. An earlier link is void.
pub async fn make_link(
    conn: &mut Conn,
    issuer: &str,
    user: &UserId,
) -> Result<String, Failure<LinkRefusal>> {
    let code = random::secret();
    let code_hash = hash::hash_secret(&code);
    conn.transaction::<_, Failure<LinkRefusal>, _>(async |tx| {
        let found = store::directory::users::find_and_lock(tx, user).await?;
        let found = found.ok_or(Failure::Refused(LinkRefusal::NoSuchUser))?;
        check_may_have_password(&found).map_err(Failure::Refused)?;
        let expires_at = store::installation::settings::now(tx).await? + LIFETIME;
        store::sessions::password_resets::put(tx, user, (&code_hash, expires_at)).await?;
        store::directory::credentials::delete(tx, user).await?;
        for session in store::sessions::browser_sessions::end_all_of(tx, user).await? {
            store::sessions::logout_deliveries::enqueue(tx, &session).await?;
        }
        revoke_user_access(tx, user, Some(OPERATOR), &Caller::default()).await?;
        let by_owner = Event::by_owner(EventKind::PasswordChanged, &found, &Caller::default());
        let event = Event { actor: Some(OPERATOR.to_owned()), ..by_owner };
        store::trail::append::append(tx, &event.because("a one-time link was made")).await?;
        Ok(())
    })
    .await?;
    Ok(format!("{issuer}/reset-password?code={code}"))
}

fn check_may_have_password(user: &User) -> Result<(), LinkRefusal> {
    if user.kind != UserKind::Person {
        Err(LinkRefusal::NoPerson)
    } else if user.is_active() {
        Ok(())
    } else {
        Err(LinkRefusal::Inactive)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResetRefusal {
    /// Unknown, used, replaced, too old, or of a user who may not sign in: one answer for all.
    #[error("the link does not work")]
    WrongCode,
    #[error("too many attempts")]
    Throttled(RetryAfter),
    #[error("{0}")]
    Password(change_password::PasswordRefusal),
}

/// Sets the password and ends all sessions, because another person may have used the link before.
pub async fn reset_password(
    ctx: &Context,
    (code, password): (&str, String),
    caller: &Caller,
) -> Result<(), Failure<ResetRefusal>> {
    let code_hash = hash::hash_secret(code.trim());
    let keys = FailureKeys::by_network(PURPOSE, "a new password by a link", caller);
    let mut conn = ctx.store.conn().await?;
    let attempt = keys.begin(ctx, &mut conn).await?;
    let attempt = attempt.map_err(|wait| Failure::Refused(ResetRefusal::Throttled(wait)))?;
    let Some(user) = find(&conn, &code_hash).await? else {
        let event = Event::new(EventKind::LoginFailed, caller);
        attempt.failed(&mut conn, &event.because("wrong link for a new password")).await?;
        return Err(Failure::Refused(ResetRefusal::WrongCode));
    };
    drop(conn);
    check(&user, &password).map_err(|refusal| Failure::Refused(ResetRefusal::Password(refusal)))?;
    // No connection is held while a password is hashed.
    let hashed = ctx.shared.passwords.hash(password).await.map_err(|_| Failure::Busy)?;
    let too_long = ResetRefusal::Password(change_password::PasswordRefusal::TooLong);
    let hashed = hashed.ok_or(Failure::Refused(too_long))?;
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, Failure<ResetRefusal>, _>(async |tx| {
        write(tx, (&code_hash, &hashed), caller).await
    })
    .await
}

/// The user of a link that still works.
async fn find(conn: &Conn, code_hash: &[u8]) -> Result<Option<User>, StoreError> {
    let Some(id) = store::sessions::password_resets::find(conn, code_hash).await? else {
        return Ok(None);
    };
    let user = store::directory::users::find(conn, &id).await?;
    Ok(user.filter(|user| check_may_have_password(user).is_ok()))
}

fn check(user: &User, password: &str) -> Result<(), change_password::PasswordRefusal> {
    let profile = &user.profile;
    let known = [&profile.email, &profile.name, &profile.nickname].into_iter().flatten();
    check_new(password, known.map(String::as_str))
}

async fn write(
    tx: &Conn,
    (code_hash, password_hash): (&[u8], &str),
    caller: &Caller,
) -> Result<(), Failure<ResetRefusal>> {
    let wrong = Failure::Refused(ResetRefusal::WrongCode);
    // First of all: of two that come at once, one goes on.
    let Some(id) = store::sessions::password_resets::redeem(tx, code_hash).await? else {
        return Err(wrong);
    };
    let user = store::directory::users::find_and_lock(tx, &id).await?;
    let Some(user) = user.filter(|user| check_may_have_password(user).is_ok()) else {
        return Err(wrong);
    };
    store::directory::write::put_password_hash(tx, id.as_str(), password_hash).await?;
    for session in store::sessions::browser_sessions::end_all_of(tx, &id).await? {
        store::sessions::logout_deliveries::enqueue(tx, &session).await?;
    }
    revoke_user_access(tx, &id, Some(id.as_str()), caller).await?;
    let event = Event::by_owner(EventKind::PasswordChanged, &user, caller);
    store::trail::append::append(tx, &event.because("chosen by a one-time link")).await?;
    Ok(())
}
