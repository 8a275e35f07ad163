//! `apply` and `export` against a database.
use super::support::TestDb;
use understudy::provision::{self, File, Plan, ProvisionError, Prune};
use understudy::store;

const DIRECTORY: &str = include_str!("support/directory.yaml");

fn file(text: &str) -> File {
    provision::read(text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

async fn try_apply(db: &TestDb, text: &str, prune: Prune) -> Result<Plan, ProvisionError> {
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    provision::apply_to(&mut conn, &file(text), prune).await
}

async fn apply(db: &TestDb, text: &str, prune: Prune) -> String {
    try_apply(db, text, prune).await.unwrap().to_string()
}

async fn export(db: &TestDb) -> String {
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    provision::export_from(&mut conn).await.unwrap()
}

async fn events(db: &TestDb) -> Vec<String> {
    let rows = db
        .rows(
            "SELECT concat_ws(' ', type, actor, coalesce(subject, client_id, organization_id, \
             detail ->> 'role', detail ->> 'settings'), detail ->> 'action', detail -> 'changed') \
             FROM audit_events ORDER BY seq",
        )
        .await;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Only what this test did.
async fn new_events(db: &TestDb, before: usize) -> Vec<String> {
    events(db).await.split_off(before)
}

async fn migrated() -> TestDb {
    let db = TestDb::empty();
    store::connection::pool::migrate(&db.url).await.unwrap();
    db
}

#[tokio::test]
async fn applying_a_file_twice_changes_nothing_and_leaves_no_trace() {
    let db = TestDb::create();
    let before = (events(&db).await, everything(&db).await);
    let plan = apply(&db, DIRECTORY, Prune::Yes).await;
    assert!(plan.starts_with("0 to create, 0 to update, 0 to delete, "), "{plan}");
    assert_eq!((events(&db).await, everything(&db).await), before);
}

/// Rows with the times at which they were written.
async fn everything(db: &TestDb) -> Vec<String> {
    let rows = db
        .rows(
            "SELECT row_to_json(t)::text FROM users t UNION ALL SELECT row_to_json(t)::text FROM clients t \
             UNION ALL SELECT row_to_json(t)::text FROM organizations t \
             UNION ALL SELECT row_to_json(t)::text FROM roles t \
             UNION ALL SELECT row_to_json(t)::text FROM user_roles t \
             UNION ALL SELECT row_to_json(t)::text FROM credentials t \
             UNION ALL SELECT row_to_json(t)::text FROM client_secrets t ORDER BY 1",
        )
        .await;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_dry_run_tells_and_does_nothing() {
    let db = migrated().await;
    let conn = store::connection::pool::connect(&db.url).await.unwrap();
    let told = provision::plan(&conn, &file(DIRECTORY), Prune::Yes).await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM users").await, 0);
    assert!(events(&db).await.is_empty());
    assert_eq!(apply(&db, DIRECTORY, Prune::Yes).await, told.to_string());
}

#[tokio::test]
async fn every_change_is_done_and_has_its_event() {
    let db = migrated().await;
    let first = "version: 1
organizations: [{id: acme}, {id: gone}]
roles: [{name: billing}, {name: gone}]
users:
  - {id: a, email: a@acme.test, password: one, organization: acme, user_metadata: {x: 1}}
  - {id: b, email: b@acme.test, organization: gone, roles: [gone, support]}
  - {id: c, email: c@acme.test, password: three}
clients:
  - {client_id: shop, kind: web, client_secret: one}
  - {client_id: gone, kind: spa, organization: gone}
";
    apply(&db, first, Prune::No).await;
    db.sql("UPDATE users SET status = 'inactive' WHERE id = 'a'").await;
    let before = events(&db).await.len();
    assert_eq!(before, 9);
    let second = "version: 1
settings: {impersonation: {enabled: false}}
organizations: [{id: acme, impersonation: {enabled: false}}]
roles: [{name: billing, rank: 2}]
users:
  - {email: A@ACME.test, password: one, organization: acme, roles: [billing]}
  - {id: c, email: c@acme.test, password: four, password_reset: true}
clients:
  - {client_id: shop, kind: web, client_secret: two, client_secret_reset: true}
";
    apply(&db, second, Prune::Yes).await;
    assert_eq!(
        new_events(&db, before).await,
        [
            "user.changed cli b delete",
            "application.changed cli gone delete",
            "organization.changed cli impersonation update [\"impersonation.enabled\"]",
            "organization.changed cli acme update [\"impersonation.enabled\"]",
            "role.changed cli billing update [\"rank\"]",
            "user.changed cli a update [\"email\", \"roles\"]",
            "user.changed cli c update [\"password\"]",
            "application.changed cli shop update [\"client_secret\"]",
            "organization.changed cli gone delete",
            "role.changed cli gone delete",
        ]
    );
    // What others change in daily work stays.
    let a = "SELECT concat_ws(' ', email, email_canonical, status, user_metadata) FROM users WHERE id = 'a'";
    assert_eq!(db.text(a).await, "A@ACME.test a@acme.test inactive {\"x\": 1}");
    assert_eq!(db.count("SELECT count(*) FROM client_secrets").await, 1);
    assert_eq!(db.count("SELECT count(*) FROM roles WHERE built_in").await, 4);
    let plan = apply(&db, second, Prune::Yes).await;
    assert!(plan.starts_with("0 to create, 0 to update, 0 to delete, "), "{plan}");
}

#[tokio::test]
async fn an_impossible_file_changes_nothing_at_all() {
    let db = TestDb::create();
    let before = (events(&db).await, everything(&db).await);
    let text = "version: 1
organizations: [{id: new}]
users: [{id: usr_impostor, email: ALICE@acme.test}]
";
    let refused = try_apply(&db, text, Prune::No).await.unwrap_err().to_string();
    assert!(refused.contains("`usr_impostor` belongs to user `usr_alice`"), "{refused}");
    // Refused by the database itself, after other rows were written.
    db.sql("ALTER TABLE clients ADD CHECK (id <> 'last')").await;
    let text = "version: 1
organizations: [{id: new}]
clients: [{client_id: last, kind: spa}]
";
    assert!(try_apply(&db, text, Prune::No).await.is_err());
    assert_eq!((events(&db).await, everything(&db).await), before);
}

#[tokio::test]
async fn two_people_can_change_addresses() {
    let db = migrated().await;
    let people = |a: &str, b: &str| {
        format!("version: 1\nusers: [{{id: a, email: {a}@x.test}}, {{id: b, email: {b}@x.test}}]\n")
    };
    apply(&db, &people("one", "two"), Prune::No).await;
    apply(&db, &people("two", "one"), Prune::No).await;
    assert_eq!(db.text("SELECT email FROM users WHERE id = 'a'").await, "two@x.test");
    assert_eq!(db.text("SELECT email FROM users WHERE id = 'b'").await, "one@x.test");
}

#[tokio::test]
async fn an_export_makes_the_same_directory_elsewhere() {
    let (db, other) = (TestDb::create(), migrated().await);
    let exported = export(&db).await;
    assert!(!exported.contains("argon2") && !exported.contains("-secret"), "{exported}");
    let plan = apply(&db, &exported, Prune::Yes).await;
    assert!(plan.starts_with("0 to create, 0 to update, 0 to delete, "), "{plan}");
    apply(&other, &exported, Prune::Yes).await;
    assert_eq!(export(&other).await, exported);
}

/// Alice is signed in, and Sam acts as her.
const IN_USE: &str = "
INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at)
    SELECT id, sha256(id::bytea), id, clock_now(), clock_now(), clock_now() + interval '1 day'
    FROM users WHERE id IN ('usr_sam', 'usr_alice');
INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, redirect_uri, scope,
        authenticated_at, expires_at)
    VALUES ('grant', sha256('g'), 'orders', 'usr_alice', 'usr_alice', 'x', 'openid', clock_now(), clock_now());
INSERT INTO impersonations (id, status, channel, protocol, mode, actor_id, subject_id, client_id,
        requested_by, request, redeem, duration_seconds, ticket_hash, link_expires_at, redeemed_at,
        actor_proof, actor_session_id, ends_at, last_seen_at)
    SELECT 'imp_1', 'active', 'link', 'oauth2', 'full', 'usr_sam', 'usr_alice', 'orders', 'global',
        '{\"protocol\": \"oauth2\", \"client\": \"orders\", \"return_url\": \"http://127.0.0.1:9/callback\", \
        \"response_mode\": \"query\", \"scope\": \"openid\"}', 'confirm', 600,
        sha256('t'), clock_now() + interval '60 seconds', clock_now(), 'session', 'usr_sam',
        clock_now() + interval '10 minutes', clock_now();
INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at,
        impersonation_id, impersonator, bound_client_id)
    SELECT 'acting', sha256('a'), 'usr_alice', clock_now(), clock_now(), clock_now() + interval '10 minutes',
        'imp_1', '{\"user_id\": \"usr_sam\"}', 'orders';
";

async fn in_use() -> TestDb {
    let db = TestDb::create();
    db.sql(IN_USE).await;
    db
}

async fn end_of_impersonation(db: &TestDb) -> String {
    db.text("SELECT concat_ws(' ', status, end_reason) FROM impersonations WHERE id = 'imp_1'")
        .await
}

#[tokio::test]
async fn a49_a_new_password_signs_out_everywhere_and_ends_impersonations() {
    let db = in_use().await;
    apply(&db, DIRECTORY, Prune::No).await;
    assert_eq!(end_of_impersonation(&db).await, "active");
    let reset = "password: another-one\n    password_reset: true";
    let text = DIRECTORY.replace("password: alice-password", reset);
    apply(&db, &text, Prune::No).await;
    assert_eq!(end_of_impersonation(&db).await, "ended subject_changed");
    let open = "SELECT count(*) FROM sessions WHERE user_id = 'usr_alice' AND ended_at IS NULL";
    assert_eq!(db.count(open).await, 0);
    let grants = "SELECT count(*) FROM authorization_codes WHERE revoked_at IS NULL";
    assert_eq!(db.count(grants).await, 0);
    let sam = "SELECT count(*) FROM sessions WHERE user_id = 'usr_sam' AND ended_at IS NULL";
    assert_eq!(db.count(sam).await, 1);
}

#[tokio::test]
async fn a18_an_agent_who_is_shut_out_acts_no_more() {
    let db = in_use().await;
    let text = DIRECTORY.replace("roles: [support]}", "roles: [support], status: inactive}");
    apply(&db, &text, Prune::No).await;
    assert_eq!(end_of_impersonation(&db).await, "ended actor_revoked");
    assert!(
        db.trail().await.contains(&"impersonation.ended cli->usr_alice (actor_revoked)".to_owned())
    );
}

#[tokio::test]
async fn pruning_removes_people_and_applications_and_keeps_the_history() {
    let db = in_use().await;
    // Somebody is always left who administers the installation.
    let root =
        "version: 1\nusers:\n  - {id: usr_root, email: root@understudy.test, roles: [admin]}\n";
    apply(&db, root, Prune::Yes).await;
    assert_eq!(db.text("SELECT string_agg(id, ' ') FROM users").await, "usr_root");
    for table in ["clients", "organizations", "sessions", "authorization_codes"] {
        assert_eq!(db.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(db.count("SELECT count(*) FROM roles WHERE NOT built_in").await, 0);
    assert!(end_of_impersonation(&db).await.starts_with("ended "));
}
