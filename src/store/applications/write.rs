//! Writing applications: `clients` with their `client_secrets`.
use crate::store::schema::{client_secrets, clients, clock_now};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;

/// A row; the caller has validated the values.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = clients, treat_none_as_null = true, treat_none_as_default_value = false)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
pub struct ClientRecord {
    pub id: String,
    pub organization_id: Option<String>,
    pub name: String,
    pub status: String,
    pub kind: String,
    pub first_party: bool,
    pub auth_method: String,
    pub jwks: Option<serde_json::Value>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub initiate_login_uri: Option<String>,
    pub backchannel_logout_uri: Option<String>,
    pub grant_types: Vec<String>,
    pub scopes: Vec<String>,
    pub api_scopes: Vec<String>,
    pub audiences: Vec<String>,
    pub introspect: bool,
    pub id_token_algorithm: String,
    pub access_token_lifetime: i32,
    pub impersonation_enabled: bool,
    pub redeem: String,
    pub unsolicited: bool,
    pub read_scopes: Vec<String>,
    pub read_only: bool,
    pub saml: Option<serde_json::Value>,
    pub wsfed: Option<serde_json::Value>,
    pub box_: Option<serde_json::Value>,
}

/// An application with the SHA-256 of each of its secrets.
#[derive(Clone)]
pub struct StoredClient {
    pub record: ClientRecord,
    pub secret_hashes: Vec<Vec<u8>>,
}

pub async fn list(mut conn: &Conn) -> Result<Vec<StoredClient>, StoreError> {
    let rows: Vec<ClientRecord> =
        clients::table.select(ClientRecord::as_select()).order(clients::id).load(&mut conn).await?;
    let pairs: Vec<(String, Vec<u8>)> = client_secrets::table
        .select((client_secrets::client_id, client_secrets::secret_hash))
        .load(&mut conn)
        .await?;
    let mut secrets: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for (client, hash) in pairs {
        secrets.entry(client).or_default().push(hash);
    }
    let whole = |record: ClientRecord| {
        let secret_hashes = secrets.remove(&record.id).unwrap_or_default();
        StoredClient { record, secret_hashes }
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// The applications among `ids` that exist, without secrets.
pub async fn list_named(mut conn: &Conn, ids: &[String]) -> Result<Vec<StoredClient>, StoreError> {
    let rows: Vec<ClientRecord> = clients::table
        .filter(clients::id.eq_any(ids))
        .select(ClientRecord::as_select())
        .load(&mut conn)
        .await?;
    let bare = |record| StoredClient { record, secret_hashes: Vec::new() };
    Ok(rows.into_iter().map(bare).collect())
}

pub async fn find(mut conn: &Conn, id: &str) -> Result<Option<StoredClient>, StoreError> {
    let record: Option<ClientRecord> = clients::table
        .find(id)
        .select(ClientRecord::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    let Some(record) = record else { return Ok(None) };
    let secret_hashes = client_secrets::table
        .filter(client_secrets::client_id.eq(id))
        .select(client_secrets::secret_hash)
        .load(&mut conn)
        .await?;
    Ok(Some(StoredClient { record, secret_hashes }))
}

/// Inserts or updates the application.
pub async fn put(mut conn: &Conn, record: &ClientRecord) -> Result<(), StoreError> {
    diesel::insert_into(clients::table)
        .values(record)
        .on_conflict(clients::id)
        .do_update()
        .set((record, clients::updated_at.eq(clock_now())))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Replaces all secrets by this one.
pub async fn put_secret(mut conn: &Conn, client: &str, hash: &[u8]) -> Result<(), StoreError> {
    let others = client_secrets::table
        .filter(client_secrets::client_id.eq(client))
        .filter(client_secrets::secret_hash.ne(hash));
    diesel::delete(others).execute(&mut conn).await?;
    diesel::insert_into(client_secrets::table)
        .values((client_secrets::client_id.eq(client), client_secrets::secret_hash.eq(hash)))
        .on_conflict_do_nothing()
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn delete(mut conn: &Conn, id: &str) -> Result<(), StoreError> {
    diesel::delete(clients::table.find(id)).execute(&mut conn).await?;
    Ok(())
}
