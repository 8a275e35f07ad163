//! The connection pool, small and with short waits.
use super::bounded_conn::STATEMENT;
use super::generation::PoolGeneration;
use crate::domain::database_url::DatabaseUrl;
use crate::store::StoreError;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::{FutureExt as _, TryFutureExt as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{NoTls, Socket};

pub use super::bounded_conn::Conn;
pub type PooledConn = Object<Conn>;

pub(in crate::store) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Id of the migration lock. It never changes, because nodes that start together wait for each other on it.
pub(in crate::store) const MIGRATION_LOCK: i64 = 0x756e_6465_7273;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Store {
    pool: Pool<Conn>,
}

impl Store {
    /// A pool of at most `size` connections, opened when they are needed.
    pub fn new(url: &str, size: usize) -> Result<Self, StoreError> {
        let mut config = ManagerConfig::default();
        // A connection whose socket is closed is dropped without a query; see `PoolableConnection`.
        config.recycling_method = RecyclingMethod::Fast;
        let silent = Arc::new(PoolGeneration::default());
        let (others, people) = (Arc::clone(&silent), Arc::default());
        config.custom_setup = Box::new(move |url| {
            let (others, people) = (Arc::clone(&others), Arc::clone(&people));
            establish(url.to_owned()).map_ok(|inner| Conn::new(inner, others, people)).boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                refuse_left_behind(metrics.created, &silent)
            }))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|e| StoreError::Unavailable(e.into()))?;
        Ok(Self { pool })
    }

    pub async fn conn(&self) -> Result<PooledConn, StoreError> {
        self.pool.get().await.map_err(|e| StoreError::Unavailable(e.into()))
    }
}

/// A pool's metrics. It keeps no connection open.
pub struct ObservedPool(deadpool::managed::WeakPool<AsyncDieselConnectionManager<Conn>>);

/// How busy a pool is.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolLoad {
    pub in_use: usize,
    pub idle: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
    pub limit: usize,
}

impl Store {
    pub fn observed(&self) -> ObservedPool {
        ObservedPool(self.pool.weak())
    }
}

impl ObservedPool {
    /// `None`: the pool is gone.
    pub fn load(&self) -> Option<PoolLoad> {
        let status = self.0.upgrade()?.status();
        Some(PoolLoad {
            in_use: status.size.saturating_sub(status.available),
            idle: status.available,
            waiting: status.waiting,
            limit: status.max_size,
        })
    }
}

/// When the database was last found read-only.
///
/// After a fail-over a connection may lead to the old primary, which runs on as a read-only node. Only a new
/// connection finds the new primary.
static LEFT_BEHIND: PoolGeneration = PoolGeneration::new();

pub fn distrust() {
    LEFT_BEHIND.retire_all();
}

fn refuse_left_behind(created: Instant, silent: &PoolGeneration) -> Result<(), HookError> {
    if LEFT_BEHIND.covers(created) || silent.covers(created) {
        return Err(HookError::message("made before the database was lost"));
    }
    Ok(())
}

/// The database has no free connection slot.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Crowded(String);

pub fn is_crowded(problem: &StoreError) -> bool {
    matches!(problem, StoreError::Unavailable(cause) if cause.is::<Crowded>())
}

/// Opens one connection outside the pool, with plain error messages.
pub async fn connect(url: &str) -> Result<Conn, StoreError> {
    let conn = establish_in_time(url).await?;
    Ok(Conn::new(conn, Arc::default(), Arc::default()))
}

/// Runs pending migrations; nodes that start together take turns. Without pending ones the role needs no right to
/// change the schema.
pub async fn migrate(url: &str) -> Result<Vec<String>, StoreError> {
    if is_current(url).await? {
        return Ok(Vec::new());
    }
    with_harness(url, |harness| {
        let run = harness.run_pending_migrations(MIGRATIONS)?;
        Ok(run.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Whether every migration has been run, by reading only. False also in a database without any.
async fn is_current(url: &str) -> Result<bool, StoreError> {
    use diesel::migration::{Migration, MigrationSource as _};
    use diesel_async::RunQueryDsl as _;
    #[derive(diesel::QueryableByName)]
    struct Run {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let mut conn = connect(url).await?;
    let text = "SELECT version::text AS version FROM __diesel_schema_migrations";
    let run: Result<Vec<Run>, _> = diesel::sql_query(text).load(&mut conn).await;
    let Ok(run) = run else { return Ok(false) };
    let ours: Vec<Box<dyn Migration<diesel::pg::Pg>>> =
        MIGRATIONS.migrations().map_err(StoreError::Unavailable)?;
    let has_run = |version: String| run.iter().any(|run| run.version == version);
    Ok(ours.iter().all(|migration| has_run(migration.name().version().to_string())))
}

/// Undoes the newest migration.
pub async fn revert_last(url: &str) -> Result<String, StoreError> {
    with_harness(url, |harness| Ok(harness.revert_last_migration(MIGRATIONS)?.to_string())).await
}

type Harness = diesel_async::AsyncMigrationHarness<AsyncPgConnection>;
type InternalError = Box<dyn std::error::Error + Send + Sync>;

async fn with_harness<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(&mut Harness) -> Result<T, InternalError> + Send + 'static,
) -> Result<T, StoreError> {
    use diesel_async::RunQueryDsl as _;
    // Migrations and waiting for one's turn have no time limit.
    let mut conn = establish_in_time(url).await?;
    diesel::sql_query("SET statement_timeout = 0").execute(&mut conn).await?;
    diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .execute(&mut conn)
        .await?;
    // The harness blocks on its own connection, so it needs a thread of its own.
    let (done, mut conn) = tokio::task::spawn_blocking(move || {
        let mut harness = Harness::new(conn);
        (work(&mut harness), harness.into_inner())
    })
    .await
    .map_err(|e| StoreError::Unavailable(e.into()))?;
    // A dropped connection closes some time later, and its lock with it; commands that wait for the lock should
    // not wait for that. If the connection is broken already, the server has released the lock.
    let unlocked = diesel::sql_query(format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"));
    let _ = unlocked.execute(&mut conn).await;
    done.map_err(of_migration)
}

/// A role without the right to change the schema is a wrong setting, not an outage.
fn of_migration(problem: InternalError) -> StoreError {
    let said = problem.to_string();
    if !said.contains("must be owner") && !said.contains("permission denied") {
        return StoreError::Unavailable(problem);
    }
    let what =
        format!("the schema is changed by the role that owns it, and this one may not ({said})");
    StoreError::Setting { name: "DATABASE_URL", what }
}

/// The timeout covers the protocol handshake, because the peer that accepts TCP may not be Postgres.
async fn establish(url: String) -> ConnectionResult<AsyncPgConnection> {
    establish_in_time(&url).await.map_err(|problem| match problem {
        NotConnected::NotNow(error) => error,
        NotConnected::Crowded(said) => ConnectionError::BadConnection(said),
        NotConnected::NotEver(error) => ConnectionError::BadConnection(error.to_string()),
    })
}

/// Why a connection failed.
enum NotConnected {
    /// A retry may succeed.
    NotNow(ConnectionError),
    Crowded(String),
    /// A retry cannot succeed with these settings.
    NotEver(StoreError),
}

impl From<NotConnected> for StoreError {
    fn from(problem: NotConnected) -> Self {
        match problem {
            NotConnected::NotNow(error) => Self::Unavailable(error.into()),
            NotConnected::Crowded(said) => Self::Unavailable(Crowded(said).into()),
            NotConnected::NotEver(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for NotConnected {
    fn from(error: tokio_postgres::Error) -> Self {
        let wrong = |what| Self::NotEver(StoreError::Setting { name: "DATABASE_URL", what });
        let said = error.as_db_error().map(tokio_postgres::error::DbError::message);
        let said = said.unwrap_or_default();
        match error.code() {
            Some(code)
                if *code == SqlState::INVALID_PASSWORD
                    || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                wrong(format!("the database refuses the user or the password ({said})"))
            }
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
                wrong(format!("there is no such database: create it, or name another ({said})"))
            }
            Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
                Self::Crowded(describe(&error))
            }
            Some(_) | None => Self::NotNow(ConnectionError::BadConnection(describe(&error))),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no connection yet")]
async fn establish_in_time(url: &str) -> Result<AsyncPgConnection, NotConnected> {
    let late = |_| {
        NotConnected::NotNow(ConnectionError::BadConnection(
            "the database does not answer".to_owned(),
        ))
    };
    tokio::time::timeout(STATEMENT, establish_at_all(url)).await.map_err(late)?
}

async fn establish_at_all(url: &str) -> Result<AsyncPgConnection, NotConnected> {
    let unread =
        |what: String| NotConnected::NotEver(StoreError::Setting { name: "DATABASE_URL", what });
    let url = DatabaseUrl::parse(url).map_err(|what| unread(what.to_owned()))?;
    let config: Result<tokio_postgres::Config, _> = url.driver_url.parse();
    let mut config = config.map_err(|e| unread(describe(&e)))?;
    config
        .application_name("understudy")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(Duration::from_secs(5))
        .options(format!("-c statement_timeout={} -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000 -c timezone=UTC", STATEMENT.as_millis()));
    // A Unix socket needs no TLS; the certificates would only take memory.
    if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
        return establish_by(&config, NoTls).await;
    }
    let tls = super::tls::config(&url.tls).map_err(NotConnected::NotEver)?;
    establish_by(&config, tokio_postgres_rustls::MakeRustlsConnect::new(tls)).await
}

async fn establish_by<T>(
    config: &tokio_postgres::Config,
    tls: T,
) -> Result<AsyncPgConnection, NotConnected>
where
    T: MakeTlsConnect<Socket, TlsConnect: Send, Stream: Send + 'static>,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await?;
    // A standby returns old data, where a user who was just disabled can still sign in (J25).
    if connection.parameter("in_hot_standby") == Some("on") {
        let what = "this is a standby of another database".to_owned();
        return Err(NotConnected::NotNow(ConnectionError::BadConnection(what)));
    }
    AsyncPgConnection::try_from_client_and_connection(client, connection)
        .await
        .map_err(NotConnected::NotNow)
}

/// The driver's own text hides the cause (`error connecting to server`), so say both.
fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
