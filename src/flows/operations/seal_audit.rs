//! Seals the audit trail, and remembers the last seal that it has seen.
//!
//! An attacker who cuts off the end of the trail removes its newest seals too, and the rest looks whole. A process
//! that has seen them refuses to seal on top of the rest. Only the beginning of an epoch is accepted for a reason:
//! `understudy restored` names the last remaining seal.
use super::verify_audit::Head;
use crate::flows::Context;
use crate::store::trail::checkpoints::{self, Checkpoint, Covers};
use crate::store::{Conn, StoreError, trail::sealing};

/// After a long time without sealing other work gets its turn too.
const MAX_SEALS: usize = 20;

/// The last seal that this process has made or seen.
#[derive(Default)]
pub struct Sealer {
    seen: Option<Checkpoint>,
}

impl Sealer {
    /// Seals new events. The head of the chain is also logged, where an attacker on the database cannot change it.
    ///
    /// # Errors
    ///
    /// A seal that was there is gone or another one; from then on nothing is sealed.
    pub async fn seal(&mut self, ctx: &Context) -> Result<(), StoreError> {
        let mut conn = ctx.store.conn().await?;
        self.look(&conn).await?;
        for _ in 0..MAX_SEALS {
            let key = &ctx.shared.seals;
            let Some(seal) = sealing::seal_next(&mut conn, key).await? else { break };
            let head = Head::of(&seal);
            tracing::info!(%head, events = seal.events, "sealed the audit trail");
            self.seen = Some(seal);
        }
        Ok(())
    }

    async fn look(&mut self, conn: &Conn) -> Result<(), StoreError> {
        let newest = checkpoints::newest(conn).await?;
        if let Some(seen) = &self.seen {
            let there = checkpoints::list_after(conn, seen.number - 1, 1).await?;
            let same = there.first().is_some_and(|seal| Head::of(seal) == Head::of(seen));
            if !same && epoch(newest.as_ref()) <= epoch(Some(seen)) {
                let what = format!("seal {} is gone: the end has been cut off", Head::of(seen));
                return Err(StoreError::Corrupt { table: "audit_checkpoints", what });
            }
        }
        self.seen = newest;
        Ok(())
    }
}

fn epoch(seal: Option<&Checkpoint>) -> i64 {
    match seal.map(|seal| &seal.covers) {
        Some(Covers::Positions { epoch, .. }) => *epoch,
        Some(Covers::Transactions { .. }) | None => 0,
    }
}

/// Seconds since the oldest event was written that no seal covers yet.
pub async fn unsealed_seconds(ctx: &Context) -> Result<Option<f64>, StoreError> {
    let conn = ctx.store.conn().await?;
    checkpoints::unsealed_seconds(&conn).await
}
