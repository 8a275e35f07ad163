//! `refresh_tokens`: each is used once, for its successor; all tokens of one sign-in are a family.
use super::authorization_codes::{self as grants, CodeColumns, CodeGrant, NewTokens};
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, Timestamp};
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{authorization_codes, moment, refresh_tokens, sessions, written};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

const TABLE: &str = "refresh_tokens";

/// A refresh token with the grant it continues.
pub struct RefreshRecord {
    pub scope: Scopes,
    pub expires_at: Timestamp,
    pub ends_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub grant: CodeGrant,
}

type OwnToken = (String, Timestamp, Timestamp, Option<Timestamp>);

/// Finds a refresh token with its grant, without checks.
pub async fn find(mut conn: &Conn, token_hash: &[u8]) -> Result<Option<RefreshRecord>, StoreError> {
    let row: Option<(OwnToken, CodeColumns)> = refresh_tokens::table
        .inner_join(
            authorization_codes::table.on(authorization_codes::id.eq(refresh_tokens::grant_id)),
        )
        .inner_join(sessions::table.on(sessions::id.eq(refresh_tokens::session_id)))
        .filter(refresh_tokens::token_hash.eq(token_hash))
        .select((
            (
                refresh_tokens::scope,
                refresh_tokens::expires_at,
                refresh_tokens::ends_at,
                refresh_tokens::used_at,
            ),
            (
                grants::CodeRow::as_select(),
                sessions::ended_at,
                written::<grants::ClientEndedIt>(),
                moment(),
            ),
        ))
        .first(&mut conn)
        .await
        .optional()?;
    let Some(((scope, expires_at, ends_at, used_at), columns)) = row else { return Ok(None) };
    let Some(grant) = grants::convert(conn, columns).await? else { return Ok(None) };
    let scope = crate::store::scopes(TABLE, &scope)?;
    Ok(Some(RefreshRecord { scope, expires_at, ends_at, used_at, grant }))
}

/// Rotates a refresh token into `tokens`; false when it was used already, or its family is revoked. It is one
/// statement, so that one of two concurrent requests succeeds.
pub async fn rotate(
    mut conn: &Conn,
    token_hash: &[u8],
    tokens: &NewTokens<'_>,
) -> Result<bool, StoreError> {
    struct Rotate;
    const TEXT: &str = "WITH used AS (UPDATE refresh_tokens r SET used_at = clock_now() \
         FROM authorization_codes c WHERE r.token_hash = ? AND r.used_at IS NULL \
         AND c.id = r.grant_id AND c.revoked_at IS NULL AND c.impersonation_id IS NULL \
         RETURNING r.grant_id, r.client_id, r.user_id, r.session_id, c.authenticated_at), \
         access AS (INSERT INTO access_tokens (token_hash, client_id, user_id, grant_id, session_id, \
         authenticated_at, scope, audience, issued_at, expires_at) \
         SELECT ?, client_id, user_id, grant_id, session_id, authenticated_at, ?, ?, ?, ? FROM used), \
         refresh AS (INSERT INTO refresh_tokens (token_hash, grant_id, client_id, user_id, session_id, \
         scope, issued_at, expires_at, ends_at) \
         SELECT ?, grant_id, client_id, user_id, session_id, ?, ?, ?, ? FROM used WHERE ? = 1) \
         SELECT grant_id FROM used";
    let mut values = Vec::with_capacity(12);
    values.push(Value::Bytes(token_hash));
    values.extend(tokens.values());
    let grant: Option<String> =
        Statement::<Rotate, Text>::new(TEXT, &values).get_result(&mut conn).await.optional()?;
    Ok(grant.is_some())
}

/// Issues the successor of a used refresh token again, with a new access token; false when the successor was used
/// itself, or the family is revoked.
pub async fn reissue_successor(
    mut conn: &Conn,
    (token_hash, next): (&[u8], &[u8]),
    tokens: &NewTokens<'_>,
) -> Result<bool, StoreError> {
    struct Again;
    const TEXT: &str = "WITH again AS (UPDATE refresh_tokens n SET issued_at = clock_now() \
         FROM refresh_tokens r, authorization_codes c WHERE r.token_hash = ? AND n.token_hash = ? \
         AND n.grant_id = r.grant_id AND n.used_at IS NULL \
         AND c.id = r.grant_id AND c.revoked_at IS NULL AND c.impersonation_id IS NULL \
         RETURNING n.grant_id, n.client_id, n.user_id, n.session_id, c.authenticated_at), \
         access AS (INSERT INTO access_tokens (token_hash, client_id, user_id, grant_id, session_id, \
         authenticated_at, scope, audience, issued_at, expires_at) \
         SELECT ?, client_id, user_id, grant_id, session_id, authenticated_at, ?, ?, ?, ? FROM again) \
         SELECT grant_id FROM again";
    let mut values = Vec::with_capacity(7);
    values.extend([Value::Bytes(token_hash), Value::Bytes(next)]);
    values.extend(tokens.access_values());
    let grant: Option<String> =
        Statement::<Again, Text>::new(TEXT, &values).get_result(&mut conn).await.optional()?;
    Ok(grant.is_some())
}

/// The grant behind a refresh token of `client`.
pub async fn grant_of(
    mut conn: &Conn,
    token_hash: &[u8],
    client: &ClientId,
) -> Result<Option<String>, StoreError> {
    Ok(refresh_tokens::table
        .find(token_hash)
        .filter(refresh_tokens::client_id.eq(client.as_str()))
        .select(refresh_tokens::grant_id)
        .first(&mut conn)
        .await
        .optional()?)
}
