//! Who the user is, for whoever holds a token of theirs.
use super::*;
use reqwest::Method;
use serde_json::json;

fn challenged(answer: &Page, error: &str) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer") && challenge.contains(error), "{challenge}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn c65_a_token_goes_in_the_header_or_in_a_posted_form() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid").await;
    let token = text(&tokens, "access_token");
    let browser = server.browser();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        for method in [Method::GET, Method::POST] {
            let request = browser.request(method, "/userinfo");
            let answer =
                browser.send(request.header("authorization", format!("{scheme} {token}"))).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.json(), json!({"sub": "usr_alice"}));
        }
    }
    let posted = browser.post_form("/userinfo", &[("access_token", token)]).await;
    assert_eq!(posted.status, 200, "{}", posted.body);
    assert_eq!(posted.header("cache-control"), Some("no-store"));
    let request = browser.request(Method::POST, "/userinfo").bearer_auth(token);
    let twice = browser.send(request.form(&[("access_token", token)])).await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn c65_whatever_is_no_live_access_token_is_refused() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid offline_access").await;
    let token = text(&tokens, "access_token");
    let browser = server.browser();
    challenged(&browser.get(&format!("/userinfo?access_token={token}")).await, "Bearer");
    challenged(&browser.get("/userinfo").await, "Bearer");
    for value in
        [format!("Token {token}"), token.to_owned(), format!("Basic {token}"), "Bearer".to_owned()]
    {
        let request = browser.request(Method::GET, "/userinfo").header("authorization", &value);
        challenged(&browser.send(request).await, "Bearer");
    }
    for other in [
        text(&tokens, "id_token"),
        text(&tokens, "refresh_token"),
        "x",
        "a.b.c",
        &"x".repeat(20_000),
    ] {
        challenged(&server.userinfo(other).await, "invalid_token");
    }
    let machine = server.client_token("machine", "machine-secret").await;
    assert_eq!(server.userinfo(&machine).await.status, 403, "it speaks for nobody");
    let form = [("token", token), ("client_id", "orders"), ("client_secret", "orders-secret")];
    assert_eq!(server.browser().post_form("/oauth/revoke", &form).await.status, 200);
    challenged(&server.userinfo(token).await, "invalid_token");
}

#[tokio::test]
async fn c65_an_expired_token_is_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let opaque = server.tokens_for(&alice, "openid").await;
    let code = alice.code(&[("audience", &format!("{}/userinfo", server.url))]).await;
    let ours = server.redeem(&code).await.json();
    server.db.advance("3590 seconds").await;
    for tokens in [&opaque, &ours] {
        assert_eq!(server.userinfo(text(tokens, "access_token")).await.status, 200);
    }
    server.db.advance("11 seconds").await;
    for tokens in [&opaque, &ours] {
        challenged(&server.userinfo(text(tokens, "access_token")).await, "invalid_token");
    }
}

#[tokio::test]
async fn c65_without_openid_there_is_nothing_to_see() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("profile orders:read").await;
    assert_eq!(tokens.get("id_token"), None);
    let answer = server.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
}

#[tokio::test]
async fn c96_a_scope_gives_its_claims_and_no_more() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let profile = json!({
        "sub": "usr_alice", "name": "Alice Chen", "given_name": "Alice", "family_name": "Chen",
        "nickname": "ali", "picture": "https://acme.test/alice.png",
    });
    for (scope, expected) in [
        ("openid", json!({"sub": "usr_alice"})),
        ("openid profile", profile),
        (
            "openid email",
            json!({"sub": "usr_alice", "email": "alice@acme.test", "email_verified": true}),
        ),
        ("openid phone", json!({"sub": "usr_alice", "phone_number": "+15550100"})),
        ("openid address", json!({"sub": "usr_alice"})),
        ("openid unknown orders:read", json!({"sub": "usr_alice"})),
    ] {
        let tokens = server.tokens_for(&alice, scope).await;
        let answer = server.userinfo(text(&tokens, "access_token")).await;
        assert_eq!(answer.json(), expected, "{scope}");
    }
}

#[tokio::test]
async fn c96_somebody_with_no_profile_has_no_empty_claims() {
    let server = TestServer::start().await;
    server
        .db
        .sql(
            "UPDATE users SET name = NULL, given_name = NULL, family_name = NULL, nickname = NULL, \
              picture = NULL, phone_number = NULL WHERE id = 'usr_alice'",
        )
        .await;
    let tokens = server.alices_tokens("openid profile phone").await;
    let answer = server.userinfo(text(&tokens, "access_token")).await;
    assert_eq!(answer.json(), json!({"sub": "usr_alice"}));
}

#[tokio::test]
async fn whoever_is_gone_is_told_of_no_more() {
    for change in [
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
        "DELETE FROM users WHERE id = 'usr_alice'",
    ] {
        let server = TestServer::start().await;
        let tokens = server.alices_tokens("openid").await;
        server.db.sql(change).await;
        challenged(&server.userinfo(text(&tokens, "access_token")).await, "invalid_token");
    }
}
