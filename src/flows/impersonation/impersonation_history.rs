//! The history of impersonations, for subjects, support staff and administrators.
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::domain::{ImpersonationId, OrganizationId, Timestamp};
use crate::flows::Context;
use crate::impersonation::grant::IDLE_LIMIT;
pub use crate::store::impersonations::history::{HistoryEntry, HistorySearch, WithNames};
use crate::store::{self, StoreError};

/// Rows, and whether there are more after them.
pub struct HistoryResult {
    pub rows: Vec<HistoryEntry>,
    pub now: Timestamp,
    /// `before` of the next page.
    pub next: Option<ImpersonationId>,
}

pub async fn search(ctx: &Context, search: &HistorySearch) -> Result<HistoryResult, StoreError> {
    let conn = ctx.store.conn().await?;
    let one_more = HistorySearch { limit: search.limit + 1, ..search.clone() };
    let (mut rows, now) = store::impersonations::history::search(&conn, &one_more).await?;
    let most = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|entry| entry.id.clone());
    Ok(HistoryResult { rows, now, next })
}

/// An entry of the caller's organization; `None` for the operator means any organization.
pub async fn find(
    ctx: &Context,
    id: &ImpersonationId,
    organization: Option<&OrganizationId>,
) -> Result<Option<(HistoryEntry, Timestamp)>, StoreError> {
    store::impersonations::history::find(&*ctx.store.conn().await?, id, organization).await
}

/// The matches of a filter for users or applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    pub ids: Vec<String>,
    pub recognized: Recognized,
}

/// Whether a filter matches anything that the reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognized {
    Yes,
    No,
    /// More than [`MAX_MATCHES`].
    TooMany,
}

/// Above this number of matches the reader has to type more.
pub const MAX_MATCHES: usize = 50;

/// The ids of actors, subjects and applications, for which people type ids, e-mail addresses and parts of names. `None`
/// where nothing was typed.
///
/// Something unknown is taken for an id, because the history outlives users and applications. What belongs to another
/// organization than `reader` counts as unknown, so that a filter does not tell who exists there.
pub async fn resolve(
    ctx: &Context,
    reader: &User,
    [actor, subject, application]: [&str; 3],
) -> Result<[Option<Matches>; 3], StoreError> {
    let conn = ctx.store.conn().await?;
    let most = i64::try_from(MAX_MATCHES + 1).unwrap_or(i64::MAX);
    let mine = reader.organization_id().map(OrganizationId::as_str);
    let person = async |text: &str| -> Result<Option<Matches>, StoreError> {
        if text.is_empty() {
            return Ok(None);
        }
        let found = match store::impersonations::history::find_person(&conn, text).await? {
            Some(one) => vec![one],
            None => store::directory::search::ids(&conn, text, most).await?,
        };
        Ok(Some(matches(text, found, |of| mine.is_none() || of == mine)))
    };
    let (actor, subject) = (person(actor).await?, person(subject).await?);
    let application = match application {
        "" => None,
        text => {
            let found =
                store::impersonations::history::find_applications(&conn, text, most).await?;
            Some(matches(text, found, |of| mine.is_none() || of.is_none() || of == mine))
        }
    };
    Ok([actor, subject, application])
}

/// `found` are ids with their organizations; `is_known` says of an organization whether the reader may know what is
/// in it.
fn matches(
    text: &str,
    found: Vec<(String, Option<String>)>,
    is_known: impl Fn(Option<&str>) -> bool,
) -> Matches {
    if found.len() > MAX_MATCHES {
        return Matches { ids: Vec::new(), recognized: Recognized::TooMany };
    }
    let known = found.iter().any(|(_, of)| is_known(of.as_deref()));
    let recognized = if known { Recognized::Yes } else { Recognized::No };
    let mut ids: Vec<String> = found.into_iter().map(|(id, _)| id).collect();
    if ids.is_empty() {
        ids.push(text.to_owned());
    }
    Matches { ids, recognized }
}

/// The state of an impersonation. It is ended by time even if no row says so yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryState {
    /// The link waits to be opened.
    Waiting,
    /// The link was not opened in time.
    Expired,
    Revoked,
    Running,
    Ended(Option<EndReason>),
}

/// When the idle limit is reached. An impersonation without a link depends on a token and has no idle limit.
fn idle_at(entry: &HistoryEntry) -> Option<Timestamp> {
    entry.link_expires_at.and(entry.last_seen_at).map(|seen| seen + IDLE_LIMIT)
}

pub fn state(entry: &HistoryEntry, now: Timestamp) -> HistoryState {
    let word = |text: &str| EndReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    match entry.status.as_str() {
        "link_issued" if entry.link_expires_at.is_some_and(|until| now >= until) => {
            HistoryState::Expired
        }
        "link_issued" => HistoryState::Waiting,
        "revoked" => HistoryState::Revoked,
        "active" if entry.ends_at.is_some_and(|ends_at| now >= ends_at) => {
            HistoryState::Ended(Some(EndReason::Timeout))
        }
        "active" if idle_at(entry).is_some_and(|since| now >= since) => {
            HistoryState::Ended(Some(EndReason::Idle))
        }
        "active" => HistoryState::Running,
        _ => HistoryState::Ended(entry.end_reason.as_deref().and_then(word)),
    }
}

/// When it ended: as stored, or by the time limit.
pub fn ended_at(entry: &HistoryEntry, now: Timestamp) -> Option<Timestamp> {
    match state(entry, now) {
        HistoryState::Ended(Some(EndReason::Idle)) if entry.ended_at.is_none() => idle_at(entry),
        HistoryState::Ended(_) => entry.ended_at.or(entry.ends_at),
        HistoryState::Revoked => entry.ended_at,
        HistoryState::Waiting | HistoryState::Expired | HistoryState::Running => None,
    }
}
