//! A user's own account: sessions, and the impersonations of which they were the subject.
use crate::authentication::Session;
use crate::authentication::session::IDLE_LIMIT;
use crate::domain::ImpersonationId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{EndedBy, end};
use crate::flows::impersonation::impersonation_history::{self, HistoryResult, HistorySearch};
use crate::store::{self, StoreError};

/// Accesses on one page.
const A_PAGE: i64 = 20;
/// On the first page of the account.
const RECENT: i64 = 5;

pub struct Overview {
    /// Live sessions of their own, this one included.
    pub sessions: usize,
    /// Newest first.
    pub accesses: HistoryResult,
}

pub async fn overview(ctx: &Context, session: &Session) -> Result<Overview, StoreError> {
    let accesses = impersonation_history::search(ctx, &of_subject(session, None, RECENT)).await?;
    let conn = ctx.store.conn().await?;
    let since = (accesses.now, accesses.now - IDLE_LIMIT);
    let sessions =
        store::sessions::browser_sessions::count_live(&conn, &session.user.id, since).await?;
    Ok(Overview { sessions: usize::try_from(sessions).unwrap_or(1).max(1), accesses })
}

/// A page of impersonations of the owner.
pub async fn accesses(
    ctx: &Context,
    session: &Session,
    before: Option<ImpersonationId>,
) -> Result<HistoryResult, StoreError> {
    impersonation_history::search(ctx, &of_subject(session, before, A_PAGE)).await
}

/// Only opened links, because others gave no access.
fn of_subject(session: &Session, before: Option<ImpersonationId>, limit: i64) -> HistorySearch {
    let subject = Some(vec![session.user.id.to_string()]);
    HistorySearch { subject, opened: true, before, limit, ..HistorySearch::default() }
}

/// Ends an impersonation of the owner; false when there is none with that id. Ending it twice is no error.
pub async fn end_access(
    ctx: &Context,
    session: &Session,
    id: &ImpersonationId,
    caller: &Caller,
) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    let record = store::impersonations::find(&conn, id).await?;
    let Some(record) = record.filter(|record| record.subject == session.user.id) else {
        return Ok(false);
    };
    let owner = Some(session.user.id.as_str());
    let by = EndedBy { actor: owner, reason: EndReason::StoppedBySubject };
    end(&conn, &record, by, caller).await?;
    Ok(true)
}
