//! What people see about their own account: where they are signed in, and who acted as them; and how they put
//! an end to it.
use crate::authentication::Session;
use crate::authentication::session::IDLE_LIMIT;
use crate::domain::ImpersonationId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{EndedBy, end};
use crate::flows::impersonation::see_history::{self, HistoryResult, HistorySearch};
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
    let accesses = see_history::search(ctx, &of_subject(session, None, RECENT)).await?;
    let conn = ctx.store.conn().await?;
    let since = (accesses.now, accesses.now - IDLE_LIMIT);
    let sessions =
        store::sessions::browser_sessions::count_live(&conn, &session.user.id, since).await?;
    Ok(Overview { sessions: usize::try_from(sessions).unwrap_or(1).max(1), accesses })
}

/// Who acted as the owner, a page of it.
pub async fn accesses(
    ctx: &Context,
    session: &Session,
    before: Option<ImpersonationId>,
) -> Result<HistoryResult, StoreError> {
    see_history::search(ctx, &of_subject(session, before, A_PAGE)).await
}

/// A link that nobody opened was no access.
fn of_subject(session: &Session, before: Option<ImpersonationId>, limit: i64) -> HistorySearch {
    let subject = Some(vec![session.user.id.to_string()]);
    HistorySearch { subject, opened: true, before, limit, ..HistorySearch::default() }
}

/// The owner ends it; false when nobody acted as them under that id. One that is over already is no mistake.
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
