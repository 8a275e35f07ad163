//! A person ends sessions of their own, in other browsers or all of them but this one.
use super::sign_out;
use crate::authentication::Session;
use crate::authentication::session::IDLE_LIMIT;
use crate::domain::SessionId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::Context;
use crate::flows::login::change_password::end_everything_else;
pub use crate::store::sessions::browser_sessions::Browser;
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::{self, StoreError, Transactional as _};

/// As many as one page shows.
const BATCH_SIZE: i64 = 100;

/// Where `owner` is signed in, this browser included.
pub async fn list(ctx: &Context, owner: &Session) -> Result<Vec<Browser>, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    store::sessions::browser_sessions::list_live(
        &conn,
        &owner.user.id,
        (now, now - IDLE_LIMIT),
        BATCH_SIZE,
    )
    .await
}

/// Ends one session of the owner; false when the owner has no such session. Ending a session twice is no error.
pub async fn end_one(
    ctx: &Context,
    owner: &Session,
    id: &SessionId,
    caller: &Caller,
) -> Result<bool, StoreError> {
    let found =
        store::sessions::browser_sessions::find_by_id(&*ctx.store.conn().await?, id).await?;
    match found {
        Some((FoundSession::Own(session), _)) if session.user.id == owner.user.id => {
            sign_out::sign_out(ctx, &session, caller).await?;
            Ok(true)
        }
        Some((FoundSession::Own(_) | FoundSession::Impersonated { .. }, _)) | None => Ok(false),
    }
}

/// Ends every other session of the owner, and every impersonation of which they are actor or subject.
pub async fn end_others(ctx: &Context, owner: &Session, caller: &Caller) -> Result<(), StoreError> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        end_everything_else(tx, owner, EndReason::StoppedBySubject, caller).await
    })
    .await
}
