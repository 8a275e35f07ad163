//! K-17: the role that serves chooses neither position nor time, and makes no seal.
use crate::support::TestDb;
use crate::support::trail::{seal, verify};

const LEAST: &str = include_str!("../../../scripts/least-rights.sql");

async fn as_role(owner: &TestDb) -> TestDb {
    let role = format!("app_{}", owner.name);
    owner.sql(&format!("CREATE ROLE {role} LOGIN")).await;
    owner.sql(&LEAST.replace(":role", &role)).await;
    let (_, place) = owner.url.split_once('@').unwrap();
    let url = format!("postgres://{role}@{place}");
    // Dropping it touches no database: there is none of this name.
    TestDb { name: "no_such_database".to_owned(), url }
}

#[tokio::test]
async fn k17_the_role_that_serves_cannot_spoil_the_trail() {
    let owner = TestDb::create();
    seal(&owner).await;
    let app = as_role(&owner).await;
    for refused in [
        "INSERT INTO audit_events (xact, at, type) VALUES ('3', '2020-01-01', 'login.failed')",
        "INSERT INTO audit_events (at, type) VALUES ('2020-01-01', 'login.failed')",
        "INSERT INTO audit_events (seq, type) OVERRIDING SYSTEM VALUE VALUES (1, 'login.failed')",
        "COPY audit_events (seq, type) FROM stdin",
        "INSERT INTO audit_checkpoints (number, from_xact, to_xact, events, last_seq, hash) VALUES (9, '0', '9', 0, 0, sha256(''))",
        "UPDATE audit_checkpoints SET events = 0",
        "DELETE FROM audit_sealing",
        "SELECT setval('audit_events_seq_seq', 1)",
        "ALTER SEQUENCE audit_events_seq_seq RESTART",
        "SET session_replication_role = replica",
        "ALTER FUNCTION audit_event_is_placed() RESET ALL",
        "CREATE FUNCTION public.clock_now(text) RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ] {
        let said = app.refuses(refused).await;
        let kept = ["permission denied", "must be owner"].iter().any(|why| said.contains(why));
        assert!(kept, "{refused}: {said:?}");
    }
    // A seal is ended by the transaction that has begun it.
    let said = app.refuses("SELECT audit_seal_end(sha256('x'), sha256('y'))").await;
    assert!(said.contains("no seal was begun"), "{said}");
    // What it may write stands where and when the database says, whatever names it puts in the way.
    app.sql(
        "CREATE TEMP TABLE audit_events (LIKE public.audit_events); CREATE TEMP SEQUENCE audit_events_seq_seq; \
         CREATE TEMP TABLE pg_locks (locktype text); \
         SET search_path = pg_temp, public; SET understudy.trail = '1'; \
         INSERT INTO public.audit_events (type, actor) VALUES ('login.failed', 'app')",
    )
    .await;
    let placed = "SELECT count(*) FROM audit_events WHERE actor = 'app' AND xact IS NULL \
        AND seq = (SELECT last_value FROM audit_events_seq_seq) AND at > now() - interval '1 minute'";
    assert_eq!(owner.count(placed).await, 1);
    assert_eq!(seal(&app).await, 1);
    assert!(verify(&owner).success);
}

/// The owner by hand, with every trigger in place.
#[tokio::test]
async fn k17_whatever_position_or_time_is_written_the_database_sets_its_own() {
    let db = TestDb::create();
    seal(&db).await;
    let before = db.count("SELECT max(seq) FROM audit_events").await;
    db.sql(
        "INSERT INTO audit_events (seq, xact, at, type) OVERRIDING SYSTEM VALUE \
         VALUES (1, '3', '2020-01-01', 'login.failed'), (NULL, NULL, NULL, 'logout')",
    )
    .await;
    // As the release before this one writes.
    db.sql("INSERT INTO audit_events (at, type, detail) VALUES (clock_now() - interval '1 year', 'logout', '{}')").await;
    let placed = format!(
        "SELECT count(*) FROM audit_events WHERE seq IN ({before} + 1, {before} + 2, {before} + 3) \
         AND xact IS NULL AND at > now() - interval '1 minute'"
    );
    assert_eq!(db.count(&placed).await, 3);
    seal(&db).await;
    assert!(verify(&db).success);
}

#[tokio::test]
async fn k17_what_was_used_once_is_not_forgotten_before_its_time() {
    let owner = TestDb::create();
    let app = as_role(&owner).await;
    app.sql(
        "INSERT INTO replay_guard (kind, key_hash, expires_at) VALUES \
         ('test', sha256('live'), clock_now() + interval '1 minute'), \
         ('test', sha256('over'), clock_now() - interval '1 minute'); \
         UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
    )
    .await;
    assert_eq!(owner.count("SELECT count(*) FROM vetoes WHERE id = 'org_acme'").await, 1);
    for refused in [
        "DELETE FROM replay_guard",
        "UPDATE replay_guard SET expires_at = clock_now() - interval '1 hour'",
        "TRUNCATE replay_guard",
        "DELETE FROM vetoes",
        "UPDATE vetoes SET since = '2020-01-01'",
        "UPDATE directory_versions SET version = 1",
    ] {
        let said = app.refuses(refused).await;
        let kept = ["permission denied", "stays until"].iter().any(|why| said.contains(why));
        assert!(kept, "{refused}: {said:?}");
    }
    app.sql("DELETE FROM replay_guard WHERE expires_at < clock_now()").await;
    app.sql("UPDATE organizations SET status = 'active' WHERE id = 'org_acme'").await;
    assert_eq!(owner.count("SELECT count(*) FROM vetoes WHERE id = 'org_acme'").await, 0);
}

#[tokio::test]
async fn k17_what_runs_with_the_rights_of_the_owner_looks_for_names_in_one_place() {
    let loose = "SELECT coalesce(string_agg(oid::regprocedure::text, ' '), '') FROM pg_proc WHERE prosecdef \
        AND pronamespace = 'public'::regnamespace AND NOT coalesce(proconfig::text LIKE '%search_path=pg_catalog%', false)";
    let db = TestDb::create();
    assert_eq!(db.text(loose).await, "");
    assert!(db.count("SELECT count(*) FROM pg_proc WHERE prosecdef").await > 5);
}
