//! What commands say, and how they end.
use super::with;
use crate::support::node::{free_address, program, run, run_with, until};
use crate::support::{Node, TestDb};
use std::net::TcpListener;

#[tokio::test]
async fn l23_keys_are_not_rotated_twice_in_a_day_without_force() {
    let db = TestDb::create();
    let first = run(&db.url, &["keys", "rotate"]);
    assert!(first.success, "the next keys were published with the first ones: {first:?}");
    let before = db.text("SELECT string_agg(id || state, ' ' ORDER BY id) FROM signing_keys").await;
    let second = run(&db.url, &["keys", "rotate"]);
    assert!(!second.success && second.err.contains("--force"), "{second:?}");
    assert_eq!(second.code, Some(1));
    let after = db.text("SELECT string_agg(id || state, ' ' ORDER BY id) FROM signing_keys").await;
    assert_eq!(after, before);
    db.advance("23 hours 59 minutes").await;
    assert!(!run(&db.url, &["keys", "rotate"]).success);
    db.advance("2 minutes").await;
    assert!(run(&db.url, &["keys", "rotate"]).success);
    let forced = run(&db.url, &["keys", "rotate", "--force"]);
    assert!(forced.success && forced.out.lines().count() == 5, "{forced:?}");
}

#[tokio::test]
async fn l26_keys_are_listed_with_a_header_and_dates_and_without_the_master_key() {
    let db = TestDb::create();
    let said = with(&db.url, &[("UNDERSTUDY_MASTER_KEY", "")], &["keys", "list"]);
    assert!(said.success, "{said:?}");
    let mut lines = said.out.lines();
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    for word in ["ID", "PURPOSE", "ALGORITHM", "STATE", "CREATED", "RETIRES"] {
        assert!(header.contains(&word), "{header:?}");
    }
    let today = db.text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM')").await;
    for line in lines {
        assert!(line.starts_with("key_") && line.contains(&today), "{line}");
    }
}

#[tokio::test]
async fn l26_a_port_that_is_taken_is_named_with_its_address() {
    let db = TestDb::create();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = run(&db.url, &["serve", "--listen", &address]);
    assert!(!said.success && said.err.contains(&address), "{said:?}");
    let said = run(&db.url, &["serve", "--listen", "192.0.2.1:8080"]);
    assert!(!said.success && said.err.contains("192.0.2.1:8080"), "{said:?}");
}

#[tokio::test]
async fn l26_the_code_of_the_first_administrator_is_a_line_of_json_among_lines_of_json() {
    let db = TestDb::empty();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    until("the code is printed", 10, async || node.output().contains("not shown again")).await;
    for line in node.output().lines() {
        let value: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_object(), "{line}");
    }
}

#[tokio::test]
async fn l26_the_end_of_a_command_says_of_what_kind_it_is() {
    let db = TestDb::create();
    assert_eq!(run(&db.url, &["keys", "list"]).code, Some(0));
    assert_eq!(run(&db.url, &["fly"]).code, Some(2));
    assert_eq!(run(&db.url, &["bootstrap"]).code, Some(1));
    assert_eq!(run("mysql://x", &["export"]).code, Some(2));
    let nowhere = format!("postgres://u@{}/d?sslmode=disable", free_address());
    let said = run(&nowhere, &["export"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let mut command = program(&db.url, "http://127.0.0.1:1");
    command.args(["apply", "-f", "-"]);
    let said = run_with(command, "version: 1\norganisations: []\n");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("did you mean organizations?"), "{said:?}");
}

#[tokio::test]
async fn l18_a_log_level_that_does_not_exist_stops_the_start() {
    let db = TestDb::create();
    for wrong in
        ["verbose", "infos", "understudy", "understudy=loud", "info,quiet", "[span]=info", "3"]
    {
        let said = with(&db.url, &[("UNDERSTUDY_LOG", wrong)], &["serve"]);
        assert!(!said.success && said.err.contains("UNDERSTUDY_LOG"), "{wrong}: {said:?}");
        assert_eq!(said.code, Some(2));
    }
    let said = with(&db.url, &[("UNDERSTUDY_LOG", "inof")], &["serve"]);
    assert!(said.err.contains("did you mean info?"), "{said:?}");
}

/// Two at once: somebody migrates while the code for the first administrator is asked for.
#[tokio::test]
async fn l26_a_command_waits_for_whoever_migrates() {
    let db = TestDb::empty();
    assert!(run(&db.url, &["migrate"]).success);
    let client = db.client().await;
    client.batch_execute("SELECT pg_advisory_lock(129116991222387)").await.unwrap();
    let url = db.url.clone();
    let asked = tokio::task::spawn_blocking(move || run(&url, &["bootstrap"]));
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'understudy' \
        AND datname = current_database()";
    until("it has come", 10, async || db.count(waits).await > 0).await;
    assert!(!asked.is_finished());
    client.batch_execute("SELECT pg_advisory_unlock(129116991222387)").await.unwrap();
    let said = asked.await.unwrap();
    assert!(said.success && said.out.contains("/setup"), "{said:?}");
}
