//! `settings`: the operator's switches, one row.
use crate::domain::Timestamp;
use crate::store::schema::{clock_now, settings};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};

/// Whether impersonation is enabled, and the current time.
pub async fn feature_and_clock(mut conn: &Conn) -> Result<(bool, Timestamp), StoreError> {
    Ok(settings::table
        .select((settings::impersonation_enabled, clock_now()))
        .first(&mut conn)
        .await?)
}

/// The current time.
pub async fn now(mut conn: &Conn) -> Result<Timestamp, StoreError> {
    Ok(diesel::select(clock_now()).get_result(&mut conn).await?)
}

pub async fn set_impersonation_enabled(mut conn: &Conn, enabled: bool) -> Result<(), StoreError> {
    diesel::update(settings::table)
        .set(settings::impersonation_enabled.eq(enabled))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Whether the database takes writes, and its own clock, without the offset of tests.
pub async fn writable_and_clock(mut conn: &Conn) -> Result<(bool, Timestamp), StoreError> {
    use diesel::sql_types::{Bool, Timestamptz};
    let read_only = diesel::dsl::sql::<Bool>(
        "NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'",
    );
    let clock = diesel::dsl::sql::<Timestamptz>("clock_timestamp()");
    Ok(diesel::select((read_only, clock)).get_result(&mut conn).await?)
}

/// Whether the disk of the database has room: a few hundred kilobytes go into a temporary file there. A small write
/// could not tell, because it finds room on a page that is half empty.
///
/// # Errors
///
/// The error of the database when the disk is full.
pub async fn check_room(conn: &mut Conn) -> Result<(), StoreError> {
    // The two statements are one transaction, as they are sent together.
    let spill = "SET LOCAL work_mem = '64kB'; SELECT count(*) FROM generate_series(1, 30000)";
    Ok(conn.batch_execute(spill).await?)
}

/// Serializes writers of applications over all nodes until the transaction ends. Keys have another lock.
pub async fn lock_applications(mut conn: &Conn) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(7236840)").execute(&mut conn).await?;
    Ok(())
}
