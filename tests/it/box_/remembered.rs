//! What the server remembers of the directory, and that it is never a stale yes.
use super::people::{at_desk, cora, denied, get, userinfo_as};
use crate::support::TestServer;

/// What takes the right away, and what gives it back.
const CHANGES: &[(&str, &str)] = &[
    (
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        "UPDATE users SET status = 'active' WHERE id = 'usr_alice'",
    ),
    (
        "UPDATE users SET organization_id = 'org_globex' WHERE id = 'usr_alice'",
        "UPDATE users SET organization_id = 'org_acme' WHERE id = 'usr_alice'",
    ),
    (
        "UPDATE users SET email_verified = false WHERE id = 'usr_cora'",
        "UPDATE users SET email_verified = true WHERE id = 'usr_cora'",
    ),
    (
        "INSERT INTO user_roles VALUES ('usr_alice', 'admin')",
        "DELETE FROM user_roles WHERE user_id = 'usr_alice' AND role = 'admin'",
    ),
    (
        "DELETE FROM user_roles WHERE user_id = 'usr_cora'",
        "INSERT INTO user_roles VALUES ('usr_cora', 'coadmin')",
    ),
    (
        "UPDATE roles SET permissions = array_remove(permissions, 'users:write') WHERE name = 'coadmin'",
        "UPDATE roles SET permissions = permissions || '{users:write}' WHERE name = 'coadmin'",
    ),
    (
        "UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_acme'",
        "UPDATE organizations SET impersonation_enabled = true WHERE id = 'org_acme'",
    ),
    (
        "UPDATE clients SET box = jsonb_set(box, '{perform_actions_as_users}', 'false') WHERE id = 'desk'",
        "UPDATE clients SET box = jsonb_set(box, '{perform_actions_as_users}', 'true') WHERE id = 'desk'",
    ),
    (
        "UPDATE settings SET impersonation_enabled = false",
        "UPDATE settings SET impersonation_enabled = true",
    ),
];

#[tokio::test]
async fn what_is_remembered_is_forgotten_with_the_commit_that_changes_it() {
    let server = TestServer::start().await;
    for (change, back) in CHANGES {
        let token = cora(&server).await;
        // The first one reads, the second one remembers.
        for _ in 0..2 {
            let page = userinfo_as(&server, &token, "usr_alice").await;
            assert_eq!(page.status, 200, "before {change}: {page:?}");
        }
        server.db.sql(change).await;
        denied(&userinfo_as(&server, &token, "usr_alice").await);
        server.db.sql(back).await;
    }
}

/// Otherwise the test above would show nothing.
#[tokio::test]
async fn what_nobody_has_changed_is_not_read_again() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for _ in 0..2 {
        assert_eq!(userinfo_as(&server, &token, "usr_alice").await.json()["name"], "Alice Chen");
    }
    let unseen = "ALTER TABLE users DISABLE TRIGGER directory_changes; \
        UPDATE users SET name = 'Unseen' WHERE id = 'usr_alice'; \
        ALTER TABLE users ENABLE TRIGGER directory_changes";
    server.db.sql(unseen).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.json()["name"], "Alice Chen");
    server.db.sql("UPDATE users SET name = 'Seen' WHERE id = 'usr_alice'").await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.json()["name"], "Seen");
}

#[tokio::test]
async fn a_change_counts_from_its_commit_on_and_one_that_is_undone_never() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    let client = server.db.client().await;
    let change = "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'";
    for (end, status) in [("ROLLBACK", 200), ("COMMIT", 403)] {
        client.batch_execute(&format!("BEGIN; {change}")).await.unwrap();
        assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
        client.batch_execute(end).await.unwrap();
        assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, status, "{end}");
    }
}

/// The same for a link and for what came of it.
#[tokio::test]
async fn a_link_and_its_session_remember_nothing_that_has_changed() {
    let server = TestServer::start().await;
    let off = "UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_acme'";
    let on = "UPDATE organizations SET impersonation_enabled = true WHERE id = 'org_acme'";
    for _ in 0..2 {
        let link = server.link("legacy").await;
        server.db.sql(off).await;
        let page = server.browser().get(&link).await;
        assert_eq!(page.status, 403, "{page:?}");
        server.db.sql(on).await;
        let link = server.link("legacy").await;
        let page = server.browser().get(&link).await;
        let code = page.location_param("code").unwrap();
        server.db.sql(off).await;
        let answer = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_grant".into()));
        server.db.sql(on).await;
    }
}

/// Every column that the heart can see through the two views makes a new version when it changes.
#[tokio::test]
async fn every_column_that_is_remembered_is_watched() {
    let server = TestServer::start().await;
    let unwatched = "SELECT concat(seen.table_name, '.', seen.column_name) \
        FROM information_schema.view_column_usage seen \
        WHERE seen.view_name IN ('people', 'applications') AND NOT EXISTS ( \
          SELECT FROM information_schema.triggers t WHERE t.trigger_name = 'directory_changes' \
          AND t.event_object_table = seen.table_name AND t.event_manipulation = 'UPDATE' \
          AND seen.column_name IN (SELECT event_object_column \
            FROM information_schema.triggered_update_columns c \
            WHERE c.trigger_name = t.trigger_name AND c.event_object_table = t.event_object_table \
            UNION ALL SELECT seen.column_name WHERE NOT EXISTS (SELECT \
            FROM information_schema.triggered_update_columns c \
            WHERE c.trigger_name = t.trigger_name AND c.event_object_table = t.event_object_table)))";
    let rows = server.db.rows(unwatched).await;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(names.is_empty(), "{names:?}");
    let seen = "SELECT count(*) FROM information_schema.view_column_usage \
        WHERE view_name IN ('people', 'applications')";
    assert!(server.db.count(seen).await > 40);
}

#[tokio::test]
async fn a_sign_in_and_a_new_user_change_nothing_that_is_remembered() {
    let server = TestServer::start().await;
    let version = "SELECT version FROM directory_version";
    let before = server.db.count(version).await;
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 303);
    server.db.sql("INSERT INTO users (id, kind) VALUES ('usr_new', 'person')").await;
    assert_eq!(server.db.count(version).await, before);
    server.db.sql("UPDATE users SET name = 'New' WHERE id = 'usr_new'").await;
    assert!(server.db.count(version).await > before);
}

#[tokio::test]
async fn two_changes_wait_for_each_other_only_at_their_commits() {
    let server = TestServer::start().await;
    let (one, other) = (server.db.client().await, server.db.client().await);
    let rename = |id: &str| format!("UPDATE users SET name = 'Renamed' WHERE id = '{id}'");
    one.batch_execute(&format!("BEGIN; {}", rename("usr_alice"))).await.unwrap();
    // Would wait for the first, if that had the version already.
    let second = format!("SET lock_timeout = '20s'; BEGIN; {}", rename("usr_cora"));
    other.batch_execute(&second).await.unwrap();
    other.batch_execute("COMMIT").await.unwrap();
    one.batch_execute("COMMIT").await.unwrap();
    let token = cora(&server).await;
    let page = get(&server, "/userinfo", &token, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.json()["name"], "Renamed");
}

/// Whoever has a token, a session, a code or a refresh token is looked at anew as soon as anything about them has
/// changed, and shown as they are.
#[tokio::test]
async fn whoever_has_signed_in_is_seen_as_they_are_now() {
    const CALLBACK: &str = "http://127.0.0.1:9/callback";
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = async || {
        let asked =
            crate::faults::load::AUTHORIZE.replace("offline_access", "profile+offline_access");
        alice.get(&asked).await.location_param("code")
    };
    let tokens = server.exchange("orders", &code().await.unwrap(), CALLBACK).await.json();
    let (token, refresh) = (&tokens["access_token"], &tokens["refresh_token"]);
    let (token, refresh) = (token.as_str().unwrap(), refresh.as_str().unwrap());
    let account = async || alice.open("/account").await.body;
    for name in ["Alice Chen", "Alice Renamed"] {
        server.db.sql(&format!("UPDATE users SET name = '{name}' WHERE id = 'usr_alice'")).await;
        for _ in 0..2 {
            assert_eq!(server.userinfo(token).await.json()["name"], name);
            assert!(account().await.contains(name));
        }
    }
    let box_ = at_desk(&server, "alice@acme.test").await;
    let phone = async || get(&server, "/2.0/users/me", &box_, &[]).await.json()["phone"].clone();
    for number in ["1", "2"] {
        let set =
            format!("UPDATE users SET box = '{{\"phone\": \"{number}\"}}' WHERE id = 'usr_alice'");
        server.db.sql(&set).await;
        assert_eq!((phone().await, phone().await), (number.into(), number.into()));
    }
    for (off, on) in [
        (
            "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
            "UPDATE users SET status = 'active' WHERE id = 'usr_alice'",
        ),
        (
            "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
            "UPDATE organizations SET status = 'active' WHERE id = 'org_acme'",
        ),
    ] {
        let waiting = code().await.unwrap();
        server.db.sql(off).await;
        assert_eq!(server.userinfo(token).await.status, 401, "{off}");
        assert_eq!(server.introspect(token).await.json()["active"], false, "{off}");
        assert!(!account().await.contains("Alice"), "{off}");
        assert_eq!(code().await, None, "{off}");
        assert_eq!(server.exchange("orders", &waiting, CALLBACK).await.status, 400, "{off}");
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("refresh_token", refresh),
        ];
        let page = server.browser().post_form("/oauth/token", &form).await;
        assert_eq!(page.status, 400, "{off}: {page:?}");
        server.db.sql(on).await;
        assert_eq!(server.userinfo(token).await.status, 200, "{on}");
    }
    server.db.sql("DELETE FROM users WHERE id = 'usr_alice'").await;
    assert_eq!(server.userinfo(token).await.status, 401);
    assert!(!account().await.contains("Alice"));
}
