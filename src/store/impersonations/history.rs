//! Impersonations with the names of users and applications, for display.
//!
//! Newest first by id: ids begin with their time, so a moment is also a position in the index.
use super::{IsAfterSignOut, MAX_RUN, first_id_at};
use crate::domain::{ImpersonationId, OrganizationId, Timestamp};
use crate::store::schema::{clients, impersonations, users, written};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

const TABLE: &str = "impersonations";

diesel::alias!(users as actors: Actors, users as subjects: Subjects);

/// An impersonation as it is displayed.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    pub id: ImpersonationId,
    pub status: String,
    pub channel: String,
    pub protocol: String,
    pub mode: String,
    pub actor: WithNames,
    pub subject: WithNames,
    pub application: WithNames,
    pub organization: Option<String>,
    pub requested_by: String,
    /// The application that held the token by which a person asked.
    pub requester_application: Option<String>,
    pub reason: Option<String>,
    pub reason_code: Option<String>,
    pub ticket: Option<String>,
    pub actor_proof: Option<String>,
    pub created_at: Timestamp,
    /// `None`: it did not begin with a link.
    pub link_expires_at: Option<Timestamp>,
    pub redeemed_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
}

/// An id and its name; a deleted user or application is named by the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithNames {
    pub id: String,
    pub name: String,
}

/// A filter; every field narrows.
#[derive(Debug, Clone, Default)]
pub struct HistorySearch {
    pub id: Option<ImpersonationId>,
    /// Any of these ids; an empty list matches nothing.
    pub actor: Option<Vec<String>>,
    pub subject: Option<Vec<String>>,
    pub client: Option<Vec<String>>,
    pub protocol: Option<String>,
    pub channel: Option<String>,
    pub end_reason: Option<String>,
    /// The whole ticket, in upper or lower case.
    pub ticket: Option<String>,
    /// A part of the reason, in upper or lower case.
    pub reason: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only rows of this organization.
    pub organization: Option<OrganizationId>,
    /// Only links that were opened.
    pub opened: bool,
    /// Only impersonations within all time limits.
    pub running: bool,
    /// Only rows before this one, for paging.
    pub before: Option<ImpersonationId>,
    pub limit: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = impersonations)]
struct HistoryRow {
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
    requester_application: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    ticket: Option<String>,
    actor_proof: Option<String>,
    created_at: Timestamp,
    link_expires_at: Option<Timestamp>,
    redeemed_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    end_reason: Option<String>,
}

/// Name and e-mail address.
type CallEntry = (Option<String>, Option<String>);
type HistoryColumns = (HistoryRow, Option<CallEntry>, Option<CallEntry>, Option<String>);

/// The range of ids for the time filter: from the first, before the second.
fn ids_of_time(search: &HistorySearch) -> Option<(String, String)> {
    let since = search.since.map(first_id_at).unwrap_or_default();
    let until = search.until.map_or_else(|| "j".to_owned(), first_id_at);
    (search.since.is_some() || search.until.is_some()).then_some((since, until))
}

/// The rows, and the current time.
#[expect(
    clippy::too_many_lines,
    reason = "a filter for each field; the type of the query has no name"
)]
pub async fn search(
    mut conn: &Conn,
    search: &HistorySearch,
) -> Result<(Vec<HistoryEntry>, Timestamp), StoreError> {
    let now = crate::store::installation::settings::now(conn).await?;
    let mut query = impersonations::table
        .left_join(actors.on(actors.field(users::id).eq(impersonations::actor_id)))
        .left_join(subjects.on(subjects.field(users::id).eq(impersonations::subject_id)))
        .left_join(clients::table.on(clients::id.eq(impersonations::client_id)))
        .select((
            HistoryRow::as_select(),
            actors.fields((users::name, users::email)).nullable(),
            subjects.fields((users::name, users::email)).nullable(),
            clients::name.nullable(),
        ))
        .into_boxed();
    if let Some(id) = &search.id {
        query = query.filter(impersonations::id.eq(id.as_str()));
    }
    // A single id is compared by `=`, so that an index on (user id, id) returns the rows in order.
    query = match search.actor.as_deref() {
        None => query,
        Some([actor]) => query.filter(impersonations::actor_id.eq(actor)),
        Some(several) => query.filter(impersonations::actor_id.eq_any(several)),
    };
    query = match search.subject.as_deref() {
        None => query,
        Some([subject]) => query.filter(impersonations::subject_id.eq(subject)),
        Some(several) => query.filter(impersonations::subject_id.eq_any(several)),
    };
    query = match search.client.as_deref() {
        None => query,
        Some([client]) => query.filter(impersonations::client_id.eq(client)),
        Some(clients) => query.filter(impersonations::client_id.eq_any(clients)),
    };
    if let Some(ticket) = &search.ticket {
        query = query.filter(lower(impersonations::ticket).eq(lower(ticket)));
    }
    if let Some(reason) = &search.reason {
        query = query.filter(lower(impersonations::reason).like(lower(anywhere(reason))));
    }
    if let Some(protocol) = &search.protocol {
        query = query.filter(impersonations::protocol.eq(protocol));
    }
    if let Some(channel) = &search.channel {
        query = query.filter(impersonations::channel.eq(channel));
    }
    if let Some(reason) = &search.end_reason {
        query = query.filter(impersonations::end_reason.eq(reason));
    }
    if let Some(organization) = &search.organization {
        query = query.filter(impersonations::organization_id.eq(organization.as_str()));
    }
    if let Some((since, until)) = ids_of_time(search) {
        query = query.filter(impersonations::id.ge(since)).filter(impersonations::id.lt(until));
    }
    if search.opened {
        query = query.filter(impersonations::redeemed_at.is_not_null());
    }
    if search.running {
        let by_token = impersonations::ticket_hash.is_null().nullable();
        let seen_since = now - crate::impersonation::grant::IDLE_LIMIT;
        query = query
            .filter(impersonations::id.ge(first_id_at(now - MAX_RUN)))
            .filter(impersonations::status.eq("active"))
            .filter(impersonations::ends_at.gt(now))
            .filter(written::<IsAfterSignOut>())
            .filter(impersonations::last_seen_at.gt(seen_since).or(by_token));
    }
    if let Some(before) = &search.before {
        query = query.filter(impersonations::id.lt(before.as_str()));
    }
    let rows: Vec<HistoryColumns> =
        query.order(impersonations::id.desc()).limit(search.limit).load(&mut conn).await?;
    let entries = rows.into_iter().map(convert).collect::<Result<_, _>>()?;
    Ok((entries, now))
}

/// The impersonation with this id, if it belongs to `organization`, and the current time.
pub async fn find(
    conn: &Conn,
    id: &ImpersonationId,
    organization: Option<&OrganizationId>,
) -> Result<Option<(HistoryEntry, Timestamp)>, StoreError> {
    let only = HistorySearch {
        id: Some(id.clone()),
        organization: organization.cloned(),
        limit: 1,
        ..HistorySearch::default()
    };
    let (rows, now) = search(conn, &only).await?;
    Ok(rows.into_iter().next().map(|entry| (entry, now)))
}

diesel::define_sql_function! { fn lower(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>; }

/// A `LIKE` pattern that finds `text` literally, anywhere.
pub fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// The user with this id or e-mail address: id and organization.
pub async fn find_person(
    mut conn: &Conn,
    text: &str,
) -> Result<Option<(String, Option<String>)>, StoreError> {
    let email = crate::store::directory::users::canonical_email(text);
    Ok(users::table
        .filter(users::id.eq(text).or(users::email_canonical.eq(email)))
        .select((users::id, users::organization_id))
        .order(users::id.eq(text).desc())
        .first(&mut conn)
        .await
        .optional()?)
}

/// The application with the id `text`, else those whose names contain it, with their organizations, at most
/// `limit`.
pub async fn find_applications(
    mut conn: &Conn,
    text: &str,
    limit: i64,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let named = lower(clients::name.nullable()).like(lower(anywhere(text)));
    let mut found: Vec<(String, Option<String>)> = clients::table
        .filter(clients::id.nullable().eq(text).or(named))
        .select((clients::id, clients::organization_id))
        .order((clients::id.eq(text).desc(), clients::id))
        .limit(limit)
        .load(&mut conn)
        .await?;
    if found.iter().any(|(id, _)| id == text) {
        found.retain(|(id, _)| id == text);
    }
    Ok(found)
}

fn named(id: String, called: Option<CallEntry>) -> WithNames {
    let name = called.and_then(|(name, email)| name.or(email)).unwrap_or_else(|| id.clone());
    WithNames { id, name }
}

fn convert((row, actor, subject, application): HistoryColumns) -> Result<HistoryEntry, StoreError> {
    Ok(HistoryEntry {
        id: crate::store::id(TABLE, row.id)?,
        status: row.status,
        channel: row.channel,
        protocol: row.protocol,
        mode: row.mode,
        actor: named(row.actor_id, actor),
        subject: named(row.subject_id, subject),
        application: named(row.client_id, application.map(|name| (Some(name), None))),
        organization: row.organization_id,
        requested_by: row.requested_by,
        requester_application: row.requester_application,
        reason: row.reason,
        reason_code: row.reason_code,
        ticket: row.ticket,
        actor_proof: row.actor_proof,
        created_at: row.created_at,
        link_expires_at: row.link_expires_at,
        redeemed_at: row.redeemed_at,
        ends_at: row.ends_at,
        last_seen_at: row.last_seen_at,
        ended_at: row.ended_at,
        end_reason: row.end_reason,
    })
}
