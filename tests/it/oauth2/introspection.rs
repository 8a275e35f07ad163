//! What a token stands for, for applications that were given one.
use super::*;
use serde_json::json;

const NO: &str = r#"{"active":false}"#;

async fn asks(server: &TestServer, client: &str, token: &str) -> Page {
    let secret = format!("{client}-secret");
    let form = [("token", token), ("client_id", client), ("client_secret", secret.as_str())];
    server.browser().post_form("/oauth/introspect", &form).await
}

#[tokio::test]
async fn an_application_sees_what_its_token_stands_for() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid email").await;
    let answer = asks(&server, "orders", text(&tokens, "access_token")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let seen = answer.json();
    for (name, value) in [
        ("active", json!(true)),
        ("iss", json!(server.url)),
        ("sub", json!("usr_alice")),
        ("client_id", json!("orders")),
        ("scope", json!("openid email")),
        ("token_type", json!("Bearer")),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    let lifetime = seen["exp"].as_i64().unwrap() - seen["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 3600);
    for absent in ["act", "impersonated", "impersonator", "email", "name"] {
        assert_eq!(seen.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn c66_whoever_asks_shows_who_they_are() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid").await;
    let token = text(&tokens, "access_token");
    for form in [
        &[("token", token)][..],
        &[("token", token), ("client_id", "machine")],
        &[("token", token), ("client_id", "machine"), ("client_secret", "wrong")],
        &[("token", token), ("client_id", "spa")],
    ] {
        let answer = server.browser().post_form("/oauth/introspect", form).await;
        refused(&answer, 401, "invalid_client");
    }
    let client = [("client_id", "machine"), ("client_secret", "machine-secret")];
    let nothing = server.browser().post_form("/oauth/introspect", &client).await;
    refused(&nothing, 400, "invalid_request");
}

#[tokio::test]
async fn c66_what_is_not_live_is_inactive_and_nothing_else() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, "openid offline_access").await;
    for other in [
        "garbage",
        "a.b.c",
        "..",
        "\u{fffd}",
        &"x".repeat(20_000),
        text(&tokens, "id_token"),
        text(&tokens, "refresh_token"),
    ] {
        let answer = server.introspect(other).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, NO), "{other:.20}");
    }
    let token = text(&tokens, "access_token");
    // Somebody else's web application is told no more than that.
    assert_eq!(asks(&server, "invoices", token).await.body, NO);
    assert_eq!(asks(&server, "stranger", token).await.body, NO);
    assert_eq!(asks(&server, "globex-shop", token).await.status, 401, "its secret is another");
    assert_eq!(asks(&server, "orders", token).await.json()["active"], true);
    server.db.advance("3601 seconds").await;
    assert_eq!(asks(&server, "orders", token).await.body, NO);
}

#[tokio::test]
async fn c66_whatever_ends_a_token_is_seen_at_once() {
    for change in [
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
        "UPDATE authorization_codes SET revoked_at = clock_now()",
        "UPDATE access_tokens SET revoked_at = clock_now()",
        "UPDATE sessions SET ended_at = clock_now()",
    ] {
        let server = TestServer::start().await;
        let alice = server.alice().await;
        let opaque = server.tokens_for(&alice, "openid").await;
        let code = alice.code(&[("audience", "https://orders.test/api")]).await;
        let jwt = server.redeem(&code).await.json();
        for tokens in [&opaque, &jwt] {
            let token = text(tokens, "access_token");
            assert_eq!(server.introspect(token).await.json()["active"], true, "{change}");
        }
        server.db.sql(change).await;
        for tokens in [&opaque, &jwt] {
            assert_eq!(server.introspect(text(tokens, "access_token")).await.body, NO, "{change}");
        }
    }
}

#[tokio::test]
async fn c66_an_outage_is_no_answer() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid").await;
    let token = text(&tokens, "access_token");
    assert_eq!(server.introspect(token).await.json()["active"], true);
    server.db.sql("ALTER TABLE access_tokens RENAME TO elsewhere").await;
    for answer in [server.introspect(token).await, server.userinfo(token).await] {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
        assert!(!answer.body.contains("active"), "{}", answer.body);
        assert!(!answer.body.contains("access_tokens"), "{}", answer.body);
    }
    server.db.sql("ALTER TABLE elsewhere RENAME TO access_tokens").await;
    assert_eq!(server.introspect(token).await.json()["active"], true);
}
