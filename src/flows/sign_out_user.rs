//! An operator signs a user out everywhere: every session, code and token of theirs, and everything that is done as them or
//! by them.
use super::see_audit::OPERATOR;
use super::shut_out::shut_out;
use crate::audit::{Event, EventKind};
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::store::{self, Conn, StoreError, Transactional as _};

/// What an operator ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOut {
    /// Browsers that the user was signed in with.
    pub sessions: usize,
}

/// `None`: there is no such user. Applications with a back-channel address are told about each session.
pub async fn sign_out_user(
    conn: &mut Conn,
    user: &UserId,
) -> Result<Option<SignedOut>, StoreError> {
    conn.transaction(async |tx| {
        let Some(found) = store::users::find_and_lock(tx, user).await? else { return Ok(None) };
        let caller = Caller::default();
        let ended = store::sessions::end_all_of(tx, user).await?;
        for session in &ended {
            store::logout_deliveries::enqueue(tx, session).await?;
        }
        shut_out(tx, user, Some(OPERATOR), &caller).await?;
        let event = Event {
            actor: Some(OPERATOR.to_owned()),
            subject: Some(user.to_string()),
            organization: found.organization_id().map(ToString::to_string),
            ..Event::new(EventKind::Logout, &caller)
        };
        let event = event.with("sessions", ended.len()).because("all sessions and tokens ended");
        store::audit::append(tx, &event).await?;
        Ok(Some(SignedOut { sessions: ended.len() }))
    })
    .await
}
