//! A backup was put back: what had been ended, used or revoked since it was made would be good again.
//!
//! Nobody knows any more what that was, so everything that had been handed out ends. People, applications
//! and keys stay. The seals that were made since the backup are gone as well, so the trail begins an epoch.
use super::Context;
use super::end_impersonation::{EndedBy, Which, end_matching};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::store::audit_checkpoints::Checkpoint;
use crate::store::not_before::{self, NotBefore};
use crate::store::{self, StoreError, Transactional as _};

/// How much has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub sessions: usize,
    pub impersonations: u64,
}

/// In one transaction, with an event for each impersonation and one for the whole.
pub async fn end_what_was_handed_out(ctx: &Context) -> Result<Ended, StoreError> {
    let (mut conn, caller) = (ctx.store.conn().await?, Caller::default());
    conn.transaction(async |tx| {
        let by = EndedBy { actor: None, reason: EndReason::StoppedByAdmin };
        let impersonations = end_matching(tx, &Which::default(), by, &caller).await?;
        // Also what has no row: a JWT that an application holds for itself, revoked since the backup.
        not_before::put(tx, NotBefore::Everybody).await?;
        not_before::put_for_all_clients(tx).await?;
        let sessions = store::restored::end_what_was_handed_out(tx).await?;
        let event = Event::new(EventKind::BackupRestored, &caller)
            .with("sessions", sessions)
            .with("impersonations", impersonations);
        store::audit::append(tx, &event).await?;
        Ok(Ended { sessions, impersonations })
    })
    .await
}

/// Seals what the backup brought as the beginning of an epoch, which names the last seal in it.
pub async fn begin_epoch(ctx: &Context) -> Result<Checkpoint, StoreError> {
    let mut conn = ctx.store.conn().await?;
    store::audit_sealing::open_epoch(&mut conn, &ctx.shared.seals).await
}
