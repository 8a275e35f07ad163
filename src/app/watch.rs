//! What runs beside the requests: migrations at the start, keys, readiness, deliveries, seals, cleaning.
//!
//! Three threads with a small runtime each. Nothing here decides anything: while it is stuck, requests
//! go on, and a rule that depends on time asks the database itself.
use super::ServerParts;
use super::report::report;
use super::sealing::Sealing;
use crate::flows::impersonation::end_impersonation::Looking;
use crate::flows::login::set_up::{self, WaitingSetup};
use crate::flows::operations::take_readings::take_readings;
use crate::flows::{
    Context,
    impersonation::end_impersonation,
    logout::{deliver_logout, sign_out_all},
    operations::{housekeeping, rotate_keys},
    tokens::client_attempts,
};
use crate::store::{self, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Whether the start may change the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    Run,
    Leave,
}

const BEAT: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Until the schema and the keys are there: a start is ready as soon as it can answer.
const FIRST_LOOK_EVERY: Duration = Duration::from_millis(10);
/// Looks between two at the room on the disk.
const ROOM_EVERY: u64 = 4;
const REMIND_EVERY: Duration = Duration::from_mins(1);
/// Beats between seals of the audit trail, and between cleanings.
const SEAL_EVERY: u64 = 5;
const CLEAN_EVERY: u64 = 60;
/// Beats between readings for the metrics: as often as they are usually fetched.
const READ_EVERY: u64 = 15;
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
    hopeless: oneshot::Receiver<StoreError>,
}

impl Watch {
    /// Why the server will never be ready with the settings that it has; for ever pending if it may be.
    pub async fn hopeless(&mut self) -> StoreError {
        match (&mut self.hopeless).await {
            Ok(problem) => problem,
            Err(_) => std::future::pending().await,
        }
    }
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

/// What the threads of a watch have in common.
struct Shift {
    parts: ServerParts,
    migrations: Migrations,
    stop: Arc<AtomicBool>,
    /// The schema fits, and the keys are there.
    prepared: Arc<AtomicBool>,
    give_up: Option<oneshot::Sender<StoreError>>,
}

/// Starts the watch. Readiness follows it.
pub fn start(parts: &ServerParts, migrations: Migrations) -> std::io::Result<Watch> {
    let stop = Arc::new(AtomicBool::new(false));
    let prepared = Arc::new(AtomicBool::new(false));
    let (sender, hopeless) = oneshot::channel();
    let spawn = |name: &str, work: fn(&Runtime, Shift), give_up| {
        let shift = Shift {
            parts: parts.clone(),
            migrations,
            stop: Arc::clone(&stop),
            prepared: Arc::clone(&prepared),
            give_up,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&runtime, shift))
    };
    let threads = vec![
        spawn("watch", run, Some(sender))?,
        spawn("keys", follow, None)?,
        spawn("readiness", keep_ready, None)?,
    ];
    Ok(Watch { stop, threads, hopeless })
}

/// Beside the rest, so that an application that takes its time over a logout does not keep an old key alive.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns what it works with")]
fn follow(runtime: &Runtime, shift: Shift) {
    let Shift { parts, stop, .. } = &shift;
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

async fn reload_keys(parts: &ServerParts, ctx: &Context) -> Result<(), StoreError> {
    let conn = ctx.store.conn().await?;
    parts.shared.keys.reload(&conn).await
}

fn run(runtime: &Runtime, mut shift: Shift) {
    let mut dirty = true;
    let mut beat = 0_u64;
    let mut waiting = Repeated::default();
    let mut sealing = Sealing::default();
    let ctx = match shift.parts.context(2) {
        Ok(ctx) => ctx,
        Err(error) => return report("no store", &error),
    };
    while !shift.stop.load(Ordering::Relaxed) {
        if !shift.prepared.load(Ordering::Relaxed) {
            match runtime.block_on(prepare(&shift.parts, &ctx, shift.migrations)) {
                Ok(()) => shift.prepared.store(true, Ordering::Relaxed),
                Err(error @ StoreError::Setting { .. }) => {
                    report("never ready with these settings", &error);
                    return drop(shift.give_up.take().map(|give_up| give_up.send(error)));
                }
                Err(error) => waiting.report("not ready yet", &error),
            }
        }
        if shift.prepared.load(Ordering::Relaxed) {
            runtime.block_on(one_beat(&shift.parts, &ctx, beat, &mut sealing));
            if dirty || beat.is_multiple_of(CLEAN_EVERY) {
                dirty = runtime.block_on(clean(&ctx, beat));
                shift.parts.metrics.set_cleaning_backlog(&ctx.shared.cleaning.backlog());
            }
        }
        beat += 1;
        std::thread::park_timeout(BEAT);
    }
    // The server is at its end, and what it has written last would wait for the next one.
    if shift.prepared.load(Ordering::Relaxed) {
        runtime.block_on(sealing.go_on(&ctx, &shift.parts.readiness));
    }
}

/// A thread of its own, because the others may have to wait for what they do.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns what it works with")]
fn keep_ready(runtime: &Runtime, shift: Shift) {
    let Shift { parts, stop, prepared, .. } = &shift;
    let (mut trouble, mut looks) = (Repeated::default(), 0_u64);
    let ctx = match parts.context(1) {
        Ok(ctx) => ctx,
        Err(error) => return report("no store", &error),
    };
    while !stop.load(Ordering::Relaxed) {
        if prepared.load(Ordering::Relaxed) {
            let outcome = runtime.block_on(look(parts, &ctx, looks));
            looks += 1;
            match outcome {
                Ok(true) => parts.readiness.found_good(),
                Ok(false) => parts.readiness.found_bad(),
                // Every connection is taken: those that the workers have go on answering.
                Err(error) if parts.readiness.is_ready() && runtime.block_on(is_crowded(parts)) => {
                    trouble.report("no connection is left to look at the database", &error);
                    parts.readiness.found_good();
                }
                Err(error) => {
                    trouble.report("the database does not answer", &error);
                    parts.readiness.found_bad();
                }
            }
        }
        let is_prepared = prepared.load(Ordering::Relaxed);
        std::thread::park_timeout(if is_prepared { LOOK_EVERY } else { FIRST_LOOK_EVERY });
    }
}

async fn is_crowded(parts: &ServerParts) -> bool {
    let tried = store::connection::pool::connect(&parts.database_url).await;
    tried.is_err_and(|problem| store::connection::pool::is_crowded(&problem))
}

/// An error that repeats every second is logged once, and then once a minute.
#[derive(Default)]
struct Repeated(Option<(String, Instant)>);

impl Repeated {
    fn report(&mut self, what: &'static str, error: &StoreError) {
        let text = error.to_string();
        if self.0.as_ref().is_some_and(|(said, at)| *said == text && at.elapsed() < REMIND_EVERY) {
            return;
        }
        report(what, error);
        self.0 = Some((text, Instant::now()));
    }
}

async fn prepare(
    parts: &ServerParts,
    ctx: &Context,
    migrations: Migrations,
) -> Result<(), StoreError> {
    // The start has looked already, if the database was there.
    store::connection::pgbouncer_check::check(&parts.database_url).await?;
    match migrations {
        Migrations::Run => {
            for name in store::connection::pool::migrate(&parts.database_url).await? {
                tracing::info!(%name, "migrated");
            }
        }
        Migrations::Leave => {}
    }
    let mut conn = ctx.store.conn().await?;
    store::installation::schema_version::check(&conn).await?;
    rotate_keys::ensure_keys(&mut conn, &parts.shared.keys).await?;
    parts.shared.keys.reload(&conn).await?;
    drop(conn);
    announce(parts, ctx).await
}

/// A fresh installation has no account at all: whoever reads this becomes its administrator.
async fn announce(parts: &ServerParts, ctx: &Context) -> Result<(), StoreError> {
    let Some(say) = parts.announce else { return Ok(()) };
    if let Some(code) = set_up::make_code(ctx, WaitingSetup::Keep).await? {
        say(&set_up::invitation(ctx.issuer(), &code));
    }
    Ok(())
}

async fn one_beat(parts: &ServerParts, ctx: &Context, beat: u64, sealing: &mut Sealing) {
    if !parts.readiness.is_ready() {
        parts.metrics.set_readings(None);
        return;
    }
    let looking = looking(beat);
    if let Err(error) = deliver_logout::deliver_due(ctx).await {
        report("logout deliveries", &error);
    }
    if let Err(error) = client_attempts::follow(ctx).await {
        report("wrong secrets of applications", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY)
        && let Err(error) = client_attempts::report(ctx).await
    {
        report("writing down wrong secrets of applications", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY)
        && let Err(error) = end_impersonation::end_overdue(ctx, looking).await
    {
        report("ending what is overdue", &error);
    }
    if let Err(error) = sign_out_all::mark_what_is_left(ctx).await {
        report("marking sessions as ended", &error);
    }
    if beat.is_multiple_of(SEAL_EVERY) {
        sealing.go_on(ctx, &parts.readiness).await;
    }
    if beat.is_multiple_of(READ_EVERY) {
        let readings = take_readings(ctx).await;
        if let Err(error) = &readings {
            report("the readings for the metrics", error);
        }
        parts.metrics.set_readings(readings.ok());
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
async fn look(parts: &ServerParts, ctx: &Context, looks: u64) -> Result<bool, StoreError> {
    let mut conn = ctx.store.conn().await?;
    parts.shared.keys.reload(&conn).await?;
    let (writable, ahead) = store::installation::settings::writable_and_clock(&conn).await?;
    if !writable {
        store::connection::pool::distrust();
    }
    let skew = (node_clock() - ahead).abs();
    if skew > chrono::Duration::seconds(2) {
        tracing::warn!(seconds = skew.num_seconds(), "this node's clock is off the database's");
    }
    if looks.is_multiple_of(ROOM_EVERY) {
        store::installation::settings::check_room(&mut conn).await?;
    }
    Ok(writable && parts.shared.keys.are_there() && skew <= chrono::Duration::seconds(30))
}

#[expect(clippy::disallowed_methods, reason = "compares the node's clock with the database's")]
fn node_clock() -> crate::domain::Timestamp {
    chrono::Utc::now()
}
