//! Searches `audit_events` by filters, newest first, or in order for an export.
use crate::domain::Timestamp;
use crate::store::schema::{audit_events, clients, users};
use crate::store::{Conn, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use std::collections::BTreeMap;

/// An event as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = audit_events)]
pub struct TrailEntry {
    pub seq: i64,
    pub at: Timestamp,
    #[serde(rename = "type")]
    pub kind: String,
    pub actor: Option<String>,
    pub subject: Option<String>,
    pub impersonation_id: Option<String>,
    pub client_id: Option<String>,
    pub organization_id: Option<String>,
    pub channel: Option<String>,
    pub protocol: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    pub detail: serde_json::Value,
}

/// A filter; every field narrows.
#[derive(Debug, Clone, Default)]
pub struct EventSearch {
    /// Any of these kinds; an empty list matches all.
    pub kinds: Vec<String>,
    /// Any of these ids; an empty list matches nothing.
    pub actor: Option<Vec<String>>,
    pub subject: Option<Vec<String>>,
    pub client: Option<Vec<String>>,
    pub impersonation: Option<String>,
    /// The whole ticket, in upper or lower case.
    pub ticket: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only events of this organization.
    pub organization: Option<String>,
    /// Only events of which this user is actor or subject.
    pub own: Option<String>,
}

/// A page of the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOrder {
    /// Newest first, only those before this number.
    Before(i64),
    /// Oldest first, only those after the first number and up to the second.
    Between(i64, i64),
}

/// Kinds that are written for every impersonation, token and call: they are indexed by impersonation. The migration
/// has the same list.
const FREQUENT: &str = "('impersonation.link_issued', 'impersonation.started', \
     'impersonation.token_issued', 'impersonation.api_call')";

type EventCondition<'a> =
    Box<dyn BoxableExpression<audit_events::table, diesel::pg::Pg, SqlType = Nullable<Bool>> + 'a>;

/// Events of which `person` is `actor` or `subject`. Two conditions, each with an index: frequent events are found
/// by the impersonations of that user.
fn of_person<'a>(column: &str, person: &'a str) -> EventCondition<'a> {
    let rare = format!("(audit_events.{column} = ");
    let frequent = format!(" AND audit_events.type NOT IN {FREQUENT} OR audit_events.{column} = ");
    let by_impersonation = format!(
        " AND audit_events.type IN {FREQUENT} AND audit_events.impersonation_id = ANY(ARRAY( \
         SELECT i.id FROM impersonations i WHERE i.{column}_id = "
    );
    let condition = sql::<Nullable<Bool>>(&rare)
        .bind::<Text, _>(person)
        .sql(&frequent)
        .bind::<Text, _>(person)
        .sql(&by_impersonation)
        .bind::<Text, _>(person)
        .sql(")))");
    Box::new(condition)
}

/// As [`of_person`], for several users.
fn of_people<'a>(column: &str, people: &'a [String]) -> EventCondition<'a> {
    if let [person] = people {
        return of_person(column, person);
    }
    let rare = format!("(audit_events.type NOT IN {FREQUENT} AND audit_events.{column} = ANY(");
    let frequent = format!(
        ") OR audit_events.type IN {FREQUENT} AND audit_events.impersonation_id = ANY(ARRAY( \
         SELECT i.id FROM impersonations i WHERE i.{column}_id = ANY("
    );
    let condition = sql::<Nullable<Bool>>(&rare)
        .bind::<Array<Text>, _>(people)
        .sql(&frequent)
        .bind::<Array<Text>, _>(people)
        .sql("))))");
    Box::new(condition)
}

/// Events that name `ticket`, and the frequent ones of the impersonations that it was given for.
fn of_ticket(ticket: &str) -> EventCondition<'_> {
    let rare =
        format!("(audit_events.type NOT IN {FREQUENT} AND lower(audit_events.ticket) = lower(");
    let frequent = format!(
        ") OR audit_events.type IN {FREQUENT} AND audit_events.impersonation_id = ANY(ARRAY( \
         SELECT i.id FROM impersonations i WHERE lower(i.ticket) = lower("
    );
    let condition = sql::<Nullable<Bool>>(&rare)
        .bind::<Text, _>(ticket)
        .sql(&frequent)
        .bind::<Text, _>(ticket)
        .sql("))))");
    Box::new(condition)
}

type EventQuery<'a> = audit_events::BoxedQuery<'a, diesel::pg::Pg>;

fn narrowed(search: &EventSearch) -> EventQuery<'_> {
    let mut query = audit_events::table.into_boxed();
    if !search.kinds.is_empty() {
        query = query.filter(audit_events::kind.eq_any(&search.kinds));
    }
    if let Some(actors) = &search.actor {
        query = query.filter(of_people("actor", actors));
    }
    if let Some(subjects) = &search.subject {
        query = query.filter(of_people("subject", subjects));
    }
    query = match search.client.as_deref() {
        None => query,
        Some([client]) => query.filter(audit_events::client_id.eq(client)),
        Some(clients) => query.filter(audit_events::client_id.eq_any(clients)),
    };
    if let Some(ticket) = &search.ticket {
        query = query.filter(of_ticket(ticket));
    }
    if let Some(impersonation) = &search.impersonation {
        query = query.filter(audit_events::impersonation_id.eq(impersonation));
    }
    if let Some(since) = search.since {
        query = query.filter(audit_events::at.ge(since));
    }
    if let Some(until) = search.until {
        query = query.filter(audit_events::at.lt(until));
    }
    if let Some(organization) = &search.organization {
        query = query.filter(audit_events::organization_id.eq(organization));
    }
    if let Some(own) = &search.own {
        query = query.filter(of_person("actor", own).or(of_person("subject", own)));
    }
    query
}

pub async fn list(
    mut conn: &Conn,
    search: &EventSearch,
    order: EventOrder,
    limit: i64,
) -> Result<Vec<TrailEntry>, StoreError> {
    let query = narrowed(search).limit(limit);
    let query = match order {
        EventOrder::Before(seq) => {
            query.filter(audit_events::seq.lt(seq)).order(audit_events::seq.desc())
        }
        EventOrder::Between(after, last) => query
            .filter(audit_events::seq.gt(after).and(audit_events::seq.le(last)))
            .order(audit_events::seq.asc()),
    };
    Ok(query.select(TrailEntry::as_select()).load(&mut conn).await?)
}

/// The number of matches, up to `most`, and the newest position.
pub async fn count(
    mut conn: &Conn,
    search: &EventSearch,
    most: i64,
) -> Result<(usize, i64), StoreError> {
    let seqs: Vec<i64> = narrowed(search)
        .select(audit_events::seq)
        .order(audit_events::seq.desc())
        .limit(most)
        .load(&mut conn)
        .await?;
    Ok((seqs.len(), seqs.iter().copied().next().unwrap_or(0)))
}

/// The names of the users and applications among `ids`.
pub async fn names(
    mut conn: &Conn,
    ids: &[&str],
) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>), StoreError> {
    type Called = (String, Option<String>, Option<String>);
    let people: Vec<Called> = users::table
        .filter(users::id.eq_any(ids))
        .select((users::id, users::name, users::email))
        .load(&mut conn)
        .await?;
    let applications: Vec<(String, String)> = clients::table
        .filter(clients::id.eq_any(ids))
        .select((clients::id, clients::name))
        .load(&mut conn)
        .await?;
    let called = |(id, name, email): Called| Some((id, name.or(email)?));
    Ok((people.into_iter().filter_map(called).collect(), applications.into_iter().collect()))
}
