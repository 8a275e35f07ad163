//! `credentials`: password hashes.
use crate::domain::UserId;
use crate::store::schema::{clock_now, credentials};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// The hash of a user's password, if they have one.
pub async fn find_hash(mut conn: &Conn, user: &UserId) -> Result<Option<String>, StoreError> {
    let row: Option<Option<String>> = credentials::table
        .find(user.as_str())
        .select(credentials::password_hash)
        .first(&mut conn)
        .await
        .optional()?;
    Ok(row.flatten())
}

/// Replaces `old` by `new`; false when the stored hash is not `old` any more.
pub async fn change(
    mut conn: &Conn,
    user: &UserId,
    (old, new): (&str, &str),
) -> Result<bool, StoreError> {
    let unchanged =
        credentials::table.find(user.as_str()).filter(credentials::password_hash.eq(old));
    let changed = diesel::update(unchanged)
        .set((credentials::password_hash.eq(new), credentials::changed_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(changed == 1)
}

/// Deletes the password, so that no password is accepted.
pub async fn delete(mut conn: &Conn, user: &UserId) -> Result<(), StoreError> {
    diesel::delete(credentials::table.find(user.as_str())).execute(&mut conn).await?;
    Ok(())
}
