//! Changes a user's password, and ends their other sessions and all impersonations of them or by them.
use super::failed_attempts::FailureKeys;
use super::next_cookie::PresentedCookie;
use super::step_up::{self, verify_own};
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::authentication::throttle::RetryAfter;
use crate::crypto::password;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::flows::impersonation::end_impersonation::{EndedBy, Which, end_matching};
use crate::flows::{Context, Failure};
use crate::store::{self, Conn, StoreError, Transactional as _};

/// A password of people alone, without a second factor: more than the 8 that [ASVS 6.2.1] asks for at least.
/// No other rule about its letters (6.2.5).
///
/// [ASVS 6.2.1]: https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x15-V6-Authentication.md
pub const SHORTEST: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    #[error("the current password is wrong")]
    WrongPassword,
    #[error("too many attempts")]
    Throttled(RetryAfter),
    #[error("the new password has fewer than 12 characters")]
    TooShort,
    #[error("the password is too long")]
    TooLong,
    #[error("the new password is the old one")]
    Unchanged,
    #[error("the new password is the name or the e-mail address")]
    Guessable,
}

/// The submitted form.
pub struct PasswordChange {
    pub current: String,
    pub new: String,
}

/// The next cookie of the session; the previous one is invalid.
pub struct Changed {
    pub session_token: String,
}

/// A proven session of one's own is asked for, so an impersonation never gets here. A form that is posted a second time
/// is answered as the first was.
pub async fn change_password(
    ctx: &Context,
    presented: PresentedCookie<'_>,
    change: PasswordChange,
    caller: &Caller,
) -> Result<Changed, Failure<PasswordRefusal>> {
    let user = &presented.session.user;
    check(user, &change).map_err(Failure::Refused)?;
    let wanted = change.new.clone();
    if presented.is_superseded(&*ctx.store.conn().await?).await? {
        return repeat(ctx, presented, wanted, caller).await;
    }
    match change_once(ctx, presented, change, caller).await {
        // A concurrent submit of the form has succeeded.
        Err(Failure::Refused(PasswordRefusal::WrongPassword))
            if presented.is_superseded(&*ctx.store.conn().await?).await? =>
        {
            repeat(ctx, presented, wanted, caller).await
        }
        outcome => outcome,
    }
}

/// The cookie is replaced already. If the password is the one in the form, this form has done it.
async fn repeat(
    ctx: &Context,
    presented: PresentedCookie<'_>,
    wanted: String,
    caller: &Caller,
) -> Result<Changed, Failure<PasswordRefusal>> {
    let typed = (wanted, "wrong new password at a change of password that was repeated");
    let verified = verify_own(ctx, &presented.session.user, typed, caller).await;
    let (_, keys) = verified.map_err(|failure| failure.map(of_current))?;
    keys.forget(&*ctx.store.conn().await?).await?;
    Ok(Changed { session_token: presented.next_token(ctx) })
}

async fn change_once(
    ctx: &Context,
    presented: PresentedCookie<'_>,
    change: PasswordChange,
    caller: &Caller,
) -> Result<Changed, Failure<PasswordRefusal>> {
    let typed = (change.current, "wrong current password at a change of password");
    let verified = verify_own(ctx, &presented.session.user, typed, caller).await;
    let (old, keys) = verified.map_err(|failure| failure.map(of_current))?;
    let passwords = &ctx.shared.passwords;
    let new = passwords.hash(change.new).await.map_err(|_| Failure::Busy)?;
    let new = new.ok_or(Failure::Refused(PasswordRefusal::TooLong))?;
    write(ctx, presented, (&old, &new), &keys, caller).await
}

fn check(user: &User, change: &PasswordChange) -> Result<(), PasswordRefusal> {
    if change.new.len().max(change.current.len()) > password::MAX_BYTES {
        return Err(PasswordRefusal::TooLong);
    }
    if change.new.chars().count() >= SHORTEST && change.new == change.current {
        return Err(PasswordRefusal::Unchanged);
    }
    let profile = &user.profile;
    let known = [&profile.email, &profile.name, &profile.nickname].into_iter().flatten();
    check_new(&change.new, known.map(String::as_str))
}

fn of_current(refusal: step_up::StepUpRefusal) -> PasswordRefusal {
    match refusal {
        step_up::StepUpRefusal::WrongPassword => PasswordRefusal::WrongPassword,
        step_up::StepUpRefusal::Throttled(wait) => PasswordRefusal::Throttled(wait),
        step_up::StepUpRefusal::TooLong => PasswordRefusal::TooLong,
    }
}

/// Checks a new password of a user with these names.
pub(in crate::flows) fn check_new<'a>(
    new: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Result<(), PasswordRefusal> {
    if new.len() > password::MAX_BYTES {
        return Err(PasswordRefusal::TooLong);
    }
    if new.chars().count() < SHORTEST {
        return Err(PasswordRefusal::TooShort);
    }
    let new = new.trim().to_lowercase();
    if known.into_iter().any(|known| known.to_lowercase() == new) {
        return Err(PasswordRefusal::Guessable);
    }
    Ok(())
}

async fn write(
    ctx: &Context,
    presented: PresentedCookie<'_>,
    (old, new): (&str, &str),
    keys: &FailureKeys,
    caller: &Caller,
) -> Result<Changed, Failure<PasswordRefusal>> {
    let session = presented.session;
    let user = &session.user;
    let event = Event::by_owner(EventKind::PasswordChanged, user, caller);
    let mut conn = ctx.store.conn().await?;
    let changed = conn
        .transaction::<_, StoreError, _>(async |tx| {
            if !store::directory::credentials::change(tx, &user.id, (old, new)).await? {
                return Ok(false);
            }
            presented
                .replace_cookie(ctx, tx, store::installation::settings::now(tx).await?)
                .await?;
            keys.forget(tx).await?;
            store::trail::append::append(tx, &event).await?;
            end_everything_else(tx, session, EndReason::SubjectChanged, caller).await?;
            Ok(true)
        })
        .await?;
    // Changed concurrently: the current password is another one.
    let next = Changed { session_token: presented.next_token(ctx) };
    changed.then_some(next).ok_or(Failure::Refused(PasswordRefusal::WrongPassword))
}

/// Every other session of the person ends, and every impersonation by them and of them.
pub(in crate::flows) async fn end_everything_else(
    tx: &mut Conn,
    session: &Session,
    of_subject: EndReason,
    caller: &Caller,
) -> Result<(), StoreError> {
    let user = &session.user.id;
    for ended in store::sessions::browser_sessions::end_others(tx, user, &session.id).await? {
        store::sessions::logout_deliveries::enqueue(tx, &ended).await?;
        let event = Event::by_owner(EventKind::Logout, &session.user, caller);
        let event = event.with("session", ended.as_str()).because("ended from another session");
        store::trail::append::append(tx, &event).await?;
    }
    let own = Some(user.as_str());
    let as_actor = Which { actor: Some(user.clone()), ..Which::default() };
    let revoked = EndedBy { actor: own, reason: EndReason::ActorRevoked };
    end_matching(tx, &as_actor, revoked, caller).await?;
    let as_subject = Which { subject: Some(user.clone()), ..Which::default() };
    let ended = EndedBy { actor: own, reason: of_subject };
    end_matching(tx, &as_subject, ended, caller).await?;
    Ok(())
}
