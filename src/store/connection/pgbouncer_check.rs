//! Checks that a connection is one session of Postgres, as this program needs.
//!
//! A transaction pooler may run each transaction in another session: prepared statements are then missing or
//! doubled, and the migration lock protects nothing. It is detected at start (J26), not under load.
use super::pool::{Conn, connect};
use crate::store::{DbError, StoreError};
use diesel::dsl::sql;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use std::time::{Duration, Instant};

const SHARED: StoreError = StoreError::Pooled(
    "DATABASE_URL leads to a pooler that gives every transaction another session of Postgres (PgBouncer with \
     `pool_mode = transaction` or `statement`). Connect to Postgres itself, or to a pool with \
     `pool_mode = session`.",
);
const BARE: StoreError = StoreError::Pooled(
    "DATABASE_URL leads to a pooler that keeps our settings from Postgres (`options`, of PgBouncer's \
     `ignore_startup_parameters`). Connect to Postgres itself, or give them to the database: ALTER DATABASE … SET \
     statement_timeout = '4s', and so lock_timeout = '3s', idle_in_transaction_session_timeout = '10s' and \
     timezone = 'UTC'.",
);
const REFUSED: StoreError = StoreError::Pooled(
    "DATABASE_URL leads to a pooler that takes no `options` (PgBouncer). Connect to Postgres itself, or to a pool \
     with `pool_mode = session` and `ignore_startup_parameters = options`, and give the settings to the database; docs/setup/deploy.md \
     says which.",
);

/// What `PgBouncer` says, in English always.
const NO_OPTIONS: &str = "unsupported startup parameter";
/// More time than a direct session needs, on top of the database's time for an equal statement.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum delay of a start, if the database is slow.
const START: Duration = Duration::from_secs(8);

/// Returns the problems that stop a start. A database that is slow or down does not, because the server waits for
/// it.
///
/// # Errors
///
/// [`StoreError::Pooled`], and [`StoreError::Setting`] where waiting does not help.
pub async fn check_at_start(url: &str) -> Result<(), StoreError> {
    match within(START, check(url)).await {
        Some(Err(unfit @ (StoreError::Pooled(_) | StoreError::Setting { .. }))) => Err(unfit),
        Some(Ok(()) | Err(_)) | None => Ok(()),
    }
}

/// Number of findings before a pooler is assumed, because a connection cut at the wrong moment looks like one.
const SUSPICIONS: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum PoolerVerdict {
    OwnSession,
    PerhapsShared,
}

/// # Errors
///
/// [`StoreError::Pooled`] with what to do about it; others when the database cannot be asked.
pub async fn check(url: &str) -> Result<(), StoreError> {
    for _ in 0..SUSPICIONS {
        if Box::pin(look(url)).await? == PoolerVerdict::OwnSession {
            return Ok(());
        }
    }
    Err(SHARED)
}

async fn look(url: &str) -> Result<PoolerVerdict, StoreError> {
    let mut one = match connect(url).await {
        Err(StoreError::Unavailable(cause)) if cause.to_string().contains(NO_OPTIONS) => {
            return Err(REFUSED);
        }
        conn => conn?,
    };
    let begun = Instant::now();
    let session = session(&mut one).await?;
    let patience = CHECK_TIMEOUT + begun.elapsed() * 4;
    // A transaction pooler hands out the session that was used last, which is this one.
    let mut other = connect(url).await?;
    match other.batch_execute("BEGIN").await {
        Ok(()) => {}
        // A direct session that has just answered refuses none of this.
        Err(DbError::DatabaseError(..)) => return Ok(PoolerVerdict::PerhapsShared),
        Err(problem) => return Err(problem.into()),
    }
    match within(patience, self::session(&mut one)).await {
        Some(Ok(again)) if again == session => other.batch_execute("ROLLBACK").await?,
        Some(Err(StoreError::Unavailable(cause))) => return Err(StoreError::Unavailable(cause)),
        Some(_) => return Ok(PoolerVerdict::PerhapsShared),
        None => return Err(silent(url, other).await),
    }
    if is_set(&mut one).await? { Ok(PoolerVerdict::OwnSession) } else { Err(BARE) }
}

/// There was no reply while `other` had a transaction open: if `other` replies, a pooler has given the session to
/// it; otherwise the database does not respond.
async fn silent(url: &str, mut other: Conn) -> StoreError {
    let answers = within(CHECK_TIMEOUT, other.batch_execute("ROLLBACK")).await;
    match answers {
        Some(Ok(())) => SHARED,
        Some(Err(_)) | None => match within(CHECK_TIMEOUT, connect(url)).await {
            Some(Err(problem)) => problem,
            Some(Ok(_)) | None => {
                StoreError::Unavailable("the database does not answer in time".into())
            }
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "gives up waiting, no transaction of ours")]
async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}

async fn session(mut conn: &mut Conn) -> Result<i32, StoreError> {
    Ok(diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(&mut conn).await?)
}

/// Whether the startup options are in force, whoever has set them.
async fn is_set(mut conn: &mut Conn) -> Result<bool, DbError> {
    let all = "current_setting('statement_timeout') <> '0' AND current_setting('lock_timeout') <> '0' \
        AND current_setting('idle_in_transaction_session_timeout') <> '0' \
        AND current_setting('TimeZone') IN ('UTC', 'Etc/UTC', 'GMT')";
    diesel::select(sql::<Bool>(all)).get_result(&mut conn).await
}
