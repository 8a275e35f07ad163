//! Impersonations by token: one row for each bearer, subject and channel, without link and session.
use super::links::by_token;
use super::{TABLE, first_id_at};
use crate::audit::{Event, EventKind};
use crate::domain::protocol::{Channel, EndReason};
use crate::domain::{ImpersonationId, OrganizationId, Timestamp, UserId};
use crate::impersonation::Impersonation;
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::impersonations;
use crate::store::{Conn, StoreError, trail::append};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;

/// The key of a row.
#[derive(Clone, Copy)]
pub struct ActingKey<'a> {
    pub channel: Channel,
    /// `access_tokens.token_hash` of the actor's own token.
    pub bearer_hash: &'a [u8],
    pub subject: &'a UserId,
}

/// The columns that the next call needs.
#[derive(Clone)]
pub struct Acted {
    pub id: ImpersonationId,
    pub began_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = impersonations)]
pub(in crate::store) struct ActedRow {
    id: String,
    redeemed_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    end_reason: Option<String>,
}

impl TryFrom<ActedRow> for Acted {
    type Error = StoreError;

    fn try_from(row: ActedRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: crate::store::id(TABLE, row.id)?,
            began_at: row.redeemed_at,
            ends_at: row.ends_at,
            last_seen_at: row.last_seen_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
        })
    }
}

/// The row of an earlier call.
pub async fn find(mut conn: &Conn, key: ActingKey<'_>) -> Result<Option<Acted>, StoreError> {
    let row: Option<ActedRow> = impersonations::table
        .filter(impersonations::bearer_hash.eq(key.bearer_hash))
        .filter(impersonations::subject_id.eq(key.subject.as_str()))
        .filter(impersonations::channel.eq(key.channel.as_str()))
        .select(ActedRow::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(Acted::try_from).transpose()
}

/// Whether this bearer has acted as the subject before and that has ended: with the other header, as the token that
/// it was narrowed from, or as one that was narrowed from the same token.
pub async fn has_ended(
    mut conn: &Conn,
    bearer_hash: &[u8],
    subject: &UserId,
) -> Result<bool, StoreError> {
    struct HasEnded;
    const TEXT: &str = "SELECT EXISTS (SELECT FROM access_tokens b \
         JOIN access_tokens t ON t.token_hash = coalesce(b.narrowed_from, b.token_hash) \
         OR t.narrowed_from = coalesce(b.narrowed_from, b.token_hash) \
         JOIN impersonations i ON i.bearer_hash = t.token_hash \
         WHERE b.token_hash = ? AND i.subject_id = ? AND i.channel IN ('as_user', 'on_behalf_of') \
         AND i.ended_at IS NOT NULL)";
    let values = [Value::Bytes(bearer_hash), Value::Text(subject.as_str())];
    Ok(Statement::<HasEnded, Bool>::new(TEXT, &values).get_result(&mut conn).await?)
}

/// Inserts the row, active at once, and its event; false when it exists already.
pub async fn start(
    mut conn: &Conn,
    granted: &Impersonation,
    bearer_hash: Option<&[u8]>,
    event: &Event,
) -> Result<bool, StoreError> {
    struct Start;
    const TEXT: &str = "WITH started AS (INSERT INTO impersonations (id, status, channel, protocol, mode, \
         actor_id, subject_id, client_id, organization_id, requested_by, requester_kind, \
         requester_application, bearer_hash, created_at, \
         redeemed_at, actor_proof, ends_at, last_seen_at) \
         VALUES (?, 'active', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (bearer_hash, subject_id, channel) WHERE bearer_hash IS NOT NULL DO NOTHING \
         RETURNING id), \
         trail AS (INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM started) SELECT id FROM started";
    let terms = granted.terms();
    let detail = event.detail();
    let mut values = vec![
        Value::Text(granted.id().as_str()),
        Value::Text(granted.channel().as_str()),
        Value::Text(granted.protocol().as_str()),
        Value::Text(granted.mode().as_str()),
        Value::Text(granted.actor().id.as_str()),
        Value::Text(granted.subject().id.as_str()),
        Value::Text(granted.client().as_str()),
        Value::MaybeText(granted.subject().organization_id().map(OrganizationId::as_str)),
        Value::Text(granted.requested_by().id()),
        Value::Text(granted.requested_by().kind()),
        Value::MaybeText(by_token(granted.requested_by())),
        Value::MaybeBytes(bearer_hash),
        Value::Time(terms.starts_at),
        Value::Time(terms.starts_at),
        Value::Text(granted.actor_proof().as_str()),
        Value::Time(terms.ends_at),
        Value::Time(terms.last_seen_at),
    ];
    values.extend(append::values(event, &detail));
    let id: Option<String> =
        Statement::<Start, Text>::new(TEXT, &values).get_result(&mut conn).await.optional()?;
    Ok(id.is_some())
}

/// Ends impersonations whose token has expired or belongs to a disabled user, at most a thousand rows at a time,
/// each with its event, only those that began after `begun`. It only records the end, because such a token is
/// rejected anyway.
pub async fn end_over(mut conn: &Conn, begun: Timestamp) -> Result<usize, StoreError> {
    struct EndOver;
    const TEXT: &str = "WITH over AS (UPDATE impersonations SET status = 'ended', ended_at = clock_now(), \
         end_reason = CASE WHEN ends_at <= clock_now() THEN ? ELSE ? END WHERE id IN ( \
         SELECT i.id FROM impersonations i WHERE i.id >= ? AND i.status = 'active' AND i.ticket_hash IS NULL \
         AND (i.ends_at <= clock_now() OR i.bearer_hash IS NOT NULL AND NOT EXISTS ( \
           SELECT FROM access_tokens t JOIN users u ON u.id = t.user_id AND u.status = 'active' \
           LEFT JOIN authorization_codes g ON g.id = t.grant_id LEFT JOIN sessions s ON s.id = t.session_id \
           WHERE t.token_hash = i.bearer_hash AND t.revoked_at IS NULL \
           AND g.revoked_at IS NULL AND s.ended_at IS NULL)) \
         LIMIT 1000 FOR UPDATE OF i SKIP LOCKED) RETURNING *) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, reason) SELECT ?, actor_id, subject_id, id, \
         client_id, organization_id, channel, protocol, end_reason FROM over";
    let begun = first_id_at(begun);
    let values = [
        Value::Text(EndReason::Timeout.as_str()),
        Value::Text(EndReason::ActorRevoked.as_str()),
        Value::Text(&begun),
        Value::Text(EventKind::ImpersonationEnded.as_str()),
    ];
    Ok(Statement::<EndOver, ()>::new(TEXT, &values).execute(&mut conn).await?)
}
