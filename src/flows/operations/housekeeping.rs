//! Deletes expired rows in small batches.
//!
//! Each table has its own limit, and an error in one does not stop the others.
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::ScanWindow;
use crate::store::installation::cleaning::{self, Cursor};
use crate::store::{self, Conn, StoreError};
use chrono::Duration;
use std::sync::{Mutex, PoisonError};

/// At most as many rows of a table at a time, so that no lock is held for long.
pub const BATCH_SIZE: usize = 1000;

/// How long rows are kept that people may ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// After the end of a session; the longest refresh token goes with it.
    pub sessions: Duration,
    /// After the beginning of an impersonation. `None`: for ever.
    pub impersonations: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { sessions: Duration::days(31), impersonations: None }
    }
}

/// What this process knows of its cleaning.
#[derive(Default)]
pub struct Cleaning {
    pub retention: Retention,
    /// Where the next turn goes on, for codes and for refresh tokens.
    cursors: Mutex<(Cursor, Cursor)>,
    backlog: Mutex<Vec<(&'static str, i64)>>,
}

impl Cleaning {
    pub fn new(retention: Retention) -> Self {
        Self { retention, ..Self::default() }
    }

    /// For each table the rows that were over and not yet removed after the last turn, counted up to
    /// [`cleaning::MAX_COUNTED`].
    pub fn backlog(&self) -> Vec<(&'static str, i64)> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn cursors(&self) -> (Cursor, Cursor) {
        *self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes one batch of each table; returns the largest number of deleted rows. If it is [`BATCH_SIZE`] or more,
/// there may be more.
///
/// # Errors
///
/// The first one, after every table had its turn.
pub async fn delete_expired(ctx: &Context, looking: ScanWindow) -> Result<usize, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    // Before the tokens are gone, and not counted: nothing is removed.
    store::impersonations::acting::end_over(&conn, looking.since(now)).await?;
    cleaning::begin(&conn).await?;
    let done = clean(&conn, &ctx.shared.cleaning, now).await;
    cleaning::end(&conn).await?;
    done
}

async fn clean(conn: &Conn, of: &Cleaning, now: Timestamp) -> Result<usize, StoreError> {
    let (mut most, mut backlog, mut accident) = (0, Vec::new(), None);
    for (table, gone) in take_turns(conn, of, now).await {
        let left = match gone {
            // Less than a batch: the table is clean.
            Ok(gone) if gone < BATCH_SIZE => Ok(Some(0)),
            Ok(_) => cleaning::count_over(conn, table).await,
            Err(ref error) => {
                tracing::debug!(table, %error, "a table was not cleaned");
                Ok(None)
            }
        };
        most = most.max(gone.as_ref().copied().unwrap_or_default());
        // Unknown; reported as more than the maximum.
        backlog
            .push((table, left.as_ref().ok().copied().flatten().unwrap_or(cleaning::MAX_COUNTED)));
        accident = accident.or(gone.err()).or(left.err());
    }
    *of.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    accident.map_or(Ok(most), Err)
}

type Turn = (&'static str, Result<usize, StoreError>);

async fn take_turns(conn: &Conn, of: &Cleaning, now: Timestamp) -> Vec<Turn> {
    let ended_before = now - of.retention.sessions;
    let (codes, refresh_tokens) = of.cursors();
    let refreshed = cleaning::delete_refresh_tokens(conn, refresh_tokens).await;
    let coded = cleaning::delete_codes(conn, codes).await;
    let next =
        |turn: &Result<(usize, Cursor), StoreError>| turn.as_ref().ok().and_then(|(_, next)| *next);
    *of.cursors.lock().unwrap_or_else(PoisonError::into_inner) = (next(&coded), next(&refreshed));
    let impersonations = match of.retention.impersonations {
        Some(keep) => cleaning::delete_impersonations(conn, now - keep).await,
        None => Ok(0),
    };
    vec![
        ("vetoes", store::tokens::revocations::delete_needless(conn).await),
        ("access_tokens", store::tokens::access_tokens::delete_expired(conn).await),
        ("refresh_tokens", refreshed.map(|(gone, _)| gone)),
        ("authorization_codes", coded.map(|(gone, _)| gone)),
        ("impersonations", impersonations),
        ("sessions", store::sessions::browser_sessions::delete_expired(conn, ended_before).await),
        ("replay_guard", store::tokens::replay_guard::delete_expired(conn).await),
        ("login_failures", store::sessions::login_failures::delete_expired(conn).await),
        ("handover_codes", store::sessions::handover_codes::delete_expired(conn).await),
        ("logout_deliveries", store::sessions::logout_deliveries::delete_old(conn).await),
    ]
}
