//! `signing_keys`: keys with encrypted private parts; callers decrypt them.
use crate::domain::Timestamp;
use crate::store::schema::{clock_now, signing_keys};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

#[derive(Queryable, Selectable, Insertable, Clone)]
#[diesel(table_name = signing_keys)]
pub struct SealedKey {
    pub id: String,
    pub algorithm: String,
    pub purpose: String,
    pub state: String,
    pub public_jwk: Option<serde_json::Value>,
    pub private_sealed: Vec<u8>,
    pub created_at: Timestamp,
    pub retires_at: Option<Timestamp>,
    /// DER; only for keys that sign XML.
    pub certificate: Option<Vec<u8>>,
}

/// The keys that are still valid, and the current time.
pub async fn list(mut conn: &Conn) -> Result<(Vec<SealedKey>, Timestamp), StoreError> {
    let keys = signing_keys::table
        .filter(signing_keys::state.ne("retired"))
        .order((signing_keys::purpose, signing_keys::algorithm, signing_keys::created_at))
        .select(SealedKey::as_select())
        .load(&mut conn)
        .await?;
    Ok((keys, diesel::select(clock_now()).get_result(&mut conn).await?))
}

pub async fn insert(mut conn: &Conn, key: &SealedKey) -> Result<(), StoreError> {
    diesel::insert_into(signing_keys::table).values(key).execute(&mut conn).await?;
    Ok(())
}

pub async fn set_state(
    mut conn: &Conn,
    key: &str,
    state: &str,
    retires_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    diesel::update(signing_keys::table.find(key))
        .set((signing_keys::state.eq(state), signing_keys::retires_at.eq(retires_at)))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Serializes processes that create or rotate keys.
pub async fn lock(conn: &mut Conn) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(7236838)").execute(conn).await?;
    Ok(())
}
