//! `replay_guard`: values that may be used only once over all nodes.
use crate::domain::Timestamp;
use crate::store::connection::statement::Statement;
use crate::store::schema::replay_guard;
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Stores `key_hash` until `expires_at`; false when it is stored already.
pub async fn first_seen(
    mut conn: &Conn,
    kind: &str,
    key_hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(replay_guard::table)
        .values((
            replay_guard::kind.eq(kind),
            replay_guard::key_hash.eq(key_hash),
            replay_guard::expires_at.eq(expires_at),
        ))
        .on_conflict_do_nothing()
        .execute(&mut conn)
        .await?;
    Ok(inserted == 1)
}

/// Whether `key_hash` is stored.
pub async fn was_seen(mut conn: &Conn, kind: &str, key_hash: &[u8]) -> Result<bool, StoreError> {
    let row = replay_guard::table
        .filter(replay_guard::kind.eq(kind))
        .filter(replay_guard::key_hash.eq(key_hash));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(&mut conn).await?)
}

/// Deletes expired keys, at most a thousand at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM replay_guard WHERE ctid = ANY(ARRAY(SELECT ctid \
         FROM replay_guard WHERE expires_at < clock_now() ORDER BY expires_at LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
