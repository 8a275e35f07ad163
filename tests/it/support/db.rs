//! One cluster a run, one migrated and filled template, one clone a test.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, NoTls, Row};
use understudy::embedded::Cluster;
use understudy::flows::operations::rotate_keys;
use understudy::provision::{self, DryRun, Prune};
use understudy::store;

/// Any 32 bytes.
pub const MASTER_KEY: &str = "dW5kZXJzdHVkeS10ZXN0cy1tYXN0ZXIta2V5LTMyYnk=";
const DIRECTORY: &str = include_str!("directory.yaml");
const TEMPLATE: &str = "template_for_tests";

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| {
        // On a thread of its own: a runtime cannot be started inside another one.
        std::thread::spawn(|| {
            let cluster = Cluster::throwaway().unwrap();
            cluster.create_database(TEMPLATE).unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(fill(&cluster.url(TEMPLATE)));
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            cluster
        })
        .join()
        .unwrap()
    })
}

/// Migrates, makes keys, and applies the directory of the stories.
pub async fn fill(url: &str) {
    store::connection::pool::migrate(url).await.unwrap();
    let parts = super::server::parts(url, "http://127.0.0.1:1");
    let ctx = parts.context(1).unwrap();
    let mut conn = ctx.store.conn().await.unwrap();
    rotate_keys::ensure_keys(&mut conn, &ctx.shared.keys).await.unwrap();
    drop(conn);
    let file = provision::read(DIRECTORY, |_| None).unwrap();
    provision::apply(&ctx, &file, DryRun::No, Prune::No).await.unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver of a connection lives as long as its client"
)]
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub struct TestDb {
    pub name: String,
    pub url: String,
}

impl Drop for TestDb {
    fn drop(&mut self) {
        // A test that failed half-way may still hold connections; the cluster goes anyway.
        let _ = cluster().drop_database(&self.name);
    }
}

impl TestDb {
    /// Migrated, with the keys and the directory of the stories.
    pub fn create() -> Self {
        let cluster = cluster();
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.clone_database(TEMPLATE, &name).unwrap();
        Self { url: cluster.url(&name), name }
    }

    /// Empty: not even migrated.
    pub fn empty() -> Self {
        let cluster = cluster();
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&name).unwrap();
        Self { url: cluster.url(&name), name }
    }

    /// A database as this one stands now; whoever is connected to this one is cut off.
    pub async fn copy(&self) -> Self {
        let cluster = cluster();
        self.let_in(false).await;
        self.cut().await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.clone_database(&self.name, &name).unwrap();
        self.let_in(true).await;
        Self { url: cluster.url(&name), name }
    }

    /// Whether anybody gets a new connection.
    pub async fn let_in(&self, open: bool) {
        let client = connect(&cluster().url("postgres")).await;
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {open}", self.name);
        client.batch_execute(&sql).await.unwrap();
    }

    /// Ends every connection that there is.
    pub async fn cut(&self) {
        let client = connect(&cluster().url("postgres")).await;
        let cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = $1";
        client.query(cut, &[&self.name]).await.unwrap();
    }

    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }

    /// Runs statements of a test's own.
    pub async fn sql(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap();
    }

    /// The message with which the database refuses `sql`.
    pub async fn refuses(&self, sql: &str) -> String {
        let refused = self.client().await.batch_execute(sql).await.unwrap_err();
        refused.as_db_error().map(|e| e.message().to_owned()).unwrap_or_default()
    }

    pub async fn rows(&self, sql: &str) -> Vec<Row> {
        self.client().await.query(sql, &[]).await.unwrap()
    }

    pub async fn count(&self, sql: &str) -> i64 {
        self.rows(sql).await[0].get(0)
    }

    /// The first column of the first row, as text.
    pub async fn text(&self, sql: &str) -> String {
        self.rows(sql).await[0].get(0)
    }

    /// What every table holds, but for the trail and the counter of failed sign-ins, which a refusal
    /// writes too.
    pub async fn contents(&self) -> Vec<(String, String)> {
        let tables = self
            .rows(
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
                 AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_%' \
                 AND relname NOT IN ('audit_events', 'audit_checkpoints', 'audit_sealing', 'login_failures') ORDER BY 1",
            )
            .await;
        let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
        let each = tables.iter().map(|table| {
            format!(
                "SELECT '{table}', concat(count(*), ' rows, ', md5(string_agg(t::text, E'\\n' \
                 ORDER BY t::text))) FROM {table} t"
            )
        });
        let all: Vec<String> = each.collect();
        let rows = self.rows(&all.join(" UNION ALL ")).await;
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Moves the clock that every node of this database goes by.
    pub async fn advance(&self, by: &str) {
        let text = format!(
            "DO $$ DECLARE ahead interval := clock_now() - now() + interval '{by}'; BEGIN \
             EXECUTE format('CREATE OR REPLACE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql \
             STABLE PARALLEL SAFE AS %L', format('SELECT now() + interval %L', ahead)); END $$"
        );
        self.sql(&text).await;
    }

    /// `type actor->subject (reason)` of every event of impersonations, in order.
    pub async fn trail(&self) -> Vec<String> {
        let rows = self
            .rows(
                "SELECT type, coalesce(actor, '-'), coalesce(subject, '-'), reason \
                 FROM audit_events WHERE type LIKE 'impersonation.%' ORDER BY seq",
            )
            .await;
        rows.iter()
            .map(|row| {
                let (kind, actor, subject): (String, String, String) =
                    (row.get(0), row.get(1), row.get(2));
                let reason: Option<String> = row.get(3);
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                format!("{kind} {actor}->{subject}{reason}")
            })
            .collect()
    }
}
