//! Transactions over whole tables, without the short time limits of requests.
//!
//! A request that waits for more than four seconds is a fault of its own; an import of a million people is none. Such
//! work is done by commands, on a connection that serves nobody else meanwhile, and its locks are its own: none of them
//! is taken for keys, seals or requests.
use crate::store::{Conn, StoreError};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use std::time::Duration;

/// For a statement of long work, and between two of them.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(30);
/// Waiting for a run that is under way elsewhere; row locks are waited for as long as in a request.
const LIMITS: &str = "SET LOCAL statement_timeout = '30min'; SET LOCAL idle_in_transaction_session_timeout = '30min'";

/// From now on this side waits for as long as the work takes: called before its transaction, so that the commit, with
/// what triggers have put off until then, has the time too.
pub fn begin(conn: &Conn) {
    conn.allow(Some(STATEMENT_TIMEOUT));
}

/// The usual limits again, after the commit or the rollback.
pub fn end(conn: &Conn) {
    conn.allow(None);
}

/// The database has the same patience until the transaction ends. The first statement of it.
pub async fn lift_limits(mut tx: &Conn) -> Result<(), StoreError> {
    Ok(tx.batch_execute(LIMITS).await?)
}

/// The same, and the transaction only reads, all of it as it was at one moment.
pub async fn lift_limits_of_snapshot(mut tx: &Conn) -> Result<(), StoreError> {
    tx.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    lift_limits(tx).await
}

/// One run of `apply` at a time, on any node; held until the transaction is over. Another one is waited for, and
/// `wait` is called before that.
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
