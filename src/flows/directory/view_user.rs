//! Shows one user to staff, and ends their sessions.
use crate::audit::{Event, EventKind};
use crate::authentication::session::IDLE_LIMIT;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::domain::{SessionId, Timestamp, UserId};
use crate::flows::impersonation::end_impersonation::{EndedBy, end_of_actor_session};
use crate::flows::{Context, Failure};
pub use crate::store::directory::search::UserCard;
use crate::store::impersonations::history::{HistoryEntry, HistorySearch};
pub use crate::store::sessions::browser_sessions::Browser;
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::{self, StoreError, Transactional as _};

/// As many sessions as a page shows.
const MAX_SESSIONS: i64 = 20;

/// Whether `reader` may know that `user` exists: of their organization, or staff of the operator.
pub fn sees(reader: &User, user: &User) -> bool {
    reader.organization_id().is_none_or(|mine| user.organization_id() == Some(mine))
}

/// A user whom `reader` may see.
pub async fn find_user(
    ctx: &Context,
    reader: &User,
    id: &UserId,
) -> Result<Option<User>, StoreError> {
    let user = store::directory::users::find(&*ctx.store.conn().await?, id).await?;
    Ok(user.filter(|user| sees(reader, user)))
}

pub struct UserView {
    pub user: User,
    pub card: UserCard,
    pub sessions: Vec<Browser>,
    pub now: Timestamp,
}

pub async fn view_user(
    ctx: &Context,
    reader: &User,
    id: &UserId,
) -> Result<Option<UserView>, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    let (user, card, sessions) = futures_util::try_join!(
        store::directory::users::find(&conn, id),
        store::directory::search::card(&conn, id),
        store::sessions::browser_sessions::list_live(
            &conn,
            id,
            (now, now - IDLE_LIMIT),
            MAX_SESSIONS
        ),
    )?;
    let seen = user.filter(|user| sees(reader, user)).zip(card);
    Ok(seen.map(|(user, card)| UserView { user, card, sessions, now }))
}

/// The newest impersonations of a user and by them, only of the reader's organization.
pub async fn impersonations(
    ctx: &Context,
    reader: &User,
    id: &UserId,
    limit: i64,
) -> Result<(Vec<HistoryEntry>, Vec<HistoryEntry>, Timestamp), StoreError> {
    let conn = ctx.store.conn().await?;
    let organization = reader.organization_id().cloned();
    let seen = HistorySearch { organization, opened: true, limit, ..HistorySearch::default() };
    let of = HistorySearch { subject: Some(vec![id.to_string()]), ..seen.clone() };
    let by = HistorySearch { actor: Some(vec![id.to_string()]), ..seen };
    let ((of, now), (by, _)) = futures_util::try_join!(
        store::impersonations::history::search(&conn, &of),
        store::impersonations::history::search(&conn, &by),
    )?;
    Ok((of, by, now))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndSessionRefusal {
    #[error("there is no such session")]
    NoSuchSession,
    /// Ending it would take power over somebody who has more.
    #[error("the user has permissions that you lack")]
    HigherPrivileges,
}

/// Ends a session of `user`, and every impersonation that it stands behind. One that is over is no mistake.
pub async fn end_session(
    ctx: &Context,
    (by, user): (&User, &UserId),
    id: &SessionId,
    caller: &Caller,
) -> Result<(), Failure<EndSessionRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let found = store::sessions::browser_sessions::find_by_id(&conn, id).await?;
    let Some((FoundSession::Own(session), _)) = found else {
        return Err(Failure::Refused(EndSessionRefusal::NoSuchSession));
    };
    if session.user.id != *user || !sees(by, &session.user) {
        return Err(Failure::Refused(EndSessionRefusal::NoSuchSession));
    }
    if !session.user.permissions.is_subset_of(&by.permissions) {
        return Err(Failure::Refused(EndSessionRefusal::HigherPrivileges));
    }
    let event = Event {
        actor: Some(by.id.to_string()),
        subject: Some(user.to_string()),
        organization: session.user.organization_id().map(ToString::to_string),
        ..Event::new(EventKind::Logout, caller)
    };
    conn.transaction::<_, StoreError, _>(async |tx| {
        if store::sessions::browser_sessions::end(tx, id).await? {
            store::sessions::logout_deliveries::enqueue(tx, id).await?;
            store::trail::append::append(tx, &event).await?;
        }
        let ended = EndedBy { actor: Some(by.id.as_str()), reason: EndReason::StoppedByAdmin };
        end_of_actor_session(tx, id, ended, caller).await
    })
    .await?;
    Ok(())
}
