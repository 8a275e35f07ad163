//! Trails of earlier releases are carried over by the migration.
use crate::support::TestDb;
use crate::support::trail::{BROKEN, forge, seal, verify};
use understudy::store::connection::pool::{migrate, revert_last};

const EVENTS: &str = "SELECT seq, xact, at, type, actor, subject, impersonation_id, client_id, organization_id, channel, \
    protocol, ip, user_agent, request_id, reason, ticket, detail FROM audit_events";

/// As the release before sealed: everything from where the last seal ends.
async fn seal_as_before(db: &TestDb) {
    db.sql(&format!(
        "SET timezone = 'UTC'; \
         WITH last AS (SELECT coalesce(max(number), 0) AS number, coalesce(max(to_xact), '0'::xid8) AS to_xact FROM audit_checkpoints), \
         upon AS (SELECT coalesce((SELECT hash FROM audit_checkpoints ORDER BY number DESC LIMIT 1), \
           decode(repeat('00', 32), 'hex')) AS hash), \
         e AS (SELECT r.seq, r.xact, row_to_json(r)::text AS t FROM ({EVENTS}) r, last WHERE r.xact >= last.to_xact) \
         INSERT INTO audit_checkpoints (number, from_xact, to_xact, events, last_seq, hash) \
         SELECT last.number + 1, last.to_xact, (max(e.xact)::text::bigint + 1)::text::xid8, count(*), \
           (array_agg(e.seq ORDER BY e.xact DESC, e.seq DESC))[1], \
           sha256(upon.hash || string_agg(sha256(convert_to(e.t, 'UTF8')), ''::bytea ORDER BY e.xact, e.seq)) \
         FROM e, last, upon GROUP BY last.number, last.to_xact, upon.hash"
    ))
    .await;
}

/// With two seals of the old kind, and events that wait: one of them with a lower number than a sealed one.
async fn old_trail() -> TestDb {
    let db = TestDb::create();
    // Only what is newer than the release before is taken back.
    while !revert_last(&db.url).await.unwrap().contains("20261130000300") {}
    let one = "INSERT INTO audit_events (at, type, actor) VALUES (clock_now(), 'logout', 'before')";
    db.sql(one).await;
    seal_as_before(&db).await;
    let late = db.client().await;
    db.sql(one).await;
    late.batch_execute("BEGIN; SELECT nextval('audit_events_seq_seq')").await.unwrap();
    db.sql(one).await;
    seal_as_before(&db).await;
    let number = db.count("SELECT max(seq) - 1 FROM audit_events").await;
    late.batch_execute(&format!(
        "INSERT INTO audit_events (seq, type, actor) OVERRIDING SYSTEM VALUE VALUES ({number}, 'logout', 'late'); COMMIT"
    ))
    .await
    .unwrap();
    db.sql(one).await;
    migrate(&db.url).await.unwrap();
    db
}

#[tokio::test]
async fn k16_old_seals_stay_and_the_first_new_one_names_the_last_of_them() {
    let db = old_trail().await;
    let waiting = verify(&db);
    assert!(waiting.success, "{waiting:?}");
    assert!(waiting.out.contains("of the old kind") && waiting.out.contains("seals 1 to 2"));
    assert!(waiting.out.contains("not sealed yet: 2"), "{waiting:?}");
    // The release before still runs beside.
    db.sql("INSERT INTO audit_events (at, type, detail) VALUES (clock_now(), 'logout', '{}')")
        .await;
    assert_eq!(seal(&db).await, 1);
    let said = verify(&db);
    assert!(said.success && said.out.contains("not sealed yet: 0"), "{said:?}");
    assert!(said.out.contains("whole up to seal 3"), "{said:?}");
    let covered =
        "SELECT sum(events)::bigint - (SELECT count(*) FROM audit_events) FROM audit_checkpoints";
    assert_eq!(db.count(covered).await, 0);
}

/// What stands below the first new seal is as safe as what it covers.
#[tokio::test]
async fn k16_nothing_old_is_changed_once_a_new_seal_names_it() {
    let anew = format!(
        "DELETE FROM audit_events WHERE seq = (SELECT min(seq) FROM audit_events); \
         UPDATE audit_checkpoints c SET events = c.events - 1, hash = sha256(decode(repeat('00', 32), 'hex') || ( \
           SELECT string_agg(sha256(convert_to(row_to_json(r)::text, 'UTF8')), ''::bytea ORDER BY r.xact, r.seq) \
           FROM ({EVENTS}) r WHERE r.xact < c.to_xact)) WHERE number = 1"
    );
    for sql in [
        "DELETE FROM audit_events WHERE actor = 'before' AND seq = (SELECT min(seq) FROM audit_events WHERE actor = 'before')",
        "DELETE FROM audit_events WHERE actor = 'late'",
        "DELETE FROM audit_checkpoints WHERE number < 3; DELETE FROM audit_events WHERE xact IS NOT NULL",
        "DELETE FROM audit_checkpoints WHERE number = 2",
        "UPDATE audit_events SET xact = NULL WHERE actor = 'before' AND seq = (SELECT min(seq) FROM audit_events WHERE actor = 'before')",
        "INSERT INTO audit_events (seq, at, type, xact) OVERRIDING SYSTEM VALUE VALUES (-1, now(), 'logout', '9999999999')",
        anew.as_str(),
    ] {
        let db = old_trail().await;
        seal(&db).await;
        forge(&db, &format!("SET timezone = 'UTC'; {sql}")).await;
        let said = verify(&db);
        assert_eq!(said.code, Some(BROKEN), "{sql}: {said:?}");
    }
}
