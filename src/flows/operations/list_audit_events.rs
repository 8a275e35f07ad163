//! Lists and exports audit events.
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::permission::AUDIT_READ;
use crate::domain::user::User;
use crate::flows::{Context, Failure};
use crate::store::trail::search::{self, EventOrder};
pub use crate::store::trail::search::{EventSearch, TrailEntry};
use crate::store::{self, Conn, StoreError};
use std::collections::BTreeMap;

/// Who does what a command of the program does, in the audit trail.
pub(in crate::flows) const OPERATOR: &str = "cli";
/// An export is whole or it is none: more than this is asked for in parts.
pub const MAX_EXPORT_ROWS: usize = 100_000;
/// Events in memory at once.
const BATCH_SIZE: i64 = 1_000;

/// Limits a search to what `reader` may see: events of their organization, and without `audit:read` only those of
/// which they are actor or subject.
pub fn visible_to(reader: &User, search: EventSearch) -> EventSearch {
    let own = (!reader.permissions.holds(AUDIT_READ)).then(|| reader.id.to_string());
    // What one did oneself is one's own also where it was done to another organization's user.
    let organization = match own {
        Some(_) => None,
        None => reader.organization_id().map(ToString::to_string),
    };
    EventSearch { organization, own, ..search }
}

/// Events, and what those in them are called.
pub struct AuditResult {
    pub rows: Vec<TrailEntry>,
    pub people: BTreeMap<String, String>,
    pub applications: BTreeMap<String, String>,
    /// `before` or `after` of the next page.
    pub next: Option<i64>,
}

/// Newest first.
pub async fn newest(
    ctx: &Context,
    search: &EventSearch,
    before: Option<i64>,
    limit: i64,
) -> Result<AuditResult, StoreError> {
    page(ctx, search, EventOrder::Before(before.unwrap_or(i64::MAX)), limit).await
}

/// In the order in which they happened.
pub async fn in_order(
    ctx: &Context,
    search: &EventSearch,
    after: Option<i64>,
    limit: i64,
) -> Result<AuditResult, StoreError> {
    page(ctx, search, EventOrder::Between(after.unwrap_or(0), i64::MAX), limit).await
}

async fn page(
    ctx: &Context,
    search: &EventSearch,
    order: EventOrder,
    limit: i64,
) -> Result<AuditResult, StoreError> {
    let conn = ctx.store.conn().await?;
    let mut rows = search::list(&conn, search, order, limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|entry| entry.seq);
    let named = |row: &TrailEntry| [row.actor.clone(), row.subject.clone(), row.client_id.clone()];
    let mut ids: Vec<String> = rows.iter().flat_map(named).flatten().collect();
    ids.sort_unstable();
    ids.dedup();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (people, applications) = search::names(&conn, &ids).await?;
    Ok(AuditResult { rows, people, applications, next })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditRefusal {
    #[error("more than 100,000 events")]
    TooMany,
}

/// An export that has begun; [`Export::next`] gives the events, in order.
pub struct Export {
    search: EventSearch,
    after: i64,
    last: i64,
    done: bool,
}

/// Counts the events and records the export.
pub async fn export(
    ctx: &Context,
    reader: &User,
    search: EventSearch,
    (format, asked): (&str, &str),
    caller: &Caller,
) -> Result<Export, Failure<AuditRefusal>> {
    let conn = ctx.store.conn().await?;
    let most = i64::try_from(MAX_EXPORT_ROWS + 1).unwrap_or(i64::MAX);
    let (count, last) = search::count(&conn, &search, most).await?;
    if count > MAX_EXPORT_ROWS {
        return Err(Failure::Refused(AuditRefusal::TooMany));
    }
    let event = Event::by_owner(EventKind::AuditExported, reader, caller)
        .with("format", format)
        .with("filter", asked)
        .with("events", count);
    store::trail::append::append(&conn, &Event { subject: None, ..event }).await?;
    Ok(Export { search, after: 0, last, done: false })
}

/// As [`export`], of the whole trail for an operator at the server: only a page is in memory, so there is no limit.
pub async fn export_from_outside(
    conn: &Conn,
    search: EventSearch,
    (format, asked): (&str, &str),
) -> Result<Export, StoreError> {
    let (_, last) = search::count(conn, &search, 1).await?;
    let event = Event::new(EventKind::AuditExported, &Caller::default())
        .with("format", format)
        .with("filter", asked)
        .with("last_event", last);
    store::trail::append::append(conn, &Event { actor: Some(OPERATOR.to_owned()), ..event })
        .await?;
    Ok(Export { search, after: 0, last, done: false })
}

impl Export {
    /// The next events; `None` when all have been given.
    pub async fn next(&mut self, ctx: &Context) -> Result<Option<Vec<TrailEntry>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        self.next_from(&*ctx.store.conn().await?).await
    }

    /// As [`Self::next`], on a given connection.
    pub async fn next_from(&mut self, conn: &Conn) -> Result<Option<Vec<TrailEntry>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let order = EventOrder::Between(self.after, self.last);
        let rows = search::list(conn, &self.search, order, BATCH_SIZE).await?;
        self.done = i64::try_from(rows.len()).is_ok_and(|count| count < BATCH_SIZE);
        self.after = rows.last().map_or(self.after, |entry| entry.seq);
        Ok(Some(rows))
    }
}
