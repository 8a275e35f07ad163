//! `impersonations`: the link, the session and the end, in one row.
//!
//! The three moves are single guarded statements that write their audit event too, so that a ticket
//! is redeemed ⇔ its session exists ⇔ its event exists.
use super::audit;
use super::schema::{clock_now, impersonations};
use super::statement::{Statement, Value};
use super::{Conn, StoreError, word};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName, Redeem};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, SessionId, Timestamp, UserId};
use crate::impersonation::Impersonation;
use crate::login::LoginRequest;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl;

const TABLE: &str = "impersonations";

/// A row, as it stands.
#[derive(Clone)]
pub struct Record {
    pub id: ImpersonationId,
    pub status: String,
    pub channel: Channel,
    pub protocol: ProtocolName,
    pub mode: Mode,
    pub actor: UserId,
    pub subject: UserId,
    pub client: ClientId,
    pub organization: Option<OrganizationId>,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    pub request: LoginRequest,
    pub target_link_uri: Option<String>,
    pub redeem: Redeem,
    /// Seconds.
    pub duration: i64,
    pub created_at: Timestamp,
    pub link_expires_at: Timestamp,
    pub redeemed_at: Option<Timestamp>,
    pub actor_session: Option<SessionId>,
    pub ends_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = impersonations)]
struct Row {
    id: String,
    status: String,
    channel: String,
    protocol: String,
    mode: String,
    actor_id: String,
    subject_id: String,
    client_id: String,
    organization_id: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    request: serde_json::Value,
    target_link_uri: Option<String>,
    redeem: String,
    duration_seconds: i32,
    created_at: Timestamp,
    link_expires_at: Timestamp,
    redeemed_at: Option<Timestamp>,
    actor_session_id: Option<String>,
    ends_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    end_reason: Option<String>,
}

impl TryFrom<Row> for Record {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let request = serde_json::from_value(row.request)
            .map_err(|e| StoreError::Corrupt { table: TABLE, what: format!("request: {e}") })?;
        Ok(Self {
            id: super::id(TABLE, row.id)?,
            status: row.status,
            channel: word(TABLE, &row.channel, Channel::parse)?,
            protocol: word(TABLE, &row.protocol, ProtocolName::parse)?,
            mode: word(TABLE, &row.mode, Mode::parse)?,
            actor: super::id(TABLE, row.actor_id)?,
            subject: super::id(TABLE, row.subject_id)?,
            client: super::id(TABLE, row.client_id)?,
            organization: row.organization_id.map(|text| super::id(TABLE, text)).transpose()?,
            reason: row.reason,
            ticket: row.ticket,
            request,
            target_link_uri: row.target_link_uri,
            redeem: word(TABLE, &row.redeem, Redeem::parse)?,
            duration: row.duration_seconds.into(),
            created_at: row.created_at,
            link_expires_at: row.link_expires_at,
            redeemed_at: row.redeemed_at,
            actor_session: row.actor_session_id.map(|text| super::id(TABLE, text)).transpose()?,
            ends_at: row.ends_at,
            last_seen_at: row.last_seen_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
        })
    }
}

/// Whether the application or the person that asked for the link is still there and active. The command
/// line always is.
pub async fn requester_stands(mut conn: &Conn, id: &ImpersonationId) -> Result<bool, StoreError> {
    use super::schema::{clients, users};
    use diesel::dsl::exists;
    let asked = || impersonations::requested_by;
    let client = clients::table.filter(clients::id.eq(asked()).and(clients::status.eq("active")));
    let person = users::table.filter(users::id.eq(asked()).and(users::status.eq("active")));
    let stands = asked().eq("cli").or(exists(client)).or(exists(person));
    let found = impersonations::table.find(id.as_str()).select(stands);
    Ok(found.first(&mut conn).await.optional()?.unwrap_or(false))
}

pub async fn find(mut conn: &Conn, id: &ImpersonationId) -> Result<Option<Record>, StoreError> {
    let row: Option<Row> = impersonations::table
        .find(id.as_str())
        .select(Row::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(Record::try_from).transpose()
}

/// What a link stands for, and the time.
pub async fn find_by_ticket(
    mut conn: &Conn,
    ticket_hash: &[u8],
) -> Result<Option<(Record, Timestamp)>, StoreError> {
    let row: Option<(Row, Timestamp)> = impersonations::table
        .filter(impersonations::ticket_hash.eq(ticket_hash))
        .select((Row::as_select(), clock_now()))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(|(row, now)| Ok((row.try_into()?, now))).transpose()
}

/// Which ones to list; every field narrows. Newest first, by id: ours begin with their time.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    pub status: Option<String>,
    pub actor: Option<UserId>,
    pub subject: Option<UserId>,
    pub client: Option<ClientId>,
    /// Only rows of this organization.
    pub organization: Option<OrganizationId>,
    /// Only rows before this one, for paging.
    pub before: Option<ImpersonationId>,
    pub limit: i64,
}

pub async fn list(mut conn: &Conn, filter: &Filter) -> Result<Vec<Record>, StoreError> {
    let mut query = impersonations::table.select(Row::as_select()).into_boxed();
    if let Some(status) = &filter.status {
        query = query.filter(impersonations::status.eq(status));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(impersonations::actor_id.eq(actor.as_str()));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(impersonations::subject_id.eq(subject.as_str()));
    }
    if let Some(client) = &filter.client {
        query = query.filter(impersonations::client_id.eq(client.as_str()));
    }
    if let Some(organization) = &filter.organization {
        query = query.filter(impersonations::organization_id.eq(organization.as_str()));
    }
    if let Some(id) = &filter.before {
        query = query.filter(impersonations::id.lt(id.as_str()));
    }
    let rows: Vec<Row> =
        query.order(impersonations::id.desc()).limit(filter.limit).load(&mut conn).await?;
    rows.into_iter().map(Record::try_from).collect()
}

/// The live ones that the session of their actor stands behind.
pub async fn list_of_actor_session(
    mut conn: &Conn,
    session: &SessionId,
) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<Row> = impersonations::table
        .filter(impersonations::actor_session_id.eq(session.as_str()))
        .filter(impersonations::status.eq("active"))
        .select(Row::as_select())
        .load(&mut conn)
        .await?;
    rows.into_iter().map(Record::try_from).collect()
}

/// Running ones whose time is up, or that nobody has used since `seen_since`; the oldest first.
pub async fn list_overdue(
    mut conn: &Conn,
    (now, seen_since): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<ImpersonationId>, StoreError> {
    let over = impersonations::ends_at.le(now).or(impersonations::last_seen_at.le(seen_since));
    let ids: Vec<String> = impersonations::table
        .filter(impersonations::status.eq("active"))
        .filter(over.assume_not_null())
        .select(impersonations::id)
        .order(impersonations::ends_at)
        .limit(limit)
        .load(&mut conn)
        .await?;
    ids.into_iter().map(|id| super::id(TABLE, id)).collect()
}

/// A link to be handed out.
pub struct NewLink<'a> {
    pub granted: &'a Impersonation,
    pub request: &'a LoginRequest,
    pub requested_by: &'a str,
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
         actor_id, subject_id, client_id, organization_id, requested_by, reason, reason_code, ticket, \
         request, target_link_uri, redeem, duration_seconds, ticket_hash, created_at, link_expires_at) \
         VALUES (?, 'link_issued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) \
         INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
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
        Value::Text(link.requested_by),
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
    values.extend(audit::values(event, &detail));
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Revokes the oldest links of `actor` that nobody has opened, but for the newest `keep`; each with its
/// event.
pub async fn revoke_waiting(mut conn: &Conn, actor: &UserId, keep: i64) -> Result<(), StoreError> {
    struct Revoke;
    const TEXT: &str = "WITH revoked AS (UPDATE impersonations SET status = 'revoked', \
         ended_at = clock_now(), end_reason = ? WHERE id IN (SELECT id FROM impersonations \
         WHERE actor_id = ? AND status = 'link_issued' AND link_expires_at > clock_now() \
         ORDER BY created_at DESC, id DESC OFFSET ? FOR UPDATE SKIP LOCKED) RETURNING *) \
         INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, reason) SELECT ended_at, ?, actor_id, subject_id, id, \
         client_id, organization_id, channel, protocol, end_reason FROM revoked";
    let values = [
        Value::Text(EndReason::Superseded.as_str()),
        Value::Text(actor.as_str()),
        Value::BigInt(keep),
        Value::Text(EventKind::ImpersonationEnded.as_str()),
    ];
    Statement::<Revoke, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// What one redemption writes: the session, the code if the application is answered at once, the event.
pub struct Redemption<'a> {
    pub granted: &'a Impersonation,
    pub ticket_hash: &'a [u8],
    pub actor_session: Option<&'a SessionId>,
    pub session: &'a SessionId,
    pub session_token_hash: &'a [u8],
    pub impersonator: &'a serde_json::Value,
    pub code: Option<&'a super::authorization_codes::NewCode<'a>>,
    pub caller: &'a Caller,
}

/// Redeems the ticket; false when it is not waiting any more. One statement: however many open the
/// link, on however many nodes, one wins, and nothing is written half.
///
/// It asks for the times and not for the status, which would tempt Postgres to read all waiting links.
pub async fn redeem(
    mut conn: &Conn,
    redemption: &Redemption<'_>,
    event: &Event,
) -> Result<bool, StoreError> {
    struct RedeemTicket;
    const TEXT: &str = "WITH redeemed AS (UPDATE impersonations SET status = 'active', \
         redeemed_at = ?, actor_proof = ?, actor_session_id = ?, ends_at = ?, last_seen_at = ? \
         WHERE ticket_hash = ? AND redeemed_at IS NULL AND ended_at IS NULL \
         AND link_expires_at > (SELECT now() + ahead FROM clock) RETURNING id), \
         session AS (INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, \
         expires_at, ip, user_agent, impersonation_id, impersonator, bound_client_id) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, id, ?, ? FROM redeemed RETURNING id), \
         code AS (INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, \
         impersonation_id, redirect_uri, scope, nonce, code_challenge, audience, authenticated_at, \
         created_at, expires_at) SELECT ?, ?, ?, ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM session WHERE ? = 1), \
         trail AS (INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM session) SELECT id FROM redeemed";
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
        Value::Time(terms.ends_at),
        Value::MaybeText(redemption.caller.ip.as_deref()),
        Value::MaybeText(redemption.caller.user_agent.as_deref()),
        Value::Json(redemption.impersonator),
        Value::Text(granted.client().as_str()),
    ];
    values.extend(super::authorization_codes::values_or_none(redemption.code, terms.starts_at));
    values.push(Value::Int(i32::from(redemption.code.is_some())));
    values.extend(audit::values(event, &detail));
    let id: Option<String> = Statement::<RedeemTicket, Text>::new(TEXT, &values)
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(id.is_some())
}

/// Ends it, its session and tells its application; false when it was over already.
pub async fn end(
    mut conn: &Conn,
    id: &ImpersonationId,
    reason: EndReason,
    event: &Event,
) -> Result<bool, StoreError> {
    struct End;
    const TEXT: &str = "WITH ended AS (UPDATE impersonations SET \
         status = CASE status WHEN 'active' THEN 'ended' ELSE 'revoked' END, \
         ended_at = (SELECT now() + ahead FROM clock), end_reason = ? WHERE id = ? AND status IN ('active', 'link_issued') \
         RETURNING id, client_id, subject_id), \
         closed AS (UPDATE sessions SET ended_at = (SELECT now() + ahead FROM clock) FROM ended \
         WHERE sessions.impersonation_id = ended.id AND sessions.ended_at IS NULL \
         RETURNING sessions.id, sessions.impersonation_id, ended.client_id, ended.subject_id), \
         told AS (INSERT INTO logout_deliveries (client_id, user_id, session_id, impersonation_id) \
         SELECT closed.client_id, closed.subject_id, closed.id, closed.impersonation_id \
         FROM closed JOIN clients ON clients.id = closed.client_id \
         WHERE clients.backchannel_logout_uri IS NOT NULL), \
         trail AS (INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM ended) SELECT id FROM ended";
    let detail = event.detail();
    let mut values = vec![Value::Text(reason.as_str()), Value::Text(id.as_str())];
    values.extend(audit::values(event, &detail));
    let ended: Option<Option<String>> = Statement::<End, Nullable<Text>>::new(TEXT, &values)
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(ended.is_some())
}

/// Seen by one of our endpoints: the idle clock starts again.
pub async fn touch(
    mut conn: &Conn,
    id: &ImpersonationId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let live = impersonations::table.find(id.as_str()).filter(impersonations::status.eq("active"));
    diesel::update(live).set(impersonations::last_seen_at.eq(now)).execute(&mut conn).await?;
    Ok(())
}
