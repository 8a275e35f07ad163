//! `PgBouncer` between us and Postgres: pools of sessions are fine, those of transactions are refused.
use crate::support::node::{free_address, run};
use crate::support::{TestDb, TestServer};
use futures_util::future::join_all;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const SETTINGS: [&str; 4] = [
    "statement_timeout = '4s'",
    "lock_timeout = '3s'",
    "idle_in_transaction_session_timeout = '10s'",
    "timezone = 'UTC'",
];

/// One that runs, and its address as a `DATABASE_URL`.
pub struct Bouncer {
    program: Child,
    pub url: String,
    _folder: TempDir,
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn pgbouncer() -> Command {
    let places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];
    let found = places.into_iter().find(|place| std::path::Path::new(place).exists());
    Command::new(found.unwrap_or("pgbouncer"))
}

impl Bouncer {
    pub async fn start(db: &TestDb, settings: &str) -> Self {
        let (user, place) = db.url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (sockets, _) = place.split_once('/').unwrap();
        let name = &db.name;
        let sockets = percent_encoding::percent_decode_str(sockets).decode_utf8().unwrap();
        let address = free_address();
        let (host, port) = address.split_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        // It is read by the other user.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{name} = host={sockets} dbname={name} user={user}\n[pgbouncer]\nlisten_addr = {host}\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\nmax_client_conn = 200\n{settings}\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = pgbouncer();
        // It refuses to be root, and the sockets are for their owner.
        let socket = std::fs::metadata(format!("{sockets}/.s.PGSQL.5432")).unwrap();
        if folder.path().metadata().unwrap().uid() != socket.uid() {
            let owner =
                Command::new("id").arg("-nu").arg(socket.uid().to_string()).output().unwrap();
            command.arg("-u").arg(String::from_utf8(owner.stdout).unwrap().trim());
        }
        let quiet = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let missing = "pgbouncer is missing: run scripts/setup-tests.sh first";
        let program = quiet.spawn().unwrap_or_else(|problem| panic!("{missing}: {problem}"));
        let answers = async || tokio::net::TcpStream::connect(&address).await.is_ok();
        crate::support::node::until("pgbouncer listens", 10, answers).await;
        let url = format!("postgres://{user}@{address}/{name}?sslmode=disable");
        Self { program, url, _folder: folder }
    }
}

/// The settings that `options` would bring.
pub async fn give_settings(db: &TestDb) {
    for setting in SETTINGS {
        db.sql(&format!("ALTER DATABASE {} SET {setting}", db.name)).await;
    }
}

#[tokio::test]
async fn j26_a_pooler_that_shares_sessions_is_refused_at_the_start() {
    const IGNORE: &str = "ignore_startup_parameters = options\n";
    let db = TestDb::create();
    give_settings(&db).await;
    for (mode, says) in [
        ("pool_mode = transaction\n".to_owned(), "takes no `options`"),
        (format!("pool_mode = transaction\n{IGNORE}"), "every transaction another session"),
        (
            format!("pool_mode = transaction\ndefault_pool_size = 1\n{IGNORE}"),
            "every transaction another session",
        ),
        (format!("pool_mode = statement\n{IGNORE}"), "every transaction another session"),
    ] {
        let bouncer = Bouncer::start(&db, &mode).await;
        for command in ["serve", "migrate"] {
            let said = run(&bouncer.url, &[command]);
            assert!(!said.success && said.err.contains(says), "{mode}{command}: {said:?}");
        }
    }
}

#[tokio::test]
async fn j26_a_pooler_that_keeps_sessions_apart_serves_and_single_use_holds() {
    let db = TestDb::create();
    let settings = "pool_mode = session\nignore_startup_parameters = options\n";
    let bouncer = Bouncer::start(&db, settings).await;
    let said = run(&bouncer.url, &["migrate"]);
    assert!(!said.success && said.err.contains("ALTER DATABASE"), "{said:?}");
    give_settings(&db).await;
    drop(bouncer);
    let bouncer = Bouncer::start(&db, settings).await;
    let said = run(&bouncer.url, &["migrate"]);
    assert!(said.success, "{said:?}");
    // Dropping it touches no database: there is none of this name.
    let pooled = TestDb { name: "no_such_database".to_owned(), url: bouncer.url.clone() };
    let server = TestServer::start_on(pooled, &[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let link = server.link("legacy").await;
    let opened = join_all((0..10).map(|_| async { server.browser().get(&link).await })).await;
    let codes: Vec<_> = opened.iter().filter(|page| page.status == 302).collect();
    assert_eq!(codes.len(), 1, "{opened:?}");
    let code = codes.first().unwrap().location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
}
