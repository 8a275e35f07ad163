//! Impersonation links: issued, replaced, redeemed.
use super::{TABLE, first_id_at};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::{EndReason, Redeem};
use crate::domain::{ClientId, OrganizationId, SessionId, Timestamp, UserId};
use crate::impersonation::{Impersonation, RequestedBy};
use crate::login::LoginRequest;
use crate::store::connection::statement::{Statement, Value};
use crate::store::tokens::authorization_codes::{self, NewCode};
use crate::store::{Conn, StoreError, trail::append};
use chrono::Duration;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

/// A new link.
pub struct NewLink<'a> {
    pub granted: &'a Impersonation,
    pub request: &'a LoginRequest,
    pub reason: Option<&'a str>,
    pub reason_code: Option<&'a str>,
    pub ticket: Option<&'a str>,
    pub target_link_uri: Option<&'a str>,
    pub redeem: Redeem,
    /// Seconds.
    pub duration: i32,
    pub ticket_hash: &'a [u8],
    pub link_expires_at: Timestamp,
}

/// Writes the link and its event.
pub async fn insert(mut conn: &Conn, link: &NewLink<'_>, event: &Event) -> Result<(), StoreError> {
    struct Insert;
    const TEXT: &str = "WITH link AS (INSERT INTO impersonations (id, status, channel, protocol, mode, \
         actor_id, subject_id, client_id, organization_id, requested_by, requester_kind, \
         requester_application, reason, reason_code, ticket, \
         request, target_link_uri, redeem, duration_seconds, ticket_hash, created_at, link_expires_at) \
         VALUES (?, 'link_issued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let granted = link.granted;
    let request = serde_json::to_value(link.request)
        .map_err(|e| StoreError::Corrupt { table: TABLE, what: e.to_string() })?;
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
        Value::MaybeText(link.reason),
        Value::MaybeText(link.reason_code),
        Value::MaybeText(link.ticket),
        Value::Json(&request),
        Value::MaybeText(link.target_link_uri),
        Value::Text(link.redeem.as_str()),
        Value::Int(link.duration),
        Value::Bytes(link.ticket_hash),
        Value::Time(granted.terms().starts_at),
        Value::Time(link.link_expires_at),
    ];
    values.extend(append::values(event, &detail));
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// The application whose token a person used for the request.
pub(super) fn by_token(requested_by: &RequestedBy) -> Option<&str> {
    match requested_by {
        RequestedBy::Token { application, .. } => application.as_ref().map(ClientId::as_str),
        RequestedBy::Application(_) | RequestedBy::Session(_) | RequestedBy::CommandLine => None,
    }
}

/// Revokes the oldest waiting links of `actor` except the newest `keep`, each with its event.
pub async fn revoke_waiting(
    mut conn: &Conn,
    actor: &UserId,
    keep: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    struct Revoke;
    const TEXT: &str = "WITH revoked AS (UPDATE impersonations SET status = 'revoked', \
         ended_at = clock_now(), end_reason = ? WHERE id IN (SELECT id FROM impersonations \
         WHERE actor_id = ? AND id >= ? \
         AND redeemed_at IS NULL AND ended_at IS NULL AND link_expires_at > clock_now() \
         ORDER BY id DESC OFFSET ? FOR UPDATE SKIP LOCKED) RETURNING *) \
         INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, reason) SELECT ?, actor_id, subject_id, id, \
         client_id, organization_id, channel, protocol, end_reason FROM revoked";
    // No link waits for longer.
    let since = first_id_at(now - Duration::seconds(300));
    let values = [
        Value::Text(EndReason::Superseded.as_str()),
        Value::Text(actor.as_str()),
        Value::Text(&since),
        Value::BigInt(keep),
        Value::Text(EventKind::ImpersonationEnded.as_str()),
    ];
    Statement::<Revoke, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// The rows of a redemption: session, code if the response is immediate, and event.
pub struct Redemption<'a> {
    pub granted: &'a Impersonation,
    pub ticket_hash: &'a [u8],
    pub actor_session: Option<&'a SessionId>,
    pub session: &'a SessionId,
    pub session_token_hash: &'a [u8],
    pub impersonator: &'a serde_json::Value,
    pub code: Option<&'a NewCode<'a>>,
    pub caller: &'a Caller,
}

/// Redeems the ticket; false when it is not waiting any more. It is one statement, so that one of any number of
/// concurrent requests succeeds and nothing is written half.
///
/// The condition is on times, not on the status, because Postgres would read all waiting links for the status.
pub async fn redeem(
    mut conn: &Conn,
    redemption: &Redemption<'_>,
    event: &Event,
) -> Result<bool, StoreError> {
    struct RedeemTicket;
    const TEXT: &str = "WITH redeemed AS (UPDATE impersonations SET status = 'active', \
         redeemed_at = ?, actor_proof = ?, actor_session_id = ?, ends_at = ?, last_seen_at = ? \
         WHERE ticket_hash = ? AND redeemed_at IS NULL AND ended_at IS NULL \
         AND link_expires_at > clock_now() RETURNING id), \
         session AS (INSERT INTO sessions (id, token_hash, user_id, created_at, authenticated_at, last_seen_at, \
         expires_at, ip, user_agent, impersonation_id, impersonator, bound_client_id) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, id, ?, ? FROM redeemed RETURNING id), \
         code AS (INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, \
         impersonation_id, redirect_uri, scope, nonce, code_challenge, audience, authenticated_at, \
         created_at, expires_at) SELECT ?, ?, ?, ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM session WHERE ? = 1), \
         trail AS (INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM session) SELECT id FROM redeemed";
    let (granted, terms) = (redemption.granted, redemption.granted.terms());
    let detail = event.detail();
    let mut values = vec![
        Value::Time(terms.starts_at),
        Value::Text(granted.actor_proof().as_str()),
        Value::MaybeText(redemption.actor_session.map(SessionId::as_str)),
        Value::Time(terms.ends_at),
        Value::Time(terms.starts_at),
        Value::Bytes(redemption.ticket_hash),
        Value::Text(redemption.session.as_str()),
        Value::Bytes(redemption.session_token_hash),
        Value::Text(granted.subject().id.as_str()),
        Value::Time(terms.starts_at),
        Value::Time(terms.starts_at),
        Value::Time(terms.starts_at),
        Value::Time(terms.ends_at),
        Value::MaybeText(redemption.caller.ip.as_deref()),
        Value::MaybeText(redemption.caller.user_agent.as_deref()),
        Value::Json(redemption.impersonator),
        Value::Text(granted.client().as_str()),
    ];
    values.extend(authorization_codes::values_or_none(redemption.code, terms.starts_at));
    values.push(Value::Int(i32::from(redemption.code.is_some())));
    values.extend(append::values(event, &detail));
    let id: Option<String> = Statement::<RedeemTicket, Text>::new(TEXT, &values)
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(id.is_some())
}
