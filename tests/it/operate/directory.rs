//! `apply`: what a file says, and what it leaves alone.
use crate::support::node::{Said, program, run_with};
use crate::support::{TestDb, TestServer};

fn apply(db: &TestDb, text: &str, flags: &[&str]) -> Said {
    let mut command = program(&db.url, "http://127.0.0.1:1");
    command.args(["apply", "-f", "-"]).args(flags);
    run_with(command, &format!("version: 1\n{text}"))
}

async fn row(db: &TestDb, table: &str, id: &str) -> serde_json::Value {
    let text = format!("SELECT row_to_json(t)::text FROM {table} t WHERE id = '{id}'");
    let mut row: serde_json::Value = serde_json::from_str(&db.text(&text).await).unwrap();
    row.as_object_mut().unwrap().remove("updated_at");
    row
}

const WHOLE: &str = "
organizations: [{id: org_x, name: The X, status: active, impersonation: {enabled: false}}]
roles: [{name: helper, permissions: ['users:read'], rank: 7}]
users:
  - {id: usr_x, email: x@x.test, email_verified: false, name: X, nickname: x, organization: org_x, roles: [helper],
     password: first-password-1, user_metadata: {a: 1}, picture: 'https://x.test/p.png'}
clients:
  - client_id: app_x
    kind: web
    name: App X
    organization: org_x
    client_secret: first-secret
    redirect_uris: ['https://x.test/cb']
    initiate_login_uri: https://x.test/start
    scopes: ['openid']
    access_token_lifetime: 120
    grant_types: [authorization_code]
    impersonation: {enabled: false, redeem: direct, unsolicited: false}
  - {client_id: sp_x, kind: saml, saml: {entity_id: 'urn:x', acs_urls: ['https://x.test/acs'], sign_response: false}}
";

#[tokio::test]
async fn l03_a_key_that_is_left_out_stays_as_it_is() {
    let db = TestDb::create();
    let said = apply(&db, WHOLE, &[]);
    assert!(said.success, "{said:?}");
    let rows = async || {
        let mut rows = Vec::new();
        for (table, id) in [
            ("organizations", "org_x"),
            ("users", "usr_x"),
            ("clients", "app_x"),
            ("clients", "sp_x"),
        ] {
            rows.push(row(&db, table, id).await);
        }
        rows.push(
            db.text("SELECT row_to_json(r)::text FROM roles r WHERE name = 'helper'").await.into(),
        );
        rows.push(
            db.text("SELECT string_agg(role, ',') FROM user_roles WHERE user_id = 'usr_x'")
                .await
                .into(),
        );
        rows
    };
    let before = rows().await;
    for small in [
        "organizations: [{id: org_x}]",
        "roles: [{name: helper}]",
        "users: [{id: usr_x}]",
        "users: [{email: x@x.test}]",
        "clients: [{client_id: app_x}]",
        "clients: [{client_id: app_x, kind: web, impersonation: {}}]",
        "clients: [{client_id: sp_x}]",
        "clients: [{client_id: sp_x, saml: {}}]",
    ] {
        let said = apply(&db, small, &[]);
        assert!(
            said.success && said.out.contains("0 to create, 0 to update, 0 to delete, 1 unchanged"),
            "{small}: {said:?}"
        );
        assert_eq!(rows().await, before, "{small}");
    }
}

#[tokio::test]
async fn l03_what_is_named_changes_and_nothing_beside_it() {
    let db = TestDb::create();
    assert!(apply(&db, WHOLE, &[]).success);
    for (small, line) in [
        ("organizations: [{id: org_x, name: Y}]", "name: The X -> Y"),
        ("roles: [{name: helper, rank: 8}]", "rank: 7 -> 8"),
        ("users: [{id: usr_x, name: Y}]", "name: X -> Y"),
        ("users: [{email: x@x.test, nickname: y}]", "nickname: x -> y"),
        ("clients: [{client_id: app_x, name: Y}]", "name: App X -> Y"),
        (
            "clients: [{client_id: app_x, impersonation: {redeem: confirm}}]",
            "impersonation.redeem: direct -> confirm",
        ),
        ("clients: [{client_id: sp_x, saml: {acs_urls: ['https://x.test/2']}}]", "saml.acs_urls"),
    ] {
        let said = apply(&db, small, &[]);
        assert!(said.success, "{small}: {said:?}");
        let first = said.out.lines().next().unwrap();
        assert!(first.ends_with(line) || first.contains("saml.acs_urls"), "{small}: {first}");
        assert!(first.matches(": ").count() <= 2 && !first.contains("enabled"), "{small}: {first}");
    }
    // `null` is the default.
    let said = apply(
        &db,
        "organizations: [{id: org_x, impersonation: null}]\nusers: [{id: usr_x, nickname: null, roles: null, \
         user_metadata: null}]\nclients: [{client_id: app_x, access_token_lifetime: null}]",
        &[],
    );
    assert!(said.success, "{said:?}");
    for line in [
        "impersonation.enabled: false -> true",
        "nickname: y -> none",
        "roles: [\"helper\"] -> []",
        "user_metadata",
        "access_token_lifetime: 120 -> 3600",
    ] {
        assert!(said.out.contains(line), "{line}: {said:?}");
    }
}

#[tokio::test]
async fn l03_names_are_those_of_the_file_or_of_the_database() {
    let db = TestDb::create();
    let small = "users: [{id: usr_new, email: new@acme.test, organization: org_acme, roles: [support]}]\n\
                 clients: [{client_id: app_new, kind: web, organization: org_acme, redirect_uris: ['https://n.test/']}]";
    assert!(apply(&db, small, &["--dry-run"]).success);
    let before = row(&db, "organizations", "org_acme").await;
    let said = apply(&db, small, &[]);
    assert!(said.success && said.out.starts_with("create "), "{said:?}");
    assert_eq!(row(&db, "organizations", "org_acme").await, before);
    // What is in neither is a mistake, with its line; so is what would be pruned.
    let text = "users:\n  - {id: u, email: u@x.test, organization: org_nowhere}\n  - {id: v, email: v@x.test, roles: [nobody]}";
    let said = apply(&db, text, &[]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.err.contains("line 3: users[0].organization: there is no organization `org_nowhere`"),
        "{said:?}"
    );
    assert!(said.err.contains("line 4: users[1].roles[0]: there is no role `nobody`"), "{said:?}");
    let said = apply(&db, small, &["--prune", "--dry-run"]);
    assert!(!said.success && said.err.contains("there is no organization `org_acme`"), "{said:?}");
    // An application that is in neither has to say of what kind it is.
    let said = apply(&db, "clients: [{client_id: app_newer, name: N}]", &[]);
    assert!(!said.success && said.err.contains("`kind` is missing"), "{said:?}");
}

#[tokio::test]
async fn l04_passwords_and_secrets_of_a_file_are_those_of_the_beginning() {
    let server = TestServer::start().await;
    let db = &server.db;
    assert!(apply(db, WHOLE, &[]).success);
    let hash = "SELECT password_hash FROM credentials WHERE user_id = 'usr_x'";
    let secret = "SELECT encode(secret_hash, 'hex') FROM client_secrets WHERE client_id = 'app_x'";
    let (first, first_secret) = (db.text(hash).await, db.text(secret).await);
    let other = WHOLE
        .replace("first-password-1", "second-password-2")
        .replace("first-secret", "second-secret");
    let said = apply(db, &other, &[]);
    assert!(said.out.contains("0 to create, 0 to update"), "{said:?}");
    assert_eq!((db.text(hash).await, db.text(secret).await), (first.clone(), first_secret.clone()));
    let insisting = other
        .replace("password: second", "password_reset: true, password: second")
        .replace("client_secret: second", "client_secret_reset: true\n    client_secret: second");
    let said = apply(db, &insisting, &[]);
    assert!(said.success && said.out.contains("2 to update"), "{said:?}");
    assert_ne!(db.text(hash).await, first);
    assert_ne!(db.text(secret).await, first_secret);
    let browser = server.browser();
    browser.sign_in("x@x.test", "second-password-2").await;
    assert_eq!(browser.get("/account").await.status, 200);
    assert!(apply(db, &insisting, &[]).out.contains("0 to create, 0 to update"), "idempotent");
    let said = apply(db, "users: [{id: usr_x, password_reset: true}]", &[]);
    assert!(!said.success && said.err.contains("password_reset"), "{said:?}");
}
