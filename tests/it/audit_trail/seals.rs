//! K-16: what was rewritten or cut off is found and named.
use crate::support::node::{run, until};
use crate::support::trail::{
    BROKEN, END_MISSING, forge, head, seal, sealed_trail, verify, verify_without_key,
};
use crate::support::{TestDb, TestServer};

#[tokio::test]
async fn i15_a_whole_trail_is_found_whole_and_says_its_head() {
    let db = sealed_trail().await;
    let said = verify(&db);
    assert!(said.success, "{said:?}");
    assert!(said.out.contains("the audit trail is whole up to seal 4 (event "), "{said:?}");
    assert!(said.out.contains("not sealed yet: 0") && !said.out.contains("old kind"), "{said:?}");
    let head = head(&said);
    let again = run(&db.url, &["audit", "verify", "--head", &head]);
    assert!(again.success, "{again:?}");
    // What comes after breaks nothing.
    db.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    let later = run(&db.url, &["audit", "verify", "--head", &head]);
    assert!(later.success && later.out.contains("not sealed yet: 1"), "{later:?}");
    assert_eq!(run(&db.url, &["audit", "verify", "--head", "7"]).code, Some(1));
}

#[tokio::test]
async fn k16_whatever_was_changed_removed_or_added_is_found_and_named() {
    const ADD: &str = "INSERT INTO audit_events (seq, at, type, actor) OVERRIDING SYSTEM VALUE ";
    for (sql, found) in [
        (
            "UPDATE audit_events SET reason = 'another' WHERE actor = 'batch1' AND detail ->> 'n' = '7'".to_owned(),
            "seal 3 does not hold",
        ),
        (
            "DELETE FROM audit_events WHERE actor = 'batch0' AND detail ->> 'n' = '20'".to_owned(),
            "seal 2 does not hold",
        ),
        (
            "UPDATE audit_events SET at = at + interval '1 second' WHERE actor = 'batch2'".to_owned(),
            "seal 4 does not hold",
        ),
        // By hand, at a position that is sealed and has become no event, and below all.
        (
            format!("DELETE FROM audit_events WHERE seq = 1; {ADD} VALUES (1, now(), 'logout', 'forged')"),
            "seal 1 does not hold",
        ),
        (format!("{ADD} VALUES (0, now(), 'logout', 'forged')"), "event 0 was added"),
        (format!("{ADD} VALUES (-5, now(), 'logout', 'forged')"), "event -5 was added"),
        // As if a seal of the old kind covered it.
        (
            "UPDATE audit_events SET xact = '3' WHERE actor = 'batch2' AND detail ->> 'n' = '3'".to_owned(),
            "seal 4 does not hold",
        ),
        (
            "INSERT INTO audit_events (seq, at, type, xact) OVERRIDING SYSTEM VALUE VALUES (0, now(), 'logout', '3')".to_owned(),
            "event 0 was added",
        ),
        (format!("{ADD} VALUES (100000, now(), 'logout', 'forged')"), "it was set back"),
        ("DELETE FROM audit_checkpoints WHERE number = 3".to_owned(), "seal 4 does not hold"),
        // A seal that is a copy of another.
        (
            "UPDATE audit_checkpoints SET hash = (SELECT hash FROM audit_checkpoints WHERE number = 3) WHERE number = 4".to_owned(),
            "seal 4 does not hold",
        ),
        (
            "INSERT INTO audit_checkpoints SELECT number + 1, from_xact, to_xact, 0, up_to, hash, sealed_at, epoch, up_to, up_to, sha256('') \
             FROM audit_checkpoints WHERE number = 4".to_owned(),
            "seal 5 does not hold",
        ),
        ("UPDATE audit_checkpoints SET sealed_at = sealed_at - interval '1 day' WHERE number = 4".to_owned(), "seal 4 does not hold"),
        ("UPDATE audit_checkpoints SET epoch = 2 WHERE number = 4".to_owned(), "seal 4 does not hold"),
        // The events of the last seal, with a digest that fits them.
        (
            "DELETE FROM audit_events WHERE actor = 'batch2'; \
             UPDATE audit_checkpoints SET events = 0, last_seq = after_seq, digest = sha256('') WHERE number = 4".to_owned(),
            "seal 4 does not hold",
        ),
    ] {
        let db = sealed_trail().await;
        forge(&db, &sql).await;
        let said = verify(&db);
        assert_eq!(said.code, Some(BROKEN), "{sql}: {said:?}");
        assert!(said.err.contains("NOT whole") && said.err.contains(found), "{sql}: {said:?}");
    }
}

/// Which of the others can still be relied on: with the key those that hold, without it none for certain.
#[tokio::test]
async fn k16_the_seals_after_a_broken_one_that_can_be_trusted_are_named() {
    for (sql, broken, hold) in [
        ("UPDATE audit_events SET reason = 'x' WHERE actor = 'batch0'", "2", "3–4"),
        ("UPDATE audit_events SET reason = 'x' WHERE actor IN ('batch0', 'batch1')", "2–3", "4"),
        ("UPDATE audit_events SET reason = 'x' WHERE actor = 'batch2' OR seq = 1", "1, 4", "2–3"),
        ("UPDATE audit_events SET reason = 'x' WHERE actor = 'batch2'", "4", ""),
        // The next one names its hash.
        ("UPDATE audit_checkpoints SET hash = sha256('x') WHERE number = 2", "2–3", "4"),
    ] {
        let db = sealed_trail().await;
        forge(&db, sql).await;
        let said = verify(&db);
        assert_eq!(said.code, Some(BROKEN), "{sql}: {said:?}");
        assert!(
            said.err.contains(&format!("seals that do not hold: {broken}\n")),
            "{sql}: {said:?}"
        );
        let trusted = format!("seals after the first of them that hold: {hold}; ");
        assert_eq!(said.err.contains(&trusted), !hold.is_empty(), "{sql}: {said:?}");
        assert_eq!(said.err.contains("were made with this master key"), !hold.is_empty());
        assert!(!said.err.contains("not confirmed"), "{sql}: {said:?}");
        let blind = verify_without_key(&db);
        assert!(!blind.err.contains("were made with this master key"), "{sql}: {blind:?}");
        if sql.contains("audit_events") {
            assert_eq!(blind.code, Some(BROKEN), "{sql}: {blind:?}");
            assert_eq!(blind.err.contains("not confirmed"), !hold.is_empty(), "{sql}: {blind:?}");
        }
        let json = run(&db.url, &["audit", "verify", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let runs = |name: &str| {
            let runs = json[name].as_array().unwrap().iter().map(|run| {
                match (run[0].as_i64().unwrap(), run[1].as_i64().unwrap()) {
                    (first, last) if first == last => first.to_string(),
                    (first, last) => format!("{first}–{last}"),
                }
            });
            runs.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(runs("broken_seals"), broken, "{sql}");
        assert_eq!(runs("seals_that_hold_after_a_broken_one"), hold, "{sql}");
    }
}

/// The reproduction, word for word, and the same with the sequence set back as far as the last seal that is left.
#[tokio::test]
async fn k16_an_end_that_was_cut_off_is_missed() {
    let cut = "DELETE FROM audit_events WHERE seq > (SELECT last_seq FROM audit_checkpoints \
        ORDER BY number DESC OFFSET 1 LIMIT 1); \
        DELETE FROM audit_checkpoints WHERE number = (SELECT max(number) FROM audit_checkpoints)";
    let db = sealed_trail().await;
    let newest = db.count("SELECT max(seq) FROM audit_events").await;
    let head = head(&verify(&db));
    forge(&db, cut).await;
    let said = verify(&db);
    assert_eq!(said.code, Some(END_MISSING), "{said:?}");
    let numbers = format!("numbers {}–{newest} never became events, or were cut off", newest - 19);
    assert!(said.err.contains(&numbers), "{said:?}");
    let kept = run(&db.url, &["audit", "verify", "--head", &head]);
    assert_eq!(kept.code, Some(BROKEN));
    assert!(kept.err.contains("the end has been cut off"), "{kept:?}");
    // A seal that was made up to take its place.
    db.sql("INSERT INTO audit_events (type, actor) VALUES ('user.changed', 'batch2')").await;
    seal(&db).await;
    let anew = run(&db.url, &["audit", "verify", "--head", &head]);
    assert!(anew.code == Some(BROKEN) && anew.err.contains("written anew"), "{anew:?}");

    // The events alone, with the sequence set back: the seal saw more.
    let db = sealed_trail().await;
    forge(
        &db,
        "DELETE FROM audit_events WHERE actor = 'batch2'; \
         SELECT setval('audit_events_seq_seq', (SELECT max(seq) FROM audit_events))",
    )
    .await;
    assert_eq!(verify(&db).code, Some(BROKEN));
    // Back below a seal, with its events in place.
    let db = sealed_trail().await;
    forge(&db, "SELECT setval('audit_events_seq_seq', 5)").await;
    let said = verify(&db);
    assert!(said.code == Some(BROKEN) && said.err.contains("it was set back"), "{said:?}");
}

#[tokio::test]
async fn k16_events_that_go_before_the_first_seal_leave_their_numbers() {
    let db = TestDb::create();
    db.sql("INSERT INTO audit_events (type) SELECT 'logout' FROM generate_series(1, 5)").await;
    let newest = db.count("SELECT max(seq) FROM audit_events").await;
    forge(&db, &format!("DELETE FROM audit_events WHERE seq > {}", newest - 2)).await;
    let said = verify(&db);
    assert_eq!(said.code, Some(END_MISSING), "{said:?}");
    assert!(said.err.contains(&format!("numbers {}–{newest}", newest - 1)), "{said:?}");
    // What was rolled back and noted by a seal is fine, and said.
    db.sql("BEGIN; INSERT INTO audit_events (type) VALUES ('x'), ('y'); ROLLBACK").await;
    db.sql("INSERT INTO audit_events (type) VALUES ('logout')").await;
    seal(&db).await;
    let said = verify(&db);
    assert!(said.success, "{said:?}");
    assert!(said.out.contains("numbers that had become no event when they were sealed: 4"));
}

#[tokio::test]
async fn k16_the_database_alone_makes_no_seal() {
    let db = sealed_trail().await;
    // Everything that can be computed without the key, done right.
    forge(
        &db,
        "UPDATE audit_events SET actor = 'usr_bob' WHERE actor = 'batch2'; \
         UPDATE audit_checkpoints c SET digest = (SELECT sha256(string_agg(sha256(convert_to(e.t, 'UTF8')), ''::bytea \
           ORDER BY e.seq)) FROM (SELECT seq, row_to_json(r)::text AS t FROM (SELECT seq, xact, at, type, actor, subject, \
           impersonation_id, client_id, organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail \
           FROM audit_events WHERE seq > c.after_seq AND seq <= c.up_to) r) e) WHERE number = 4",
    )
    .await;
    let said = verify(&db);
    assert_eq!(said.code, Some(BROKEN));
    assert!(said.err.contains("not made with this master key"), "{said:?}");
    // Without the key nobody can tell, and that is what is said.
    let blind = verify_without_key(&db);
    assert!(blind.success, "{blind:?}");
    assert!(blind.out.contains("the end is not vouched for"), "{blind:?}");
    assert!(!verify(&sealed_trail().await).out.contains("the end is not vouched for"));
}

/// Whoever cuts the end off beneath a running server does not get the rest sealed by it.
#[tokio::test]
async fn k16_a_server_does_not_seal_on_top_of_a_trail_that_was_cut_off() {
    let server = TestServer::start().await;
    let seals = async || server.db.count("SELECT count(*) FROM audit_checkpoints").await;
    until("the first seal", 15, async || seals().await > 0).await;
    let made = seals().await;
    forge(
        &server.db,
        "DELETE FROM audit_checkpoints WHERE number = (SELECT max(number) FROM audit_checkpoints)",
    )
    .await;
    server.alice().await;
    let browser = server.browser();
    let warned = async || browser.get("/health/ready").await.body.contains("cannot be sealed");
    until("it is said", 15, warned).await;
    assert_eq!(seals().await, made - 1);
}

#[tokio::test]
async fn what_was_not_sealed_for_long_is_sealed_in_pages() {
    let db = TestDb::create();
    seal(&db).await;
    for _ in 0..4 {
        let insert =
            "INSERT INTO audit_events (type) SELECT 'logout' FROM generate_series(1, 3000)";
        db.sql(insert).await;
    }
    db.sql("INSERT INTO audit_events (type) SELECT 'logout' FROM generate_series(1, 7000)").await;
    assert_eq!(seal(&db).await, 4);
    let largest = "SELECT max(events) FROM audit_checkpoints";
    assert_eq!(db.count(largest).await, 5000);
    let said = verify(&db);
    assert!(said.success && said.out.contains("not sealed yet: 0"), "{said:?}");
}
