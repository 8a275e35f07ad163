//! `login_failures`: what the throttle counts. Keys are hashes of what was typed.
use super::schema::{clock_now, login_failures};
use super::statement::Statement;
use super::{Conn, StoreError};
use crate::domain::Timestamp;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub async fn count(mut conn: &Conn, key: &[u8], since: Timestamp) -> Result<i64, StoreError> {
    Ok(login_failures::table
        .filter(login_failures::key_hash.eq(key))
        .filter(login_failures::failed_at.gt(since))
        .count()
        .get_result(&mut conn)
        .await?)
}

pub async fn insert(mut conn: &Conn, keys: &[&[u8]]) -> Result<(), StoreError> {
    let rows: Vec<_> = keys
        .iter()
        .map(|key| (login_failures::key_hash.eq(*key), login_failures::failed_at.eq(clock_now())))
        .collect();
    diesel::insert_into(login_failures::table).values(rows).execute(&mut conn).await?;
    Ok(())
}

/// A success forgets the failures for this account from this address.
pub async fn forget(mut conn: &Conn, key: &[u8]) -> Result<(), StoreError> {
    diesel::delete(login_failures::table.filter(login_failures::key_hash.eq(key)))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Removes what no window reaches back to, at most a thousand rows at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM login_failures WHERE ctid = ANY(ARRAY(SELECT ctid \
         FROM login_failures WHERE failed_at < clock_now() - interval '1 hour' LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
