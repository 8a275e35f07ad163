//! Transactions over whole tables, without the short time limits of requests.
//!
//! A request that takes more than four seconds is a fault; an import of a million users is not. Commands do such
//! work on a connection of their own, with locks that keys, seals and requests do not use.
use crate::store::{Conn, StoreError};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use std::time::Duration;

/// Limit for a statement of a long transaction, and for idle time between two of them.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(30);
/// Limits in the database; row locks keep the normal limit.
const LIMITS: &str = "SET LOCAL statement_timeout = '30min'; SET LOCAL idle_in_transaction_session_timeout = '30min'";

/// Lifts the limit on this side. Called before the transaction, so that the commit with its deferred triggers has
/// time too.
pub fn begin(conn: &Conn) {
    conn.allow(Some(STATEMENT_TIMEOUT));
}

/// Restores the normal limits, after the commit or the rollback.
pub fn end(conn: &Conn) {
    conn.allow(None);
}

/// Lifts the limits of the database until the transaction ends. Must be its first statement.
pub async fn lift_limits(mut tx: &Conn) -> Result<(), StoreError> {
    Ok(tx.batch_execute(LIMITS).await?)
}

/// As [`lift_limits`], for a read-only transaction on one snapshot.
pub async fn lift_limits_of_snapshot(mut tx: &Conn) -> Result<(), StoreError> {
    tx.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    lift_limits(tx).await
}

/// Serializes runs of `apply` over all nodes until the transaction ends; `wait` is called before it waits for
/// another run.
pub async fn lock_for_apply(mut conn: &Conn, wait: impl Fn()) -> Result<(), StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Taken {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        taken: bool,
    }
    let text = "SELECT pg_try_advisory_xact_lock(7236839) AS taken";
    let taken: Taken = diesel::sql_query(text).get_result(&mut conn).await?;
    if !taken.taken {
        wait();
        let text = "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7236839); SET LOCAL lock_timeout = 3000";
        conn.batch_execute(text).await?;
    }
    Ok(())
}
