//! A database connection with a client-side limit on waiting.
//!
//! The server cancels statements that take too long, and TCP detects a dead peer. A proxy or firewall that accepts
//! data and delivers nothing is detected only by a limit on this side (J06).
use super::generation::PoolGeneration;
use crate::store::DbError;
use crate::store::directory::user_cache::People;
use diesel::connection::{CacheSize, Instrumentation};
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, QueryResult};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncConnectionCore, AsyncPgConnection,
    SimpleAsyncConnection,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryStreamExt as _, stream};
use std::iter;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::vec;
use tokio::time::timeout;

/// Server-side limit of a statement (`statement_timeout`).
pub(in crate::store) const STATEMENT: Duration = Duration::from_secs(4);
/// Extra time on top of the statement timeout for network latency. It is a second timer, so that a stalled executor
/// thread that wakes late still polls the reply once before giving up.
const WAY: Duration = Duration::from_millis(500);

/// A connection to Postgres. A statement completes or fails within 4.5 seconds; after such a failure the connection
/// is never used again.
pub struct Conn {
    inner: AsyncPgConnection,
    fate: Fate,
    /// The user cache of the pool.
    people: Arc<People>,
}

struct Fate {
    lost: AtomicBool,
    /// Limit in milliseconds for long statements; 0: the normal limit.
    allowed: AtomicU64,
    /// The connections of the same pool.
    others: Arc<PoolGeneration>,
}

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;
type Rows = stream::Iter<iter::Map<vec::IntoIter<PgRow>, fn(PgRow) -> QueryResult<PgRow>>>;

impl Conn {
    pub(in crate::store) fn new(
        inner: AsyncPgConnection,
        others: Arc<PoolGeneration>,
        people: Arc<People>,
    ) -> Self {
        Self {
            inner,
            fate: Fate { lost: AtomicBool::new(false), allowed: AtomicU64::new(0), others },
            people,
        }
    }

    pub(in crate::store) fn people(&self) -> &People {
        &self.people
    }

    /// Sets how long this side waits for a statement; `None`: the normal limit.
    pub(in crate::store) fn allow(&self, time: Option<Duration>) {
        let allowed = time.and_then(|time| u64::try_from(time.as_millis()).ok());
        self.fate.allowed.store(allowed.unwrap_or_default(), Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the connection is never used again")]
async fn in_time<T>(fate: &Fate, asking: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
    if fate.lost.load(Ordering::Relaxed) {
        return Err(gone());
    }
    let mut asking = pin!(asking);
    let statement = match fate.allowed.load(Ordering::Relaxed) {
        0 => STATEMENT,
        allowed => Duration::from_millis(allowed),
    };
    for patience in [statement, WAY] {
        if let Ok(answer) = timeout(patience, &mut asking).await {
            return answer;
        }
    }
    fate.lost.store(true, Ordering::Relaxed);
    // All connections of this pool use the same network path, so retire them too.
    fate.others.retire_all();
    Err(gone())
}

fn gone() -> DbError {
    let what = "the database does not answer on this connection".to_owned();
    DbError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(what))
}

/// Reads all rows within the limit, up to the first error, because the stream of a broken connection has no end.
async fn rows(
    loading: impl Future<Output = QueryResult<impl stream::Stream<Item = QueryResult<PgRow>>>>,
) -> QueryResult<Rows> {
    let rows: Vec<PgRow> = loading.await?.try_collect().await?;
    Ok(stream::iter(rows.into_iter().map(Ok as fn(PgRow) -> QueryResult<PgRow>)))
}

impl SimpleAsyncConnection for Conn {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        in_time(&self.fate, self.inner.batch_execute(query)).await
    }
}

impl SimpleAsyncConnection for &Conn {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let mut inner = &self.inner;
        in_time(&self.fate, inner.batch_execute(query)).await
    }
}

impl AsyncConnectionCore for Conn {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Rows>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = PgRow;
    type Backend = diesel::pg::Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        in_time(&self.fate, rows(self.inner.load(source))).boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        in_time(&self.fate, self.inner.execute_returning_count(source)).boxed()
    }
}

/// Pipelined statements on one connection.
impl<'a> AsyncConnectionCore for &'a Conn {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'a, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'a, QueryResult<Rows>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = PgRow;
    type Backend = diesel::pg::Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let mut inner: &'a AsyncPgConnection = &self.inner;
        in_time(&self.fate, rows(inner.load(source))).boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let mut inner: &'a AsyncPgConnection = &self.inner;
        in_time(&self.fate, inner.execute_returning_count(source)).boxed()
    }
}

impl AsyncConnection for Conn {
    type TransactionManager = AnsiTransactionManager;

    /// A connection without TLS and limits; the pool makes its own.
    async fn establish(_: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection("connections are made by the pool".to_owned()))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.inner.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.inner.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
    }
}

impl PoolableConnection for Conn {
    fn is_broken(&mut self) -> bool {
        *self.fate.lost.get_mut() || self.inner.is_broken()
    }
}
