//! Giving a token back.
use super::*;

async fn gives_back(server: &TestServer, client: &str, token: &str) -> Page {
    let secret = format!("{client}-secret");
    let form = [("token", token), ("client_id", client), ("client_secret", secret.as_str())];
    server.browser().post_form("/oauth/revoke", &form).await
}

#[tokio::test]
async fn c67_an_access_token_ends_alone() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid offline_access").await;
    let token = text(&tokens, "access_token");
    for _ in 0..2 {
        let answer = gives_back(&server, "orders", token).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    assert_eq!(server.userinfo(token).await.status, 401);
    assert_eq!(server.refresh(text(&tokens, "refresh_token"), &[]).await.status, 200);
}

#[tokio::test]
async fn c67_a_refresh_token_takes_its_access_tokens_along() {
    let server = TestServer::start().await;
    let first = server.alices_tokens("openid offline_access").await;
    let second = server.refresh(text(&first, "refresh_token"), &[]).await.json();
    let answer = gives_back(&server, "orders", text(&second, "refresh_token")).await;
    assert_eq!(answer.status, 200);
    for tokens in [&first, &second] {
        assert_eq!(server.userinfo(text(tokens, "access_token")).await.status, 401);
    }
    let answer = server.refresh(text(&second, "refresh_token"), &[]).await;
    refused(&answer, 400, "invalid_grant");
}

#[tokio::test]
async fn c67_a_jwt_ends_too() {
    let server = TestServer::start().await;
    let code = server.alice().await.code(&[("audience", "https://orders.test/api")]).await;
    let of_alice = server.redeem(&code).await.json();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("audience", "https://jobs.test/api"),
    ];
    let of_itself = server.token(&form).await.json();
    for (client, tokens) in [("orders", &of_alice), ("machine", &of_itself)] {
        let token = text(tokens, "access_token");
        assert_eq!(server.introspect(token).await.json()["active"], true);
        for _ in 0..2 {
            assert_eq!(gives_back(&server, client, token).await.status, 200);
        }
        assert_eq!(server.introspect(token).await.body, r#"{"active":false}"#, "{client}");
    }
}

#[tokio::test]
async fn c67_what_is_not_its_own_stays_and_nothing_is_said() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid offline_access").await;
    let jwt_form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("audience", "https://jobs.test/api"),
    ];
    let jwt = server.token(&jwt_form).await.json();
    let access = text(&tokens, "access_token");
    for token in
        [access, text(&tokens, "refresh_token"), text(&jwt, "access_token"), "unknown", "a.b.c"]
    {
        let answer = gives_back(&server, "invoices", token).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    assert_eq!(server.userinfo(access).await.status, 200);
    assert_eq!(server.introspect(text(&jwt, "access_token")).await.json()["active"], true);
    assert_eq!(server.refresh(text(&tokens, "refresh_token"), &[]).await.status, 200);
    let nobody = server.browser().post_form("/oauth/revoke", &[("token", access)]).await;
    refused(&nobody, 401, "invalid_client");
    let nothing = [("client_id", "orders"), ("client_secret", "orders-secret")];
    refused(&server.browser().post_form("/oauth/revoke", &nothing).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_public_application_gives_its_own_back() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = alice
        .code(&[
            ("client_id", "spa"),
            ("redirect_uri", "http://127.0.0.1:9/spa"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
        .await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code.as_str()),
        ("redirect_uri", "http://127.0.0.1:9/spa"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = server.token(&form).await.json();
    let access = text(&tokens, "access_token");
    let form = [("token", access), ("client_id", "spa")];
    assert_eq!(server.browser().post_form("/oauth/revoke", &form).await.status, 200);
    assert_eq!(server.userinfo(access).await.status, 401);
}
