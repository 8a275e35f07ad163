//! Step-up: a user confirms their password before an impersonation or a change of permissions.
use super::failed_attempts::FailureKeys;
use super::next_cookie::PresentedCookie;
use super::sign_in::PURPOSE;
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::RetryAfter;
use crate::authentication::{Session, is_fresh};
use crate::crypto::password;
use crate::domain::caller::Caller;
use crate::domain::user::User;
use crate::flows::shared::passwords::PasswordQueue;
use crate::flows::{Context, Failure};
use crate::store::{self, StoreError, Transactional as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepUpRefusal {
    #[error("the password is wrong")]
    WrongPassword,
    #[error("too many attempts")]
    Throttled(RetryAfter),
    #[error("the password is too long")]
    TooLong,
}

/// Whether the person of `session` signed in, or confirmed their password, within the step-up window
/// ([`is_fresh`]), by the database's clock.
pub async fn is_recent(ctx: &Context, session: &Session) -> Result<bool, StoreError> {
    let window = ctx.shared.step_up;
    if window.is_none() {
        return Ok(true);
    }
    let now = store::installation::settings::now(&*ctx.store.conn().await?).await?;
    Ok(is_fresh(session.authenticated_at, now, window))
}

/// The session as it is now, and its next cookie. The one before opens nothing any more.
pub struct Proven {
    pub session: Session,
    pub session_token: String,
}

/// Renews the time of the sign-in, `auth_time` in tokens too. The session does not live longer for it.
pub async fn prove_again(
    ctx: &Context,
    presented: PresentedCookie<'_>,
    password: String,
    caller: &Caller,
) -> Result<Proven, Failure<StepUpRefusal>> {
    let session = presented.session;
    let user = &session.user;
    let (_, keys) =
        verify_own(ctx, user, (password, "wrong password at a step-up"), caller).await?;
    let event = Event::by_owner(EventKind::LoginSucceeded, user, caller).with("step_up", true);
    let mut conn = ctx.store.conn().await?;
    let now = conn
        .transaction::<_, StoreError, _>(async |tx| {
            let now = store::installation::settings::now(tx).await?;
            presented.replace_cookie(ctx, tx, now).await?;
            store::sessions::browser_sessions::prove(tx, &session.id, now).await?;
            keys.forget(tx).await?;
            store::trail::append::append(tx, &event).await?;
            Ok(now)
        })
        .await?;
    let session = Session { authenticated_at: now, last_seen_at: now, ..session.clone() };
    Ok(Proven { session, session_token: presented.next_token(ctx) })
}

/// Verifies the user's own password in a session of theirs; returns its hash. Failures count as at the sign-in of a
/// known device, because a session that was left open must not allow guessing.
pub(in crate::flows) async fn verify_own(
    ctx: &Context,
    user: &User,
    (typed, failed): (String, &'static str),
    caller: &Caller,
) -> Result<(String, FailureKeys), Failure<StepUpRefusal>> {
    if typed.len() > password::MAX_BYTES {
        return Err(Failure::Refused(StepUpRefusal::TooLong));
    }
    let account = user.profile.email.as_deref().unwrap_or(user.id.as_str());
    // A live session shows as much as the cookie of a browser that is known.
    let account = store::directory::users::canonical_email(account);
    let keys = FailureKeys::of_known_device(PURPOSE, &account, caller);
    let (attempt, stored) = {
        let mut conn = ctx.store.conn().await?;
        let attempt = keys.begin(ctx, &mut conn).await?;
        let attempt = attempt.map_err(|wait| Failure::Refused(StepUpRefusal::Throttled(wait)))?;
        (attempt, store::directory::credentials::find_hash(&conn, &user.id).await?)
    };
    // No connection is held while a password is hashed.
    let matches =
        ctx.shared.passwords.verify(PasswordQueue::KnownDevice, typed, stored.clone()).await;
    let Ok(matches) = matches else {
        attempt.given_up(&*ctx.store.conn().await?).await?;
        return Err(Failure::Busy);
    };
    if let Some(hash) = stored.filter(|_| matches) {
        return Ok((hash, keys));
    }
    let event = Event::by_owner(EventKind::LoginFailed, user, caller).because(failed);
    attempt.failed(&mut *ctx.store.conn().await?, &event).await?;
    Err(Failure::Refused(StepUpRefusal::WrongPassword))
}
