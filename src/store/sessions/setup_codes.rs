//! `setup_codes`: the code by which the first administrator is created.
use crate::domain::Timestamp;
use crate::store::schema::{clock_now, setup_codes};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Whether there is a valid code.
pub async fn is_waiting(mut conn: &Conn, now: Timestamp) -> Result<bool, StoreError> {
    let waiting = setup_codes::table
        .filter(setup_codes::used_at.is_null())
        .filter(setup_codes::expires_at.gt(now));
    Ok(diesel::select(diesel::dsl::exists(waiting)).get_result(&mut conn).await?)
}

/// Replaces all codes by this one.
pub async fn replace(
    mut conn: &Conn,
    code_hash: &[u8],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let unused = setup_codes::table.filter(setup_codes::used_at.is_null());
    diesel::delete(unused).execute(&mut conn).await?;
    diesel::insert_into(setup_codes::table)
        .values((
            setup_codes::code_hash.eq(code_hash),
            setup_codes::created_at.eq(clock_now()),
            setup_codes::expires_at.eq(expires_at),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Whether this code is still valid; [`redeem`] decides.
pub async fn is_live(
    mut conn: &Conn,
    code_hash: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let live = setup_codes::table
        .filter(setup_codes::code_hash.eq(code_hash))
        .filter(setup_codes::used_at.is_null())
        .filter(setup_codes::expires_at.gt(now));
    Ok(diesel::select(diesel::dsl::exists(live)).get_result(&mut conn).await?)
}

/// Redeems the code; false for one that is unknown, used or expired.
pub async fn redeem(mut conn: &Conn, code_hash: &[u8]) -> Result<bool, StoreError> {
    let live = setup_codes::table
        .find(code_hash)
        .filter(setup_codes::used_at.is_null())
        .filter(setup_codes::expires_at.gt(clock_now()));
    let used = diesel::update(live)
        .set(setup_codes::used_at.eq(clock_now().nullable()))
        .execute(&mut conn)
        .await?;
    Ok(used == 1)
}
