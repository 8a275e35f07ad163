//! What the database does for us, whoever asks it and however it is set.
use crate::box_::APP;
use crate::support::{TestDb, TestServer};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use understudy::flows::impersonation::end_impersonation::ScanWindow;
use understudy::flows::operations::housekeeping;

const LEAST: &str = include_str!("../../../scripts/least-rights.sql");
const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

#[tokio::test]
async fn i14_the_role_that_serves_needs_no_more_than_rows() {
    let owner = TestDb::create();
    let role = format!("app_{}", owner.name);
    owner.sql(&format!("CREATE ROLE {role} LOGIN")).await;
    owner.sql(&LEAST.replace(":role", &role)).await;
    let (_, place) = owner.url.split_once('@').unwrap();
    let url = format!("postgres://{role}@{place}");
    // Dropping it touches no database: there is none of this name.
    let server =
        TestServer::start_on(TestDb { name: "no_such_database".to_owned(), url }, OFF).await;
    let tokens = server.impersonated_tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.userinfo(token).await.json()["sub"], "usr_alice");
    let alice = server.alice().await;
    let code = alice.get(crate::faults::load::AUTHORIZE).await.location_param("code").unwrap();
    let own = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", own["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(alice.post_form("/oauth/token", &refresh).await.status, 200);
    let enterprise = APP.enterprise_token(&server).await;
    let browser = server.browser();
    let ned = json!({"name": "Ned", "is_platform_access_only": true});
    let made = browser.request(Method::POST, "/2.0/users").bearer_auth(&enterprise).json(&ned);
    let made = browser.send(made).await.json();
    let path = format!("/2.0/users/{}", made["id"].as_str().unwrap());
    let gone = browser.send(browser.request(Method::DELETE, &path).bearer_auth(&enterprise)).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let context = server.parts.context(1).unwrap();
    housekeeping::delete_expired(&context, ScanWindow::Recent).await.unwrap();
    assert_eq!(browser.get("/health/ready").await.status, 200);
    // Sealed, too.
    let sealed = async || owner.count("SELECT count(*) FROM audit_checkpoints").await > 0;
    crate::support::node::until("the trail is sealed", 15, sealed).await;

    for forbidden in [
        "CREATE TABLE x (y int)",
        "ALTER TABLE users ADD COLUMN x int",
        "DROP TABLE users",
        "TRUNCATE audit_events",
        "UPDATE audit_events SET actor = NULL",
        "DELETE FROM audit_events",
        "DELETE FROM audit_checkpoints",
        "INSERT INTO audit_events (type, at) VALUES ('logout', now())",
        "INSERT INTO audit_events (type, seq) OVERRIDING SYSTEM VALUE VALUES ('logout', 1)",
        "INSERT INTO audit_events (type, xact) VALUES ('logout', '3')",
        "INSERT INTO audit_checkpoints SELECT * FROM audit_checkpoints",
        "UPDATE audit_sealing SET begins_after = 7",
        "SELECT setval('audit_events_seq_seq', 1)",
        "INSERT INTO vetoes (id, kind) VALUES ('x', 'client')",
        "UPDATE replay_guard SET expires_at = now()",
        "UPDATE directory_versions SET version = 0",
        "CREATE OR REPLACE FUNCTION clock_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "CREATE SCHEMA x",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP FUNCTION clock_now()",
    ] {
        let said = server.db.refuses(forbidden).await;
        let kept = ["permission denied", "must be owner", "denied for"];
        assert!(kept.iter().any(|why| said.contains(why)), "{forbidden}: {said}");
    }
}

/// Whatever the database's default is, of many at once one has it.
#[tokio::test]
async fn i13_single_use_holds_at_every_isolation_level() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let db = TestDb::create();
        let set =
            format!("ALTER DATABASE {} SET default_transaction_isolation = '{level}'", db.name);
        db.sql(&set).await;
        let server = TestServer::start_on(db, OFF).await;
        assert_eq!(server.db.text("SHOW default_transaction_isolation").await, level);
        let link = server.link("legacy").await;
        let opened = join_all((0..10).map(|_| async { server.browser().get(&link).await })).await;
        let mut code = None;
        for page in &opened {
            match page.status {
                302 => assert!(
                    code.replace(page.location_param("code").unwrap()).is_none(),
                    "{level}: twice"
                ),
                403 | 503 => {}
                _ => panic!("{level}: {page:?}"),
            }
        }
        let code = code.unwrap_or_else(|| panic!("{level}: nobody has it"));
        let exchanged = join_all((0..10).map(|_| async {
            server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await
        }));
        let statuses: Vec<u16> = exchanged.await.iter().map(|page| page.status).collect();
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{level}: {statuses:?}"
        );
        assert!(
            statuses.iter().all(|status| matches!(status, 200 | 400 | 503)),
            "{level}: {statuses:?}"
        );

        let claims = APP.claims(&server, "enterprise", "org_acme").await;
        let assertion = APP.assertion(&claims);
        let asked = join_all((0..10).map(|_| async { APP.send(&server, &assertion).await.status }));
        let statuses = asked.await;
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{level}: {statuses:?}"
        );
        assert!(
            statuses.iter().all(|status| matches!(status, 200 | 400 | 503)),
            "{level}: {statuses:?}"
        );
    }
}
