//! `impersonations`: one row for link, session and end.
//!
//! State changes are single guarded statements that also write their audit event, so that a ticket is redeemed ⇔
//! its session exists ⇔ its event exists. Statements about links are in [`links`], about calls in [`acting`].
pub mod acting;
mod facts;
pub mod links;
pub mod overdue;
pub mod history;

use super::connection::statement::{Statement, Value};
use super::schema::{Written, impersonations, moment, written};
use super::trail::append;
use super::{Conn, Moment, StoreError, word};
use crate::audit::Event;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName, Redeem};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, SessionId, Timestamp, UserId};
use crate::impersonation::RequestedBy;
use crate::impersonation::requester::COMMAND_LINE;
use crate::login::LoginRequest;
use chrono::Duration;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
pub use facts::{DecisionFacts, Ticket, facts, find_by_ticket};
pub use links::{NewLink, Redemption, insert, redeem, revoke_waiting};
pub use overdue::list_overdue;

const TABLE: &str = "impersonations";

/// Every running impersonation began within this time: the table's CHECK limits a link to an hour and a token to a
/// day.
pub const MAX_RUN: Duration = Duration::days(1);

/// The smallest id of a row that was created at `at`, because ids begin with their time.
pub fn first_id_at(at: Timestamp) -> String {
    format!("imp_{:012x}", at.timestamp_millis().max(0))
}

/// A row.
#[derive(Clone)]
pub struct ImpersonationRecord {
    pub id: ImpersonationId,
    pub status: String,
    pub channel: Channel,
    pub protocol: ProtocolName,
    pub mode: Mode,
    pub actor: UserId,
    pub subject: UserId,
    pub client: ClientId,
    pub organization: Option<OrganizationId>,
    pub requested_by: RequestedBy,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    pub target_link_uri: Option<String>,
    /// `None`: it did not begin with a link.
    pub link: Option<Link>,
    /// Hash of the actor's token, if a token proves the actor.
    pub bearer_hash: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub redeemed_at: Option<Timestamp>,
    pub actor_session: Option<SessionId>,
    pub ends_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
}

/// The link's own columns.
#[derive(Clone)]
pub struct Link {
    /// The login request that the link stands in for.
    pub request: LoginRequest,
    pub redeem: Redeem,
    /// Seconds.
    pub duration: i64,
    pub expires_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = impersonations)]
pub(super) struct RecordRow {
    id: String,
    status: String,
    channel: String,
    protocol: String,
    mode: String,
    actor_id: String,
    subject_id: String,
    client_id: String,
    organization_id: Option<String>,
    requested_by: String,
    requester_kind: Option<String>,
    requester_application: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    request: Option<serde_json::Value>,
    target_link_uri: Option<String>,
    redeem: Option<String>,
    duration_seconds: Option<i32>,
    bearer_hash: Option<Vec<u8>>,
    created_at: Timestamp,
    link_expires_at: Option<Timestamp>,
    redeemed_at: Option<Timestamp>,
    actor_session_id: Option<String>,
    ends_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    end_reason: Option<String>,
}

/// The requester. A row without a kind was written by an earlier release, where the channel determines the kind of
/// the id: only persons who acted themselves used a token of their own.
fn requested_by(row: &RecordRow) -> Result<RequestedBy, StoreError> {
    let person = || super::id(TABLE, row.requested_by.clone());
    let client = || super::id(TABLE, row.requested_by.clone());
    let application = row.requester_application.clone().map(|text| super::id(TABLE, text));
    let of_token = |application| Ok(RequestedBy::Token { person: person()?, application });
    match (row.requester_kind.as_deref(), row.channel.as_str()) {
        (Some("application"), _) | (None, "jwt_grant") => Ok(RequestedBy::Application(client()?)),
        (Some("token"), _) => of_token(application.transpose()?),
        (Some("session"), _) => Ok(RequestedBy::Session(person()?)),
        (Some("command_line"), _) => Ok(RequestedBy::CommandLine),
        (Some(other), _) => {
            Err(StoreError::Corrupt { table: TABLE, what: format!("requester_kind: {other}") })
        }
        (None, "link") if row.requested_by == row.actor_id => of_token(None),
        (None, "link") => Ok(RequestedBy::Application(client()?)),
        (None, "console") if row.requested_by == COMMAND_LINE => Ok(RequestedBy::CommandLine),
        (None, "console") => Ok(RequestedBy::Session(person()?)),
        (None, _) => Ok(RequestedBy::Token {
            person: super::id(TABLE, row.actor_id.clone())?,
            application: Some(client()?),
        }),
    }
}

fn link(row: &mut RecordRow) -> Result<Option<Link>, StoreError> {
    let (Some(request), Some(redeem), Some(duration), Some(expires_at)) =
        (row.request.take(), &row.redeem, row.duration_seconds, row.link_expires_at)
    else {
        return Ok(None);
    };
    let request = serde_json::from_value(request)
        .map_err(|e| StoreError::Corrupt { table: TABLE, what: format!("request: {e}") })?;
    let redeem = word(TABLE, redeem, Redeem::parse)?;
    Ok(Some(Link { request, redeem, duration: duration.into(), expires_at }))
}

impl TryFrom<RecordRow> for ImpersonationRecord {
    type Error = StoreError;

    fn try_from(mut row: RecordRow) -> Result<Self, StoreError> {
        let (link, requested_by) = (link(&mut row)?, requested_by(&row)?);
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
            requested_by,
            reason: row.reason,
            ticket: row.ticket,
            target_link_uri: row.target_link_uri,
            link,
            bearer_hash: row.bearer_hash,
            created_at: row.created_at,
            redeemed_at: row.redeemed_at,
            actor_session: row.actor_session_id.map(|text| super::id(TABLE, text)).transpose()?,
            ends_at: row.ends_at,
            last_seen_at: row.last_seen_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
        })
    }
}

/// A row, and the time of the read.
pub async fn find_at(
    mut conn: &Conn,
    id: &ImpersonationId,
) -> Result<Option<(ImpersonationRecord, Moment)>, StoreError> {
    let row: Option<(RecordRow, Moment)> = impersonations::table
        .find(id.as_str())
        .select((RecordRow::as_select(), moment()))
        .first(&mut conn)
        .await
        .optional()?;
    row.map(|(row, at)| Ok((row.try_into()?, at))).transpose()
}

pub async fn find(
    mut conn: &Conn,
    id: &ImpersonationId,
) -> Result<Option<ImpersonationRecord>, StoreError> {
    let row: Option<RecordRow> = impersonations::table
        .find(id.as_str())
        .select(RecordRow::as_select())
        .first(&mut conn)
        .await
        .optional()?;
    row.map(ImpersonationRecord::try_from).transpose()
}

/// A filter; every field narrows. Newest first, by id, because ids begin with their time.
#[derive(Debug, Default, Clone)]
pub struct ImpersonationFilter {
    pub status: Option<String>,
    pub actor: Option<UserId>,
    pub subject: Option<UserId>,
    pub client: Option<ClientId>,
    /// Requested by this application: for itself, or by a person with a token that it holds.
    pub requester: Option<ClientId>,
    /// Only rows of this organization.
    pub organization: Option<OrganizationId>,
    /// Without those that a [`super::tokens::not_before`] has ended and that are not marked yet.
    pub without_signed_out: bool,
    /// Only rows before this one, for paging.
    pub before: Option<ImpersonationId>,
    pub limit: i64,
}

/// Condition: no [`super::tokens::not_before`] has ended the impersonation.
pub(super) struct IsAfterSignOut;

impl Written for IsAfterSignOut {
    type SqlType = Bool;
    const SQL: &'static str = "(impersonations.created_at > coalesce(impersonation_not_before( \
     impersonations.actor_id, impersonations.subject_id, impersonations.client_id), '-infinity'))";
}

pub async fn list(
    mut conn: &Conn,
    filter: &ImpersonationFilter,
) -> Result<Vec<ImpersonationRecord>, StoreError> {
    let mut query = impersonations::table.select(RecordRow::as_select()).into_boxed();
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
    if let Some(requester) = &filter.requester {
        let itself = impersonations::requester_kind
            .eq("application")
            .and(impersonations::requested_by.eq(requester.as_str()));
        let by_token = impersonations::requester_application.eq(requester.as_str());
        query = query.filter(itself.or(by_token).assume_not_null());
    }
    if let Some(organization) = &filter.organization {
        query = query.filter(impersonations::organization_id.eq(organization.as_str()));
    }
    if filter.without_signed_out {
        query = query.filter(written::<IsAfterSignOut>());
    }
    if let Some(id) = &filter.before {
        query = query.filter(impersonations::id.lt(id.as_str()));
    }
    let rows: Vec<RecordRow> =
        query.order(impersonations::id.desc()).limit(filter.limit).load(&mut conn).await?;
    rows.into_iter().map(ImpersonationRecord::try_from).collect()
}

/// Running impersonations that were started from this session of their actor.
pub async fn list_of_actor_session(
    mut conn: &Conn,
    session: &SessionId,
) -> Result<Vec<ImpersonationRecord>, StoreError> {
    use super::schema::sessions;
    let since = super::installation::settings::now(conn).await? - MAX_RUN;
    let actor = sessions::table.find(session.as_str()).select(sessions::user_id).single_value();
    let rows: Vec<RecordRow> = impersonations::table
        .filter(impersonations::actor_id.nullable().eq(actor))
        .filter(impersonations::id.ge(first_id_at(since)))
        .filter(impersonations::actor_session_id.eq(session.as_str()))
        .filter(impersonations::redeemed_at.is_not_null())
        .filter(impersonations::ended_at.is_null())
        .select(RecordRow::as_select())
        .load(&mut conn)
        .await?;
    rows.into_iter().map(ImpersonationRecord::try_from).collect()
}

/// Ends the impersonation and its session, and queues the logout notification; false when it had ended before.
pub async fn end(
    mut conn: &Conn,
    id: &ImpersonationId,
    reason: EndReason,
    event: &Event,
) -> Result<bool, StoreError> {
    struct End;
    const TEXT: &str = "WITH ended AS (UPDATE impersonations SET \
         status = CASE status WHEN 'active' THEN 'ended' ELSE 'revoked' END, \
         ended_at = clock_now(), end_reason = ? WHERE id = ? AND status IN ('active', 'link_issued') \
         RETURNING id, client_id, subject_id), \
         closed AS (UPDATE sessions SET ended_at = clock_now() FROM ended \
         WHERE sessions.impersonation_id = ended.id AND sessions.ended_at IS NULL \
         RETURNING sessions.id, sessions.impersonation_id, ended.client_id, ended.subject_id), \
         told AS (INSERT INTO logout_deliveries (client_id, user_id, session_id, impersonation_id, traceparent, due_at) \
         SELECT closed.client_id, closed.subject_id, closed.id, closed.impersonation_id, ?, \
         clock_now() + CASE WHEN clients.backchannel_logout_uri IS NULL \
         THEN interval '10 seconds' ELSE interval '0' END \
         FROM closed JOIN clients ON clients.id = closed.client_id \
         WHERE clients.backchannel_logout_uri IS NOT NULL OR (clients.saml ->> 'slo_url' IS NOT NULL \
         AND EXISTS (SELECT FROM session_participants p WHERE p.session_id = closed.id))), \
         trail AS (INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM ended) SELECT id FROM ended";
    let detail = event.detail();
    let trace = crate::observability::trace_context::current_traceparent();
    let mut values = vec![
        Value::Text(reason.as_str()),
        Value::Text(id.as_str()),
        Value::MaybeText(trace.as_deref()),
    ];
    values.extend(append::values(event, &detail));
    let ended: Option<Option<String>> = Statement::<End, Nullable<Text>>::new(TEXT, &values)
        .get_result(&mut conn)
        .await
        .optional()?;
    Ok(ended.is_some())
}

/// Records a use at one of this server's endpoints, which restarts the idle limit.
pub async fn touch(
    mut conn: &Conn,
    id: &ImpersonationId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let live = impersonations::table.find(id.as_str()).filter(impersonations::status.eq("active"));
    diesel::update(live).set(impersonations::last_seen_at.eq(now)).execute(&mut conn).await?;
    Ok(())
}
