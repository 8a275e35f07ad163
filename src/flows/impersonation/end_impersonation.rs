//! An impersonation ends: by whoever may, or because the heart says no now.
use super::question;
use super::question::GONE;
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::domain::{ImpersonationId, SessionId, Timestamp, UserId};
use crate::flows::{Context, shared::decision_facts};
use crate::impersonation::{Denial, Impersonation, decide};
use crate::store::impersonations::ImpersonationRecord;
pub use crate::store::impersonations::overdue::Touched;
use crate::store::{self, Conn, Moment, StoreError};
use chrono::Duration;

/// Who ends it, and why.
#[derive(Debug, Clone, Copy)]
pub struct EndedBy<'a> {
    /// The person or client that ends it; `None` for a clock or a rule.
    pub actor: Option<&'a str>,
    pub reason: EndReason,
}

/// Ends `record`; false when it was over already. From this commit on no credential of it verifies.
pub async fn end(
    conn: &Conn,
    record: &ImpersonationRecord,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<bool, StoreError> {
    let actor = by.actor.unwrap_or(record.actor.as_str()).to_owned();
    let about = event_about(EventKind::ImpersonationEnded, record, caller);
    let event = Event { actor: Some(actor), ..about };
    store::impersonations::end(conn, &record.id, by.reason, &event.ended(by.reason)).await
}

/// An event about an impersonation as it is stored; its actor is the one who acts or would have acted.
pub(in crate::flows) fn event_about(
    kind: EventKind,
    record: &ImpersonationRecord,
    caller: &Caller,
) -> Event {
    Event {
        actor: Some(record.actor.to_string()),
        subject: Some(record.subject.to_string()),
        impersonation: Some(record.id.to_string()),
        client: Some(record.client.to_string()),
        organization: record.organization.as_ref().map(ToString::to_string),
        channel: Some(record.channel.as_str()),
        protocol: Some(record.protocol.as_str()),
        ..Event::new(kind, caller)
    }
}

/// The same, for a caller that has no connection.
pub async fn end_one(
    ctx: &Context,
    record: &ImpersonationRecord,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<bool, StoreError> {
    end(&*ctx.store.conn().await?, record, by, caller).await
}

/// Ends the impersonation of that id, if there is one.
pub async fn end_by_id(
    conn: &Conn,
    id: &ImpersonationId,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<bool, StoreError> {
    match store::impersonations::find(conn, id).await? {
        Some(record) => end(conn, &record, by, caller).await,
        None => Ok(false),
    }
}

/// Asks the heart again about a running impersonation. A no ends it.
///
/// This is what "live" means for every session, code and token of an impersonation.
pub async fn decide_again(
    ctx: &Context,
    conn: &Conn,
    id: &ImpersonationId,
    caller: &Caller,
) -> Result<Option<Impersonation>, StoreError> {
    let Some((record, at)) = find_active(conn, id).await? else { return Ok(None) };
    let who = decision_facts::Who::of(&record);
    let known = decision_facts::at(ctx, conn, &who, Some(&at)).await?;
    let granted = judge(conn, &record, &known, (None, caller)).await?;
    if let Some(granted) = &granted {
        decision_facts::remember(ctx, who, &known).await;
        touch(conn, granted, known.now).await?;
    }
    Ok(granted)
}

async fn find_active(
    conn: &Conn,
    id: &ImpersonationId,
) -> Result<Option<(ImpersonationRecord, Moment)>, StoreError> {
    let found = store::impersonations::find_at(conn, id).await?;
    Ok(found.filter(|(record, ..)| record.status == "active"))
}

/// The same without counting as a use; `by` is whose change made it necessary.
async fn judge(
    conn: &Conn,
    record: &ImpersonationRecord,
    known: &decision_facts::DecisionInputs,
    (by, caller): (Option<&str>, &Caller),
) -> Result<Option<Impersonation>, StoreError> {
    let verdict = match question::of_running(conn, record, known).await? {
        Some(ask) => decide(&ask),
        None => Err(GONE),
    };
    match verdict {
        Ok(granted) => Ok(Some(granted)),
        Err(denial) => {
            if let Some(reason) = denial.end_reason() {
                end(conn, record, EndedBy { actor: by, reason }, caller).await?;
            }
            Ok(None)
        }
    }
}

/// Asks again about all that a change touches, in its transaction: what it forbids is over with it.
pub async fn judge_touched(
    conn: &Conn,
    touched: Touched<'_>,
    by: &str,
    caller: &Caller,
) -> Result<(), StoreError> {
    let begun = Looking::Lately.since(store::installation::settings::now(conn).await?);
    for id in store::impersonations::overdue::list_touched(conn, touched, begun).await? {
        let Some(record) = store::impersonations::find(conn, &id).await? else { continue };
        let known = decision_facts::load(conn, &decision_facts::Who::of(&record)).await?;
        if record.status == "active" {
            judge(conn, &record, &known, (Some(by), caller)).await?;
        } else {
            judge_waiting(conn, &record, &known, (by, caller)).await?;
        }
    }
    store::sessions::handover_codes::void_touched(conn, touched).await
}

/// A link that nobody has opened is over with what it needs, and does not come back with it.
async fn judge_waiting(
    conn: &Conn,
    record: &ImpersonationRecord,
    known: &decision_facts::DecisionInputs,
    (by, caller): (&str, &Caller),
) -> Result<(), StoreError> {
    let verdict = match question::of_waiting(record, known) {
        Some(ask) => decide(&ask),
        None => Err(GONE),
    };
    if let Some(reason) = verdict.err().and_then(Denial::end_reason) {
        end(conn, record, EndedBy { actor: Some(by), reason }, caller).await?;
    }
    Ok(())
}

/// Restarts the idle clock; not at every call, so that a busy application costs no write each time.
pub(in crate::flows) async fn touch(
    conn: &Conn,
    granted: &Impersonation,
    now: Timestamp,
) -> Result<(), StoreError> {
    if now - granted.terms().last_seen_at < Duration::seconds(30) {
        return Ok(());
    }
    store::impersonations::touch(conn, granted.id(), now).await
}

/// How far back one looks for what should be over: whatever can still run began within a day, so only an
/// outage leaves older ones, and nothing depends on when they are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// Two days.
    Lately,
    /// Thirty days.
    FarBack,
}

impl Looking {
    pub(in crate::flows) fn since(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Lately => now - Duration::days(2),
            Self::FarBack => now - Duration::days(30),
        }
    }
}

/// Writes down what a clock has ended and nobody has asked about since, so that the history says how it ended
/// and its application is told. A few at a time; how many.
pub async fn end_overdue(ctx: &Context, looking: Looking) -> Result<usize, StoreError> {
    const AT_ONCE: i64 = 50;
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    let clocks = (now, now - crate::impersonation::grant::IDLE_LIMIT);
    let begun = looking.since(now);
    let overdue = store::impersonations::list_overdue(&conn, clocks, begun, AT_ONCE).await?;
    for id in &overdue {
        decide_again(ctx, &conn, id, &Caller::default()).await?;
    }
    Ok(overdue.len())
}

/// Ends all that the session of an actor stands behind: they signed out, or were signed out.
pub async fn end_of_actor_session(
    conn: &Conn,
    session: &SessionId,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<(), StoreError> {
    for record in store::impersonations::list_of_actor_session(conn, session).await? {
        end(conn, &record, by, caller).await?;
    }
    Ok(())
}

/// Which ones `end_all` ends; at least one field is given, so that nobody ends everything by accident.
#[derive(Debug, Clone, Default)]
pub struct Which {
    pub actor: Option<UserId>,
    pub subject: Option<UserId>,
    pub client: Option<crate::domain::ClientId>,
    pub organization: Option<crate::domain::OrganizationId>,
}

/// How many are read at once.
const PAGE: i64 = 1_000;

/// Ends every waiting link and running impersonation that matches; how many.
pub async fn end_all(
    ctx: &Context,
    which: &Which,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<u64, StoreError> {
    end_matching(&*ctx.store.conn().await?, which, by, caller).await
}

/// The same within a transaction, a page at a time until none is left.
pub(in crate::flows) async fn end_matching(
    conn: &Conn,
    which: &Which,
    by: EndedBy<'_>,
    caller: &Caller,
) -> Result<u64, StoreError> {
    let mut ended = 0;
    let codes = store::sessions::handover_codes::Whose {
        actor: which.actor.as_ref(),
        subject: which.subject.as_ref(),
        client: which.client.as_ref(),
        organization: which.organization.as_ref(),
    };
    store::sessions::handover_codes::void(conn, &codes).await?;
    for status in ["active", "link_issued"] {
        let filter = store::impersonations::ImpersonationFilter {
            status: Some(status.to_owned()),
            actor: which.actor.clone(),
            subject: which.subject.clone(),
            client: which.client.clone(),
            requester: None,
            organization: which.organization.clone(),
            without_signed_out: false,
            before: None,
            limit: PAGE,
        };
        loop {
            let mut ended_now = 0;
            for record in store::impersonations::list(conn, &filter).await? {
                ended_now += u64::from(end(conn, &record, by, caller).await?);
            }
            ended += ended_now;
            // What has ended has another status, so the next page is another one.
            if ended_now == 0 {
                break;
            }
        }
    }
    Ok(ended)
}
