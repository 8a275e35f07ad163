//! `handover_codes`: what the console asked for, waiting to be opened in another window of the same person.
use super::schema::{Written, clock_now, handover_codes, written};
use super::statement::{Statement, Value};
use super::{Conn, StoreError, audit};
use crate::audit::Event;
use crate::domain::{ClientId, Timestamp, UserId};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb, Text};
use diesel_async::RunQueryDsl;

const TABLE: &str = "handover_codes";

/// A code to be shown once.
pub struct NewCode<'a> {
    pub code_hash: &'a [u8],
    pub actor: &'a UserId,
    pub subject: &'a UserId,
    pub client: &'a ClientId,
    pub request: &'a serde_json::Value,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes the code and its event.
pub async fn insert(mut conn: &Conn, code: &NewCode<'_>, event: &Event) -> Result<(), StoreError> {
    struct Insert;
    const TEXT: &str = "WITH code AS (INSERT INTO handover_codes (code_hash, actor_id, subject_id, client_id, \
         request, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let detail = event.detail();
    let mut values = vec![
        Value::Bytes(code.code_hash),
        Value::Text(code.actor.as_str()),
        Value::Text(code.subject.as_str()),
        Value::Text(code.client.as_str()),
        Value::Json(code.request),
        Value::Time(code.now),
        Value::Time(code.expires_at),
    ];
    values.extend(audit::values(event, &detail));
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Whose code this is, whether it is good or not.
pub async fn find_actor(mut conn: &Conn, code_hash: &[u8]) -> Result<Option<String>, StoreError> {
    Ok(handover_codes::table
        .find(code_hash)
        .select(handover_codes::actor_id)
        .first(&mut conn)
        .await
        .optional()?)
}

/// What a code stood for.
pub struct Used {
    pub subject: UserId,
    pub client: ClientId,
    pub request: serde_json::Value,
}

/// The code is not one of those that a moment of [`super::not_before`] has ended.
struct CodeIsAfterSignOut;

impl Written for CodeIsAfterSignOut {
    type SqlType = Bool;
    const SQL: &'static str = "(handover_codes.created_at > coalesce(user_not_before(handover_codes.actor_id), '-infinity'))";
}

/// Whether the code waits for this person. It is not used up.
pub async fn waits(mut conn: &Conn, code_hash: &[u8], actor: &UserId) -> Result<bool, StoreError> {
    let good = handover_codes::table
        .find(code_hash)
        .filter(handover_codes::actor_id.eq(actor.as_str()))
        .filter(handover_codes::used_at.is_null())
        .filter(written::<CodeIsAfterSignOut>())
        .filter(handover_codes::expires_at.gt(clock_now()));
    Ok(diesel::select(diesel::dsl::exists(good)).get_result(&mut conn).await?)
}

/// Uses the code up; `None` when it is not this person's, used, expired, or no code at all. One statement:
/// however many windows try it, one gets it.
pub async fn redeem(
    mut conn: &Conn,
    code_hash: &[u8],
    actor: &UserId,
) -> Result<Option<Used>, StoreError> {
    struct Redeem;
    const TEXT: &str = "UPDATE handover_codes SET used_at = ? WHERE code_hash = ? AND actor_id = ? \
         AND used_at IS NULL AND expires_at > clock_now() \
         AND created_at > coalesce(user_not_before(actor_id), '-infinity') \
         RETURNING subject_id, client_id, request";
    let values = [Value::Now, Value::Bytes(code_hash), Value::Text(actor.as_str())];
    let row: Option<(String, String, serde_json::Value)> =
        Statement::<Redeem, (Text, Text, Jsonb)>::new(TEXT, &values)
            .get_result(&mut conn)
            .await
            .optional()?;
    let convert = |(subject, client, request)| {
        Ok(Used { subject: super::id(TABLE, subject)?, client: super::id(TABLE, client)?, request })
    };
    row.map(convert).transpose()
}

/// Removes what nobody can use any more, at most a thousand rows at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM handover_codes WHERE code_hash = ANY(ARRAY(SELECT code_hash FROM handover_codes \
         WHERE expires_at < clock_now() - interval '1 hour' ORDER BY expires_at LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
