//! L-13, L-21: what is over is removed, table by table, without reading what is not.
use crate::support::{TestDb, TestServer};
use std::collections::BTreeMap;
use understudy::flows::Context;
use understudy::flows::impersonation::end_impersonation::ScanWindow;
use understudy::flows::operations::housekeeping::delete_expired;

fn context(db: &TestDb) -> Context {
    crate::support::server::parts(&db.url, "http://127.0.0.1:1").context(1).unwrap()
}

/// Rows that scans of whole tables have read, and rows that were found by an index.
async fn read(db: &TestDb) -> BTreeMap<String, (i64, i64)> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while db.count(others).await > 0 {}
    let rows = db
        .rows("SELECT relname::text, seq_tup_read, coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables")
        .await;
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

/// Many rows of every table that grows, none of them over.
async fn fill(db: &TestDb) {
    db.sql("INSERT INTO vetoes (id, kind, since) SELECT 'u' || n, 'user_not_before', clock_now() - interval '3 days' \
              FROM generate_series(1, 20000) n; \
            INSERT INTO vetoes (id, kind) SELECT 's' || n, 'session' FROM generate_series(1, 20000) n; \
            ALTER TABLE sessions DISABLE TRIGGER USER; \
            INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at) \
              SELECT 'own' || n, sha256(('own' || n)::bytea), 'usr_alice', clock_now(), clock_now(), \
              clock_now() + interval '1 day' FROM generate_series(1, 10000) n; \
            INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at, \
              impersonation_id, impersonator, bound_client_id) SELECT 'imp' || n, sha256(('imp' || n)::bytea), \
              'usr_alice', clock_now(), clock_now(), clock_now() - interval '90 days', 'i' || n, \
              '{\"user_id\": \"usr_sam\"}', 'portal' FROM generate_series(1, 10000) n; \
            ALTER TABLE sessions ENABLE TRIGGER USER; \
            INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, redirect_uri, scope, \
              authenticated_at, expires_at) SELECT 'c' || n, sha256(('c' || n)::bytea), 'portal', 'usr_alice', \
              'own1', 'https://x.test/', 'openid', clock_now(), clock_now() - interval '1 day' \
              + n * interval '1 second' FROM generate_series(1, 7000) n; \
            INSERT INTO refresh_tokens (token_hash, grant_id, client_id, user_id, session_id, scope, expires_at, \
              ends_at, used_at) SELECT sha256(('r' || n)::bytea), 'c' || n, 'portal', 'usr_alice', 'own1', 'openid', \
              clock_now() - interval '1 day' + n * interval '1 second', clock_now() + interval '30 days', \
              clock_now() - interval '2 days' FROM generate_series(1, 7000) n; \
            INSERT INTO access_tokens (token_hash, client_id, scope, expires_at) SELECT sha256(('a' || n)::bytea), \
              'portal', 'openid', clock_now() + interval '1 hour' FROM generate_series(1, 10000) n; \
            INSERT INTO replay_guard (kind, key_hash, expires_at) SELECT 'k', sha256(('k' || n)::bytea), \
              clock_now() + interval '1 hour' FROM generate_series(1, 10000) n; \
            INSERT INTO logout_deliveries (client_id, user_id, session_id, delivered_at) \
              SELECT 'portal', 'usr_alice', 'own1', clock_now() FROM generate_series(1, 10000) n; \
            ANALYZE")
        .await;
}

#[tokio::test]
async fn l13_no_turn_of_cleaning_reads_what_is_not_over() {
    let db = TestDb::create();
    fill(&db).await;
    let ctx = context(&db);
    let before = read(&db).await;
    assert_eq!(delete_expired(&ctx, ScanWindow::Recent).await.unwrap(), 0);
    drop(ctx);
    for (table, (scanned, found)) in read(&db).await {
        let (scanned_before, found_before) = before[&table];
        let (scanned, found) = (scanned - scanned_before, found - found_before);
        assert!(scanned < 500, "{table}: {scanned} rows by a scan");
        // A page of codes and of refresh tokens, and what hangs on them.
        assert!(found < 40_000, "{table}: {found} rows by an index");
    }
}

#[tokio::test]
async fn l13_a_code_behind_many_that_stay_is_removed_by_a_later_turn() {
    let db = TestDb::create();
    fill(&db).await;
    db.sql(
        "UPDATE sessions SET ended_at = clock_now() WHERE id = 'own2'; \
            UPDATE authorization_codes SET session_id = 'own2' WHERE id IN ('c2', 'c6999'); \
            DELETE FROM refresh_tokens WHERE grant_id IN ('c2', 'c3', 'c6999'); \
            UPDATE refresh_tokens SET ends_at = expires_at WHERE token_hash = sha256('r6998')",
    )
    .await;
    let ctx = context(&db);
    let left = "SELECT count(*) FROM authorization_codes WHERE session_id = 'own2'";
    for expected in [1, 0] {
        delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
        assert_eq!(db.count(left).await, expected);
    }
    assert_eq!(db.count("SELECT count(*) FROM refresh_tokens").await, 6_996);
    // The next round begins with the oldest again.
    db.sql("UPDATE authorization_codes SET session_id = 'own2' WHERE id = 'c3'").await;
    delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
    assert_eq!(db.count(left).await, 0);
}

#[tokio::test]
async fn l13_each_table_has_its_turn_and_what_is_left_is_counted() {
    let db = TestDb::create();
    db.sql("INSERT INTO access_tokens (token_hash, client_id, scope, expires_at) SELECT sha256(('a' || n)::bytea), \
              'portal', 'openid', clock_now() - interval '1 hour' FROM generate_series(1, 2500) n; \
            INSERT INTO logout_deliveries (client_id, user_id, session_id, delivered_at, due_at) \
              SELECT 'portal', 'usr_alice', 'x', clock_now(), clock_now() - interval '8 days' \
              FROM generate_series(1, 10) n; \
            CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$; \
            CREATE TRIGGER broken BEFORE DELETE ON replay_guard EXECUTE FUNCTION broken()")
        .await;
    let ctx = context(&db);
    delete_expired(&ctx, ScanWindow::Recent).await.unwrap_err();
    let backlog: BTreeMap<_, _> = ctx.shared.cleaning.backlog().into_iter().collect();
    assert_eq!((backlog["access_tokens"], backlog["replay_guard"]), (1500, 10_000));
    assert_eq!(db.count("SELECT count(*) FROM logout_deliveries").await, 0, "the last table");
    db.sql("DROP TRIGGER broken ON replay_guard").await;
    assert_eq!(delete_expired(&ctx, ScanWindow::Recent).await.unwrap(), 1000);
    assert_eq!(delete_expired(&ctx, ScanWindow::Recent).await.unwrap(), 500);
    assert!(ctx.shared.cleaning.backlog().iter().all(|(_, rows)| *rows == 0));
    assert_eq!(db.count("SELECT count(*) FROM access_tokens").await, 0);
}

#[tokio::test]
async fn l21_impersonations_and_their_sessions_go_when_their_time_is_over_and_the_trail_stays() {
    for (settings, left) in [
        (&[("UNDERSTUDY_KEEP_IMPERSONATIONS_DAYS", "40")][..], 0),
        // As long as nobody says otherwise.
        (&[][..], 1),
    ] {
        let server = TestServer::start_with(settings).await;
        server.impersonated_tokens().await;
        let ctx = server.parts.context(1).unwrap();
        let kept = "SELECT count(*) FROM impersonations";
        let sessions = "SELECT count(*) FROM sessions WHERE impersonation_id IS NOT NULL";
        let events = "SELECT count(*) FROM audit_events WHERE type LIKE 'impersonation.%'";
        let written = server.db.count(events).await;
        server.db.advance("39 days").await;
        delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
        assert_eq!((server.db.count(kept).await, server.db.count(sessions).await), (1, 1));
        server.db.advance("2 days").await;
        delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
        assert_eq!((server.db.count(kept).await, server.db.count(sessions).await), (left, left));
        assert!(server.db.count(events).await >= written);
    }
}

#[tokio::test]
async fn l21_sessions_are_kept_for_as_long_as_the_setting_says() {
    let server = TestServer::start_with(&[("UNDERSTUDY_KEEP_SESSIONS_DAYS", "60")]).await;
    server.alice().await;
    let ctx = server.parts.context(1).unwrap();
    let sessions = "SELECT count(*) FROM sessions";
    for (days, left) in [("59 days", 1), ("3 days", 0)] {
        server.db.advance(days).await;
        delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
        assert_eq!(server.db.count(sessions).await, left, "{days}");
    }
}
