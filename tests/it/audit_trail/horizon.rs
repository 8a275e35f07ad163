//! K-11: only our own writers hold sealing up, and what is not sealed is said.
use crate::support::node::until;
use crate::support::trail::{BROKEN, NOT_SEALED, forge, seal, verify};
use crate::support::{TestDb, TestServer};
use futures_util::future::join_all;

const ONE: &str = "INSERT INTO audit_events (type) VALUES ('logout')";
const UNSEALED: &str = "SELECT count(*) FROM audit_events WHERE seq > audit_sealed_up_to()";

#[tokio::test]
async fn k11_a_transaction_in_another_database_or_without_events_does_not_stop_sealing() {
    let (db, other) = (TestDb::create(), TestDb::create());
    let (neighbour, reader, writer) = (other.client().await, db.client().await, db.client().await);
    neighbour.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    // In the other database it writes events, too.
    neighbour.batch_execute(ONE).await.unwrap();
    reader.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; TABLE audit_events").await.unwrap();
    writer.batch_execute("BEGIN; UPDATE users SET name = 'x' WHERE id = 'usr_bob'").await.unwrap();
    db.sql(ONE).await;
    seal(&db).await;
    assert_eq!(db.count(UNSEALED).await, 0);
    forge(
        &db,
        "UPDATE audit_events SET actor = 'usr_bob' WHERE seq = (SELECT max(seq) FROM audit_events)",
    )
    .await;
    assert_eq!(verify(&db).code, Some(BROKEN));
}

#[tokio::test]
async fn k11_a_writer_that_pauses_before_its_commit_holds_up_what_follows_and_nothing_else() {
    let db = TestDb::create();
    seal(&db).await;
    db.sql(ONE).await;
    let (first, second) = (db.client().await, db.client().await);
    first.batch_execute(&format!("BEGIN; {ONE}")).await.unwrap();
    second.batch_execute(&format!("BEGIN; {ONE}; {ONE}")).await.unwrap();
    db.sql(ONE).await;
    // What came before both is sealed; what came after the first one waits, though it is there.
    assert_eq!(seal(&db).await, 1);
    assert_eq!(db.count(UNSEALED).await, 1);
    second.batch_execute("COMMIT").await.unwrap();
    assert_eq!(seal(&db).await, 0);
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(seal(&db).await, 1);
    assert_eq!(db.count(UNSEALED).await, 0);
    assert!(verify(&db).success);
}

/// Nothing that a transaction does to its savepoints or settings lets its later events slip below a seal.
#[tokio::test]
async fn k11_no_savepoint_and_no_setting_takes_the_lock_away() {
    for prelude in [
        "SAVEPOINT a; {one}; ROLLBACK TO a",
        "SAVEPOINT a; {one}; RELEASE a; SAVEPOINT b; {one}; ROLLBACK TO b",
        "{one}; SAVEPOINT a; {one}; ROLLBACK TO a",
        "SELECT set_config('understudy.trail', pg_current_xact_id()::text, true)",
        "SAVEPOINT a; {one}; ROLLBACK TO a; SELECT set_config('understudy.trail', pg_current_xact_id()::text, true)",
        "SELECT set_config('understudy.trail', pg_current_xact_id()::text, false); SELECT pg_advisory_unlock_all()",
    ] {
        let db = TestDb::create();
        let writer = db.client().await;
        // So that the session has written before.
        writer.batch_execute(ONE).await.unwrap();
        seal(&db).await;
        let begin = format!("BEGIN; {}; {ONE}", prelude.replace("{one}", ONE));
        writer.batch_execute(&begin).await.unwrap();
        db.sql(ONE).await;
        seal(&db).await;
        writer.batch_execute("COMMIT").await.unwrap();
        seal(&db).await;
        let said = verify(&db);
        assert!(said.success, "{prelude}: {said:?}");
        assert_eq!(db.count(UNSEALED).await, 0, "{prelude}");
    }
}

#[tokio::test]
async fn k11_a_transaction_with_thousands_of_events_holds_one_lock() {
    let db = TestDb::create();
    let writer = db.client().await;
    let many: String = std::iter::repeat_n(format!("{ONE};"), 500).collect();
    writer.batch_execute(&format!("BEGIN; {many}")).await.unwrap();
    let insert = "INSERT INTO audit_events (type) SELECT 'logout' FROM generate_series(1, 3000)";
    writer.batch_execute(insert).await.unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
        (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(db.count(held).await, 1);
    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(db.count(held).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k11_among_many_writers_and_two_sealers_no_event_slips_below_a_seal() {
    let db = TestDb::create();
    let writing = join_all((0..12).map(|nth| {
        let db = &db;
        async move {
            let client = db.client().await;
            for round in 0..40 {
                let end = if (nth + round) % 5 == 0 { "ROLLBACK" } else { "COMMIT" };
                let wait = f64::from((nth * 7 + round) % 4) / 1000.0;
                let sql = format!("BEGIN; {ONE}; SELECT pg_sleep({wait}); {ONE}; {end}");
                client.batch_execute(&sql).await.unwrap();
            }
        }
    }));
    let sealing = async || {
        for _ in 0..60 {
            seal(&db).await;
        }
    };
    futures_util::join!(writing, sealing(), sealing());
    // Whichever writer ends last may have rolled back, which leaves numbers without events at the end, until a seal
    // above them notes that.
    db.sql(ONE).await;
    seal(&db).await;
    let said = verify(&db);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(db.count(UNSEALED).await, 0);
    assert!(db.count("SELECT count(*) FROM audit_checkpoints").await > 3);
}

#[tokio::test]
async fn k11_what_waits_for_more_than_a_minute_is_in_the_metrics_the_readiness_and_the_exit_code() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let metric = async || {
        let page = understudy::app::management::metrics_page(&server.parts);
        let line = page.lines().find_map(|l| l.strip_prefix("understudy_audit_unsealed_seconds "));
        line.unwrap_or_else(|| panic!("{page}")).parse::<f64>().unwrap()
    };
    let all_sealed = async || server.db.count(UNSEALED).await == 0;
    until("what the start wrote is sealed", 15, all_sealed).await;
    let forgetful = server.db.client().await;
    forgetful.batch_execute(&format!("BEGIN; {ONE}")).await.unwrap();
    server.db.sql(ONE).await;
    assert!(verify(&server.db).success, "not yet a minute old");
    server.db.advance("90 seconds").await;
    let said = verify(&server.db);
    assert_eq!(said.code, Some(NOT_SEALED), "{said:?}");
    assert!(said.out.contains("1 events since then are not sealed yet"), "{said:?}");
    until("the metric says so", 15, async || metric().await > 60.0).await;
    let ready = browser.get("/health/ready").await;
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("has not been sealed for"), "{}", ready.body);
    forgetful.batch_execute("COMMIT").await.unwrap();
    until("it is sealed", 15, async || metric().await < 60.0).await;
    assert_eq!(browser.get("/health/ready").await.json(), serde_json::json!({"status": "ok"}));
    // And when sealing fails outright.
    server.db.sql("ALTER FUNCTION audit_seal_begin(boolean) RENAME TO gone").await;
    let warned = async || browser.get("/health/ready").await.body.contains("cannot be sealed");
    until("it says that it fails", 15, warned).await;
}

#[tokio::test]
async fn k11_a_server_that_stops_seals_what_it_has_written() {
    let mut server = TestServer::start().await;
    server.alice().await;
    server.stop();
    assert_eq!(server.db.count(UNSEALED).await, 0);
    server.db.advance("1 hour").await;
    assert!(verify(&server.db).success);
}
