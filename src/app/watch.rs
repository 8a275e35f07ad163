//! What runs beside the requests: migrations at the start, keys, readiness, deliveries, seals, cleaning.
//!
//! Two threads with a small runtime each. Nothing here decides anything: while it is stuck, requests
//! go on, and a rule that depends on time asks the database itself.
use super::Parts;
use super::sealing::Sealing;
use crate::flows::end_impersonation::Looking;
use crate::flows::set_up::{self, Waiting};
use crate::flows::{Context, deliver_logout, end_impersonation, housekeeping, rotate_keys};
use crate::store::{self, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Whether the start may change the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    Run,
    Leave,
}

const BEAT: Duration = Duration::from_secs(1);
/// Beats between seals of the audit trail, and between cleanings.
const SEAL_EVERY: u64 = 5;
const CLEAN_EVERY: u64 = 60;
/// Of a thousand rows a table, in one beat. Whatever is left goes in the next one: tables that grow by more than a
/// bite a minute are kept small too.
const BITES: usize = 10;
const LOOK_FAR_BACK_EVERY: u64 = 3600;

/// How often the keys are looked at: one that was taken out of use verifies nothing a second later (I06).
const OFTEN: Duration = Duration::from_millis(250);

/// Ends the watch when dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in &self.threads {
            thread.thread().unpark();
        }
        for thread in self.threads.drain(..) {
            // A watcher that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// Starts the watch. Readiness follows it.
pub fn start(parts: &Parts, migrations: Migrations) -> std::io::Result<Watch> {
    let stop = Arc::new(AtomicBool::new(false));
    let spawn = |name: &str, work: fn(&Runtime, &Parts, Migrations, &AtomicBool)| {
        let (stopped, parts) = (Arc::clone(&stop), parts.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&runtime, &parts, migrations, &stopped))
    };
    let threads = vec![spawn("watch", run)?, spawn("keys", follow)?];
    Ok(Watch { stop, threads })
}

/// Beside the rest, so that an application that takes its time over a logout does not keep an old key alive.
fn follow(runtime: &Runtime, parts: &Parts, _: Migrations, stop: &AtomicBool) {
    let ctx = match parts.context(1) {
        Ok(ctx) => ctx,
        Err(error) => return report("no store", &error),
    };
    while !stop.load(Ordering::Relaxed) {
        // Before the first keys, or in an outage, which the other thread tells of: nothing to follow.
        let _ = runtime.block_on(reload_keys(parts, &ctx));
        std::thread::park_timeout(OFTEN);
    }
}

async fn reload_keys(parts: &Parts, ctx: &Context) -> Result<(), StoreError> {
    let conn = ctx.store.conn().await?;
    parts.shared.keys.reload(&conn).await
}

fn run(runtime: &Runtime, parts: &Parts, migrations: Migrations, stop: &AtomicBool) {
    let (mut prepared, mut dirty) = (false, true);
    let mut beat = 0_u64;
    let mut sealing = Sealing::default();
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
            runtime.block_on(one_beat(parts, &ctx, beat, &mut sealing));
        }
        if prepared && (dirty || beat.is_multiple_of(CLEAN_EVERY)) {
            dirty = runtime.block_on(clean(&ctx, beat));
        }
        beat += 1;
        std::thread::park_timeout(BEAT);
    }
    // The server is at its end, and what it has written last would wait for the next one.
    if prepared {
        runtime.block_on(sealing.go_on(&ctx, &parts.readiness));
    }
}

/// With the causes, which the JSON of a log leaves out.
pub(super) fn report(what: &'static str, error: &StoreError) {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let error = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    tracing::warn!(%error, "{what}");
}

async fn prepare(parts: &Parts, ctx: &Context, migrations: Migrations) -> Result<(), StoreError> {
    // The start has looked already, if the database was there.
    store::pooler::check(&parts.database_url).await?;
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
    parts.shared.keys.reload(&conn).await?;
    drop(conn);
    announce(parts, ctx).await
}

/// A fresh installation has no account at all: whoever reads this becomes its administrator.
async fn announce(parts: &Parts, ctx: &Context) -> Result<(), StoreError> {
    let Some(say) = parts.announce else { return Ok(()) };
    if let Some(code) = set_up::make_code(ctx, Waiting::Keep).await? {
        say(&set_up::invitation(ctx.issuer(), &code));
    }
    Ok(())
}

async fn one_beat(parts: &Parts, ctx: &Context, beat: u64, sealing: &mut Sealing) {
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
    let looking = looking(beat);
    if let Err(error) = deliver_logout::deliver_due(ctx).await {
        report("logout deliveries", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY)
        && let Err(error) = end_impersonation::end_overdue(ctx, looking).await
    {
        report("ending what is overdue", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY) {
        sealing.go_on(ctx, &parts.readiness).await;
    }
    if beat.is_multiple_of(CLEAN_EVERY) {
        parts.floods.forget_quiet();
    }
}

fn looking(beat: u64) -> Looking {
    if beat.is_multiple_of(LOOK_FAR_BACK_EVERY) { Looking::FarBack } else { Looking::Lately }
}

/// Whether there may be more to clean away.
async fn clean(ctx: &Context, beat: u64) -> bool {
    for _ in 0..BITES {
        match housekeeping::delete_expired(ctx, looking(beat)).await {
            Ok(gone) if gone >= housekeeping::BITE => {}
            Ok(_) => return false,
            Err(error) => {
                report("cleaning", &error);
                return false;
            }
        }
    }
    true
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
