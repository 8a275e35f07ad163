//! Invalidates everything after a backup was restored, because credentials that were ended, used or revoked since
//! the backup would be valid again.
//!
//! It is unknown which ones, so all sessions, tokens and links end. Users, applications and keys stay. The seals
//! since the backup are lost too, so the audit trail begins a new epoch.
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::flows::Context;
use crate::flows::logout::sign_out_all::{Alive, SignOutReach, counted, end_until_now, follow_up};
use crate::store::trail::checkpoints::Checkpoint;
use crate::store::{self, StoreError, Transactional as _};

/// One row ends it, however much it is; also what has no row: a JWT that an application holds for itself, revoked
/// since the backup.
pub async fn end_issued_credentials(ctx: &Context) -> Result<Alive, StoreError> {
    let (mut conn, caller) = (ctx.store.conn().await?, Caller::default());
    let alive = conn
        .transaction::<_, StoreError, _>(async |tx| {
            let alive = end_until_now(tx, &SignOutReach::Everybody, None).await?;
            let event = counted(Event::new(EventKind::BackupRestored, &caller), alive);
            store::trail::append::append(tx, &event).await?;
            Ok(alive)
        })
        .await?;
    follow_up(&mut conn, &SignOutReach::Everybody).await?;
    Ok(alive)
}

/// Seals what the backup brought as the beginning of an epoch, which names the last seal in it.
pub async fn begin_epoch(ctx: &Context) -> Result<Checkpoint, StoreError> {
    let mut conn = ctx.store.conn().await?;
    store::trail::sealing::open_epoch(&mut conn, &ctx.shared.seals).await
}
