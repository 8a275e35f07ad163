//! Inserts access tokens for users by assertion or client credentials, together with replay guard and audit event.
//!
//! One statement each: a `jti` is used up ⇔ its token exists ⇔ its event exists.
use crate::audit::Event;
use crate::domain::{ClientId, ImpersonationId, Timestamp, UserId};
use crate::store::connection::statement::{Statement, Value};
use crate::store::{Conn, StoreError, trail::append};
use diesel_async::RunQueryDsl;

/// As `replay_guard` knows them.
pub const KIND: &str = "box_assertion";

/// An assertion that may be used only once.
pub struct Once<'a> {
    pub key_hash: &'a [u8],
    pub until: Timestamp,
}

pub struct NewToken<'a> {
    pub token_hash: &'a [u8],
    pub client: &'a ClientId,
    pub user: &'a UserId,
    pub impersonation: Option<&'a ImpersonationId>,
    pub scope: &'a str,
    /// None: for our own API.
    pub audience: Option<&'a str>,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Placeholder where there is no assertion.
const NO_ASSERTION: Once<'static> = Once { key_hash: &[0; 32], until: Timestamp::UNIX_EPOCH };

fn once_values<'a>(once: Option<&'a Once<'a>>) -> [Value<'a>; 4] {
    let given = i32::from(once.is_some());
    let once = once.unwrap_or(&NO_ASSERTION);
    [Value::Bytes(once.key_hash), Value::Time(once.until), Value::Int(given), Value::Int(given)]
}

/// Inserts the token with its event; false when the assertion was used before.
pub async fn insert(
    mut conn: &Conn,
    once: Option<&Once<'_>>,
    token: &NewToken<'_>,
    event: &Event,
) -> Result<bool, StoreError> {
    struct Insert;
    const TEXT: &str = "WITH fresh AS (INSERT INTO replay_guard (kind, key_hash, expires_at) \
         SELECT 'box_assertion', ?, ? WHERE ? = 1 ON CONFLICT DO NOTHING RETURNING 1), \
         taken AS (SELECT 1 FROM fresh UNION ALL SELECT 1 WHERE ? = 0), \
         token AS (INSERT INTO access_tokens (token_hash, client_id, user_id, \
         impersonation_id, scope, audience, issued_at, authenticated_at, expires_at) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? FROM taken) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM taken";
    let detail = event.detail();
    let mut values = Vec::from(once_values(once));
    values.extend(token_values(token));
    values.extend(append::values(event, &detail));
    Ok(Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await? == 1)
}

fn token_values<'a>(token: &'a NewToken<'_>) -> [Value<'a>; 9] {
    [
        Value::Bytes(token.token_hash),
        Value::Text(token.client.as_str()),
        Value::Text(token.user.as_str()),
        Value::MaybeText(token.impersonation.map(ImpersonationId::as_str)),
        Value::Text(token.scope),
        Value::MaybeText(token.audience),
        Value::Time(token.now),
        Value::Time(token.now),
        Value::Time(token.expires_at),
    ]
}

/// Inserts a token with a part of another token's scope and everything else equal: user, sign-in, impersonation,
/// end. False when the other token does not exist any more.
pub async fn insert_narrowed(
    mut conn: &Conn,
    (from, token_hash): (&[u8], &[u8]),
    scope: &str,
    event: &Event,
) -> Result<bool, StoreError> {
    struct Narrow;
    const TEXT: &str = "WITH token AS (INSERT INTO access_tokens (token_hash, client_id, user_id, \
         grant_id, session_id, impersonation_id, scope, audience, issued_at, authenticated_at, \
         expires_at, narrowed_from) SELECT ?, client_id, user_id, grant_id, session_id, \
         impersonation_id, ?, audience, ?, authenticated_at, expires_at, \
         coalesce(narrowed_from, token_hash) FROM access_tokens \
         WHERE token_hash = ? AND revoked_at IS NULL RETURNING 1) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM token";
    let detail = event.detail();
    let mut values =
        vec![Value::Bytes(token_hash), Value::Text(scope), Value::Now, Value::Bytes(from)];
    values.extend(append::values(event, &detail));
    Ok(Statement::<Narrow, ()>::new(TEXT, &values).execute(&mut conn).await? == 1)
}
