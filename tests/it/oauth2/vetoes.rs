//! Whatever a token hangs on may go in any way, by plain SQL too: the token is refused at its very next use.
use super::*;

/// Who goes, by which SQL, and what brings them back if anything does.
const LOSSES: &[(&str, &str, Option<&str>)] = &[
    (
        "user",
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        Some("UPDATE users SET status = 'active' WHERE id = 'usr_alice'"),
    ),
    (
        "organization",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
        Some("UPDATE organizations SET status = 'active' WHERE id = 'org_acme'"),
    ),
    (
        "client",
        "UPDATE clients SET status = 'inactive' WHERE id = 'orders'",
        Some("UPDATE clients SET status = 'active' WHERE id = 'orders'"),
    ),
    (
        "organization that the user is moved to",
        "INSERT INTO organizations (id, name, status) VALUES ('org_shut', 'Shut', 'inactive'); \
         UPDATE users SET organization_id = 'org_shut' WHERE id = 'usr_alice'",
        Some("UPDATE users SET organization_id = 'org_acme' WHERE id = 'usr_alice'"),
    ),
    // For good, even if somebody takes the mark away.
    (
        "grant",
        "UPDATE authorization_codes SET revoked_at = clock_now(); \
         UPDATE authorization_codes SET revoked_at = NULL",
        None,
    ),
    ("session", "UPDATE sessions SET ended_at = clock_now()", None),
    ("session's row", "DELETE FROM sessions", None),
    ("sessions, all at once", "TRUNCATE sessions CASCADE", None),
    ("grant's row", "DELETE FROM authorization_codes", None),
    ("grants, all at once", "TRUNCATE authorization_codes CASCADE", None),
    ("user's row", "DELETE FROM users WHERE id = 'usr_alice'", None),
    ("client's row", "DELETE FROM clients WHERE id = 'orders'", None),
    (
        "client's id",
        "DELETE FROM client_secrets; UPDATE clients SET id = 'other' WHERE id = 'orders'",
        None,
    ),
    ("token", "UPDATE access_tokens SET revoked_at = clock_now()", None),
];

async fn alices_token(server: &TestServer) -> String {
    let tokens = server.alices_tokens("openid email").await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

async fn is_live(server: &TestServer, token: &str) -> bool {
    let (shown, introspected) = (server.userinfo(token).await, server.introspect(token).await);
    let live = shown.status == 200;
    assert_eq!(
        introspected.json()["active"],
        live,
        "both say the same: {shown:?} {introspected:?}"
    );
    live
}

#[tokio::test]
async fn a21_whoever_is_switched_off_by_plain_sql_refuses_at_the_next_use() {
    for (who, gone, back) in LOSSES {
        let server = TestServer::start().await;
        let token = alices_token(&server).await;
        assert!(is_live(&server, &token).await, "{who}: before");
        server.db.sql(gone).await;
        assert!(!is_live(&server, &token).await, "{who}: gone");
        if let Some(back) = back {
            server.db.sql(back).await;
            assert!(is_live(&server, &token).await, "{who}: back");
        }
    }
}

#[tokio::test]
async fn a_change_that_is_taken_back_leaves_no_veto() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    server
        .db
        .sql(
            "BEGIN; UPDATE sessions SET ended_at = clock_now(); \
             UPDATE clients SET status = 'inactive' WHERE id = 'orders'; ROLLBACK",
        )
        .await;
    assert!(is_live(&server, &token).await);
}

#[tokio::test]
async fn one_that_has_the_id_of_another_thing_vetoes_nothing() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    server
        .db
        .sql("INSERT INTO organizations (id, name, status) VALUES ('orders', 'Orders', 'inactive')")
        .await;
    assert!(is_live(&server, &token).await);
}

#[tokio::test]
async fn a_veto_that_no_token_needs_any_more_is_forgotten() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    server
        .db
        .sql(
            "UPDATE sessions SET ended_at = clock_now(); \
             UPDATE clients SET status = 'inactive' WHERE id = 'portal'; DELETE FROM clients WHERE id = 'legacy'",
        )
        .await;
    let left = "SELECT coalesce(string_agg(kind, ' ' ORDER BY kind, id), '') FROM vetoes";
    assert_eq!(server.db.text(left).await, "client client session");
    let conn = understudy::store::connection::pool::connect(&server.db.url).await.unwrap();
    understudy::store::tokens::revocations::delete_needless(&conn).await.unwrap();
    assert_eq!(server.db.text(left).await, "client client session", "not too soon");
    server.db.advance("49 hours").await;
    understudy::store::tokens::revocations::delete_needless(&conn).await.unwrap();
    assert_eq!(
        server.db.text(left).await,
        "client",
        "an inactive one stays for as long as it is there"
    );
    assert!(!is_live(&server, &token).await);
}
