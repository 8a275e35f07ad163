//! `handover_codes`: requests of the console that the same person can open in another window.
use crate::audit::Event;
use crate::domain::{ClientId, OrganizationId, Timestamp, UserId};
use crate::store::connection::statement::{Statement, Value};
use crate::store::impersonations::overdue::Touched;
use crate::store::schema::{Written, clock_now, handover_codes, written};
use crate::store::{Conn, StoreError, trail::append};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb, Text};
use diesel_async::RunQueryDsl;

const TABLE: &str = "handover_codes";

/// A new code.
pub struct NewHandoverCode<'a> {
    pub code_hash: &'a [u8],
    pub actor: &'a UserId,
    pub subject: &'a UserId,
    pub client: &'a ClientId,
    pub request: &'a serde_json::Value,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes the code and its event.
pub async fn insert(
    mut conn: &Conn,
    code: &NewHandoverCode<'_>,
    event: &Event,
) -> Result<(), StoreError> {
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
    values.extend(append::values(event, &detail));
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// The actor of a code, valid or not.
pub async fn find_actor(mut conn: &Conn, code_hash: &[u8]) -> Result<Option<String>, StoreError> {
    Ok(handover_codes::table
        .find(code_hash)
        .select(handover_codes::actor_id)
        .first(&mut conn)
        .await
        .optional()?)
}

/// A redeemed code.
pub struct Used {
    pub subject: UserId,
    pub client: ClientId,
    pub request: serde_json::Value,
}

/// Condition: no [`crate::store::tokens::not_before`] has ended the code.
struct CodeIsAfterSignOut;

impl Written for CodeIsAfterSignOut {
    type SqlType = Bool;
    const SQL: &'static str = "(handover_codes.created_at > coalesce(user_not_before(handover_codes.actor_id), '-infinity'))";
}

/// Whether the code is valid for this user. It stays usable.
pub async fn waits(mut conn: &Conn, code_hash: &[u8], actor: &UserId) -> Result<bool, StoreError> {
    let good = handover_codes::table
        .find(code_hash)
        .filter(handover_codes::actor_id.eq(actor.as_str()))
        .filter(handover_codes::used_at.is_null())
        .filter(written::<CodeIsAfterSignOut>())
        .filter(handover_codes::expires_at.gt(clock_now()));
    Ok(diesel::select(diesel::dsl::exists(good)).get_result(&mut conn).await?)
}

/// Whether this user has redeemed the code after `since`.
pub async fn was_just_used(
    mut conn: &Conn,
    code_hash: &[u8],
    actor: &UserId,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let used = handover_codes::table
        .find(code_hash)
        .filter(handover_codes::actor_id.eq(actor.as_str()))
        .filter(handover_codes::used_at.gt(since).assume_not_null());
    Ok(diesel::select(diesel::dsl::exists(used)).get_result(&mut conn).await?)
}

/// Redeems the code; `None` when it is unknown, used, expired or another user's. It is one statement, so that one
/// of any number of concurrent requests succeeds.
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
        Ok(Used {
            subject: crate::store::id(TABLE, subject)?,
            client: crate::store::id(TABLE, client)?,
            request,
        })
    };
    row.map(convert).transpose()
}

/// A filter; every field narrows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose<'a> {
    pub actor: Option<&'a UserId>,
    pub subject: Option<&'a UserId>,
    pub client: Option<&'a ClientId>,
    /// Of the subject.
    pub organization: Option<&'a OrganizationId>,
}

/// Invalidates waiting codes.
pub async fn void(mut conn: &Conn, whose: &Whose<'_>) -> Result<(), StoreError> {
    struct Void;
    const TEXT: &str = "UPDATE handover_codes SET expires_at = clock_now() \
         WHERE used_at IS NULL AND expires_at > clock_now() \
         AND (?::text IS NULL OR actor_id = ?) AND (?::text IS NULL OR subject_id = ?) \
         AND (?::text IS NULL OR client_id = ?) AND (?::text IS NULL OR subject_id IN \
         (SELECT id FROM users WHERE organization_id = ?))";
    let (actor, subject) = (whose.actor.map(UserId::as_str), whose.subject.map(UserId::as_str));
    let client = whose.client.map(ClientId::as_str);
    let organization = whose.organization.map(OrganizationId::as_str);
    let values = [actor, actor, subject, subject, client, client, organization, organization]
        .map(Value::MaybeText);
    Statement::<Void, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Invalidates waiting codes that a change may affect, so that a denied request does not become valid again when
/// the change is undone.
pub async fn void_touched(mut conn: &Conn, by: Touched<'_>) -> Result<(), StoreError> {
    struct VoidTouched;
    const TEXT: &str = "UPDATE handover_codes SET expires_at = clock_now() \
         WHERE used_at IS NULL AND expires_at > clock_now() AND CASE ? \
         WHEN 'user' THEN ? IN (actor_id, subject_id) \
         WHEN 'role' THEN EXISTS (SELECT FROM user_roles r WHERE r.role = ? AND r.user_id IN (actor_id, subject_id)) \
         WHEN 'organization' THEN subject_id IN (SELECT id FROM users WHERE organization_id = ?) \
         ELSE client_id = ? END";
    let (kind, id) = match by {
        Touched::User(id) => ("user", id),
        Touched::Role(id) => ("role", id),
        Touched::Organization(id) => ("organization", id),
        Touched::Application(id) => ("application", id),
    };
    let values = [kind, id, id, id, id].map(Value::Text);
    Statement::<VoidTouched, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Deletes used and expired codes, at most a thousand at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM handover_codes WHERE code_hash = ANY(ARRAY(SELECT code_hash FROM handover_codes \
         WHERE expires_at < clock_now() - interval '1 hour' ORDER BY expires_at LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
