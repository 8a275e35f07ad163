//! Signs a person out: ends their session and every impersonation that was started from it.
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{EndedBy, end_of_actor_session};
use crate::store::{self, Conn, StoreError, Transactional as _};

/// Ends `session`; ending a session twice is no error.
pub async fn sign_out(ctx: &Context, session: &Session, caller: &Caller) -> Result<(), StoreError> {
    sign_out_on(&mut *ctx.store.conn().await?, session, caller).await
}

/// As [`sign_out`], on a given connection.
pub(in crate::flows) async fn sign_out_on(
    conn: &mut Conn,
    session: &Session,
    caller: &Caller,
) -> Result<(), StoreError> {
    let user = &session.user;
    let event = Event {
        actor: Some(user.id.to_string()),
        subject: Some(user.id.to_string()),
        organization: user.organization_id().map(ToString::to_string),
        ..Event::new(EventKind::Logout, caller)
    };
    conn.transaction(async |tx| {
        if store::sessions::browser_sessions::end(tx, &session.id).await? {
            store::sessions::logout_deliveries::enqueue(tx, &session.id).await?;
            store::trail::append::append(tx, &event).await?;
        }
        let by = EndedBy { actor: Some(user.id.as_str()), reason: EndReason::Logout };
        end_of_actor_session(tx, &session.id, by, caller).await
    })
    .await
}
