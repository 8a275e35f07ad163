//! Which database a command works on, and which schema it has.
use super::{ON_A_DATABASE, bare};
use crate::support::node::{program, run, run_with, until};
use crate::support::{Node, TestDb};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Child, Command, Stdio};
use understudy::store::connection::pool::revert_last;

const APPLIED: &str = "SELECT count(*) FROM __diesel_schema_migrations";
const FILE: &str = "version: 1\norganizations: []\n";

#[test]
fn l02_without_a_database_a_command_refuses_and_makes_none_up() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.yaml"), FILE).unwrap();
    let migrating: [&[&str]; 2] = [&["migrate"], &["migrate", "--revert-last"]];
    for arguments in ON_A_DATABASE.iter().chain(&migrating) {
        let arguments: Vec<&str> =
            arguments.iter().map(|one| if *one == "-" { "file.yaml" } else { one }).collect();
        if arguments.contains(&"--saml-metadata") {
            continue;
        }
        let said = bare(folder.path(), &arguments);
        assert!(!said.success && said.err.contains("DATABASE_URL"), "{arguments:?}: {said:?}");
        assert!(said.out.is_empty(), "{arguments:?}: {said:?}");
        assert_eq!(said.code, Some(2), "{arguments:?}");
        assert!(!folder.path().join(".understudy").exists(), "{arguments:?}");
    }
    // An empty folder of that name is nobody's database.
    std::fs::create_dir(folder.path().join(".understudy")).unwrap();
    let said = bare(folder.path(), &["audit", "verify"]);
    assert!(!said.success && said.err.contains("DATABASE_URL"), "{said:?}");
}

/// `understudy dev`; stopped, with its cluster, when dropped.
struct Dev(Child);

impl Dev {
    fn stop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGINT);
        let _ = self.0.wait();
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

#[tokio::test]
async fn l02_beside_the_folder_of_dev_a_command_says_whose_database_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::dev::free_port();
    let mut dev = Command::new(env!("CARGO_BIN_EXE_understudy"));
    dev.env_clear().current_dir(folder.path());
    dev.args(["dev", "--fresh", "--no-demo", "--port", &port.to_string()]);
    let mut dev = Dev(dev.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let browser = crate::support::Browser::bare(&format!("http://127.0.0.1:{port}"));
    until("dev is ready", 60, async || {
        let asked = browser.client.get(format!("http://127.0.0.1:{port}/health/ready"));
        asked.send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let named = folder.path().canonicalize().unwrap().join(".understudy");
    let named = named.to_str().unwrap();
    // While it runs, and after.
    for round in 0..2 {
        let said = bare(folder.path(), &["keys", "list"]);
        assert!(said.success && said.out.starts_with("ID "), "{round}: {said:?}");
        assert!(said.err.contains(named), "{round}: {said:?}");
        // And links lead to where `dev` serves.
        let email = format!("dana{round}@dev.test");
        let said = bare(folder.path(), &["user", "add", "--email", &email]);
        let link = format!("http://127.0.0.1:{port}/reset-password?code=");
        assert!(said.success && said.out.contains(&link), "{round}: {said:?}");
        let said = bare(folder.path(), &["user", "reset-password", &email, "--quiet"]);
        assert!(said.success && said.out.starts_with(&link), "{round}: {said:?}");
        if round == 0 {
            dev.stop();
        }
    }
}

#[tokio::test]
async fn l07_a_command_leaves_the_schema_alone_and_says_what_to_run() {
    let db = TestDb::create();
    revert_last(&db.url).await.unwrap();
    let before = db.count(APPLIED).await;
    for arguments in ON_A_DATABASE {
        let mut command = program(&db.url, "http://127.0.0.1:1");
        command.args(arguments);
        let said = run_with(command, FILE);
        if arguments.contains(&"--saml-metadata") {
            assert!(!said.success, "{said:?}");
            continue;
        }
        assert!(
            !said.success && said.err.contains("understudy migrate"),
            "{arguments:?}: {said:?}"
        );
        assert!(said.err.contains("the schema is at ") && said.err.contains("this binary needs "));
        assert_eq!(said.code, Some(3), "{arguments:?}");
        assert_eq!(db.count(APPLIED).await, before, "{arguments:?}");
    }
    assert!(run(&db.url, &["migrate"]).success);
    assert!(run(&db.url, &["keys", "list"]).success);
    // An empty one too.
    let empty = TestDb::empty();
    let said = run(&empty.url, &["export"]);
    assert!(!said.success && said.err.contains("has no schema yet"), "{said:?}");
    assert_eq!(empty.count("SELECT count(*) FROM pg_class WHERE relname = 'users'").await, 0);
}

#[tokio::test]
async fn l07_a_schema_that_is_newer_is_not_worked_on() {
    let db = TestDb::create();
    db.sql("INSERT INTO __diesel_schema_migrations VALUES ('20991231000000')").await;
    for arguments in [&["export"][..], &["keys", "list"], &["restored"]] {
        let said = run(&db.url, arguments);
        let expected = "the schema is at 20991231000000, this binary needs ";
        assert!(!said.success && said.err.contains(expected), "{arguments:?}: {said:?}");
    }
}

/// What is missing of our own migrations is not run on top of what nobody here knows, and nothing of it is undone.
#[tokio::test]
async fn l07_migrate_on_a_schema_that_is_newer_says_so_and_changes_nothing() {
    for behind in [0, 1] {
        let db = TestDb::create();
        for _ in 0..behind {
            revert_last(&db.url).await.unwrap();
        }
        db.sql("INSERT INTO __diesel_schema_migrations VALUES ('20991231000000')").await;
        let before = (db.count(APPLIED).await, db.contents().await, db.text(COLUMNS).await);
        for arguments in [&["migrate"][..], &["migrate", "--revert-last"], &["migrate", "--json"]] {
            let said = run(&db.url, arguments);
            assert_eq!(said.code, Some(3), "{arguments:?}: {said:?}");
            assert!(said.out.is_empty(), "{said:?}");
            for words in
                ["the schema is at 20991231000000, this binary needs ", "use the newer release"]
            {
                assert!(said.err.contains(words), "{arguments:?}: {said:?}");
            }
            let after = (db.count(APPLIED).await, db.contents().await, db.text(COLUMNS).await);
            assert_eq!(after, before, "{arguments:?}");
        }
    }
}

const COLUMNS: &str = "SELECT string_agg(concat_ws('.', table_name, column_name, data_type), ' ' \
    ORDER BY table_name, column_name) FROM information_schema.columns WHERE table_schema = 'public'";

#[tokio::test]
async fn l08_a_server_that_may_not_migrate_is_not_ready_on_an_older_schema_and_says_so() {
    for steps in [1, 3] {
        let db = TestDb::create();
        for _ in 0..steps {
            revert_last(&db.url).await.unwrap();
        }
        let node = Node::launch_with(&db.url, &["--no-migrate"]);
        until("it says so", 10, async || node.output().contains("the schema is at ")).await;
        assert!(node.output().contains("this binary needs "), "{}", node.output());
        assert_eq!(node.status("/health/ready").await, Some(503));
        assert_eq!(node.status("/health/live").await, Some(200));
        assert_eq!(node.output().matches("the schema is at ").count(), 1, "once is enough");
        assert!(run(&db.url, &["migrate"]).success);
        node.until_ready().await;
    }
}

#[tokio::test]
async fn l08_a_server_is_not_ready_on_a_newer_schema_and_says_so() {
    let db = TestDb::create();
    db.sql("INSERT INTO __diesel_schema_migrations VALUES ('20991231000000')").await;
    for flags in [&["--no-migrate"][..], &[]] {
        let node = Node::launch_with(&db.url, flags);
        let expected = "the schema is at 20991231000000, this binary needs ";
        until("it says so", 10, async || node.output().contains(expected)).await;
        assert_eq!(node.status("/health/ready").await, Some(503), "{flags:?}");
    }
}
