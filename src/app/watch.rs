//! What runs beside the requests: migrations at the start, keys, readiness, deliveries, seals, cleaning.
//!
//! One thread with a small runtime of its own. Nothing here decides anything: while it is stuck, requests
//! go on, and a rule that depends on time asks the database itself.
use super::Parts;
use crate::flows::end_impersonation::Looking;
use crate::flows::{Context, deliver_logout, end_impersonation, housekeeping, rotate_keys};
use crate::store::{self, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether the start may change the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    Run,
    Leave,
}

const BEAT: Duration = Duration::from_secs(1);
/// Beats between seals of the audit trail (and what else is written down late), and between cleanings.
const SEAL_EVERY: u64 = 5;
const CLEAN_EVERY: u64 = 60;
const LOOK_FAR_BACK_EVERY: u64 = 3600;
/// After a long time without sealing the other work gets its turn too.
const SEALS_AT_ONCE: usize = 20;

/// Ends the watch when dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A watcher that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// Starts the watch. Readiness follows it.
pub fn start(parts: Parts, migrations: Migrations) -> std::io::Result<Watch> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
        run(&runtime, &parts, migrations, &stopped);
    })?;
    Ok(Watch { stop, thread: Some(thread) })
}

fn run(
    runtime: &tokio::runtime::Runtime,
    parts: &Parts,
    migrations: Migrations,
    stop: &AtomicBool,
) {
    let mut prepared = false;
    let mut beat = 0_u64;
    let ctx = match parts.context(2) {
        Ok(ctx) => ctx,
        Err(error) => return report("no store", &error),
    };
    while !stop.load(Ordering::Relaxed) {
        if !prepared {
            match runtime.block_on(prepare(parts, &ctx, migrations)) {
                Ok(()) => prepared = true,
                Err(error) => report("not ready yet", &error),
            }
        }
        if prepared {
            runtime.block_on(one_beat(parts, &ctx, beat));
        }
        beat += 1;
        std::thread::park_timeout(BEAT);
    }
}

fn report(what: &'static str, error: &StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}

async fn prepare(parts: &Parts, ctx: &Context, migrations: Migrations) -> Result<(), StoreError> {
    match migrations {
        Migrations::Run => {
            for name in store::pool::migrate(&parts.database_url).await? {
                tracing::info!(%name, "migrated");
            }
        }
        Migrations::Leave => {}
    }
    let mut conn = ctx.store.conn().await?;
    rotate_keys::ensure_keys(&mut conn, &parts.shared.keys).await?;
    parts.shared.keys.reload(&conn).await
}

async fn one_beat(parts: &Parts, ctx: &Context, beat: u64) {
    let healthy = match look(parts, ctx).await {
        Ok(healthy) => healthy,
        Err(error) => {
            report("the database does not answer", &error);
            false
        }
    };
    parts.readiness.set(healthy && parts.shared.keys.ring().is_complete());
    if !healthy {
        return;
    }
    let far_back = beat.is_multiple_of(LOOK_FAR_BACK_EVERY);
    let looking = if far_back { Looking::FarBack } else { Looking::Lately };
    if let Err(error) = deliver_logout::deliver_due(ctx).await {
        report("logout deliveries", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY)
        && let Err(error) = end_impersonation::end_overdue(ctx, looking).await
    {
        report("ending what is overdue", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY)
        && let Err(error) = seal(ctx).await
    {
        report("sealing the audit trail", &error);
    }
    if beat.is_multiple_of(CLEAN_EVERY) {
        parts.floods.forget_quiet();
    }
    if beat.is_multiple_of(CLEAN_EVERY)
        && let Err(error) = housekeeping::delete_expired(ctx, looking).await
    {
        report("cleaning", &error);
    }
}

/// Follows the keys, and whether the database takes writes: after a fail-over an old primary does not.
async fn look(parts: &Parts, ctx: &Context) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    parts.shared.keys.reload(&conn).await?;
    let (writable, ahead) = store::settings::writable_and_clock(&conn).await?;
    if !writable {
        store::pool::distrust();
    }
    let skew = (node_clock() - ahead).abs();
    if skew > chrono::Duration::seconds(2) {
        tracing::warn!(seconds = skew.num_seconds(), "this node's clock is off the database's");
    }
    Ok(writable && skew <= chrono::Duration::seconds(30))
}

#[expect(clippy::disallowed_methods, reason = "compares the node's clock with the database's")]
fn node_clock() -> crate::domain::Timestamp {
    chrono::Utc::now()
}

/// Seals what has come since, in a few bites a time; the head of the chain goes to the log too, where whoever
/// cuts the end of the trail off cannot reach it.
async fn seal(ctx: &Context) -> Result<(), StoreError> {
    let mut conn = ctx.store.conn().await?;
    for _ in 0..SEALS_AT_ONCE {
        let Some(seal) = store::audit_checkpoints::seal_next(&mut conn).await? else { break };
        let head = crate::flows::verify_audit::Head::of(&seal);
        tracing::info!(%head, events = seal.events, "sealed the audit trail");
    }
    Ok(())
}
