//! `password_resets`: one-time links by which a user chooses a new password. At most one for each user.
use crate::domain::{Timestamp, UserId};
use crate::store::schema::{clock_now, password_resets};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Stores a link and replaces the previous one.
pub async fn put(
    mut conn: &Conn,
    user: &UserId,
    (code_hash, expires_at): (&[u8], Timestamp),
) -> Result<(), StoreError> {
    let values = (
        password_resets::code_hash.eq(code_hash),
        password_resets::created_at.eq(clock_now()),
        password_resets::expires_at.eq(expires_at),
    );
    diesel::insert_into(password_resets::table)
        .values((password_resets::user_id.eq(user.as_str()), values))
        .on_conflict(password_resets::user_id)
        .do_update()
        .set(values)
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Redeems the link and returns its user; `None` for one that is unknown, used, replaced or expired.
pub async fn redeem(mut conn: &Conn, code_hash: &[u8]) -> Result<Option<UserId>, StoreError> {
    let live = password_resets::table
        .filter(password_resets::code_hash.eq(code_hash))
        .filter(password_resets::expires_at.gt(clock_now()));
    let user: Option<String> = diesel::delete(live)
        .returning(password_resets::user_id)
        .get_result(&mut conn)
        .await
        .optional()?;
    user.map(|id| crate::store::id("password_resets", id)).transpose()
}

/// The user of a link that is still valid.
pub async fn find(mut conn: &Conn, code_hash: &[u8]) -> Result<Option<UserId>, StoreError> {
    let user: Option<String> = password_resets::table
        .filter(password_resets::code_hash.eq(code_hash))
        .filter(password_resets::expires_at.gt(clock_now()))
        .select(password_resets::user_id)
        .first(&mut conn)
        .await
        .optional()?;
    user.map(|id| crate::store::id("password_resets", id)).transpose()
}
