//! `settings`: the operator's switches, one row.
use super::schema::{clock_now, settings};
use super::{Conn, StoreError};
use crate::domain::Timestamp;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Whether impersonation is switched on at all, and what time it is.
pub async fn feature_and_clock(mut conn: &Conn) -> Result<(bool, Timestamp), StoreError> {
    Ok(settings::table
        .select((settings::impersonation_enabled, clock_now()))
        .first(&mut conn)
        .await?)
}

/// What time it is.
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
