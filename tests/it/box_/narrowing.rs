//! Tokens that may do less, and tokens that are given back.
use super::*;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn narrow(server: &TestServer, token: &str, scope: &str, more: &[(&str, &str)]) -> Page {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("scope", scope),
    ];
    form.extend(more);
    let request = server.browser().request(Method::POST, "/oauth2/token").form(&form);
    // As the SDK does: the bearer itself, and no credentials of the application.
    server.browser().send(request.bearer_auth(token)).await
}

async fn narrowed(server: &TestServer, token: &str, scope: &str) -> String {
    let answer = narrow(server, token, scope, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["issued_token_type"], ACCESS_TOKEN);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn g23_the_scope_of_a_narrowed_token_never_grows() {
    let server = TestServer::start().await;
    let token = APP.enterprise_token(&server).await;
    let less = narrowed(&server, &token, "item_upload").await;
    assert_eq!(server.introspect(&less).await.json()["scope"], "item_upload");
    for scope in ["item_upload item_download", "root_readwrite", "openid item_upload", ""] {
        refused(&narrow(&server, &less, scope, &[]).await, "invalid_scope", "more than may be");
    }
    assert_eq!(narrow(&server, &less, "item_upload", &[]).await.status, 200);
}

#[tokio::test]
async fn g28_a_narrowed_token_ends_with_the_one_it_came_of() {
    let server = TestServer::start().await;
    let token = APP.enterprise_token(&server).await;
    server.db.advance("59 minutes").await;
    let answer = narrow(&server, &token, "item_upload", &[]).await.json();
    assert!(answer["expires_in"].as_i64().unwrap() <= 60, "{answer}");
    assert_eq!(answer.get("refresh_token"), None);
    let less = answer["access_token"].as_str().unwrap();
    let form = [("client_id", APP.id), ("client_secret", APP.secret), ("token", token.as_str())];
    let answer = server.browser().post_form("/oauth2/revoke", &form).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    for token in [&token, less] {
        assert_eq!(server.introspect(token).await.body, r#"{"active":false}"#);
    }
    refused(&narrow(&server, &token, "item_upload", &[]).await, "invalid_request", "subject_token");
}

#[tokio::test]
async fn g29_a_narrowed_token_is_no_way_to_lose_the_mark() {
    let server = TestServer::start().await;
    let token = APP.token(&server, "user", "usr_alice").await;
    let before = server.introspect(&token).await.json();
    let less = narrowed(&server, &token, "openid").await;
    let said = server.introspect(&less).await.json();
    for mark in ["act", "impersonated", "impersonator", "sub", "exp"] {
        assert_eq!(said[mark], before[mark], "{mark}");
    }
    server.db.sql("UPDATE settings SET impersonation_enabled = false").await;
    assert_eq!(server.introspect(&less).await.body, r#"{"active":false}"#);
}

#[tokio::test]
async fn g20_only_a_live_token_of_such_an_application_is_narrowed() {
    let server = TestServer::start().await;
    let machine = server.client_token("machine", "machine-secret").await;
    let legacy = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
    for token in ["x", "a.b.c", machine.as_str(), &legacy] {
        let answer = narrow(&server, token, "openid", &[]).await;
        refused(&answer, "invalid_request", "The subject_token is not valid");
    }
    let token = APP.enterprise_token(&server).await;
    let of_another = [("client_id", SMALL.id), ("client_secret", SMALL.secret)];
    let form =
        [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)];
    let form: Vec<_> = form.into_iter().chain([("scope", "openid")]).chain(of_another).collect();
    let answer = server.browser().post_form("/oauth2/token", &form).await;
    refused(&answer, "invalid_request", "The subject_token is not valid");
    let restricted = [("resource", "https://api.box.com/2.0/files/1")];
    let answer = narrow(&server, &token, "item_upload", &restricted).await;
    refused(&answer, "invalid_request", "by its scope only");
}

#[tokio::test]
async fn an_impersonation_is_over_with_the_token_it_was_begun_for() {
    let server = TestServer::start().await;
    let token = APP.token(&server, "user", "usr_alice").await;
    let less = narrowed(&server, &token, "openid").await;
    let active = "SELECT count(*) FROM impersonations WHERE status = 'active'";
    for (token, left) in [(&less, 1), (&token, 0)] {
        let form =
            [("client_id", APP.id), ("client_secret", APP.secret), ("token", token.as_str())];
        assert_eq!(server.browser().post_form("/oauth2/revoke", &form).await.status, 200);
        assert_eq!(server.db.count(active).await, left);
    }
    // Nor does one begin for a token that is not given.
    let mut form = vec![("grant_type", JWT_BEARER), ("client_id", APP.id), ("scope", "nonsense")];
    let assertion = APP.assertion(&APP.claims(&server, "user", "usr_alice").await);
    form.extend([("client_secret", APP.secret), ("assertion", assertion.as_str())]);
    let answer = server.browser().post_form("/oauth2/token", &form).await;
    refused(&answer, "invalid_scope", "more than may be granted");
    assert_eq!(server.db.count(active).await, 0);
}

#[tokio::test]
async fn a_token_is_given_back_by_its_application_only() {
    let server = TestServer::start().await;
    let token = APP.enterprise_token(&server).await;
    let revoke = async |app: App, secret: &str| {
        let form = [("client_id", app.id), ("client_secret", secret), ("token", token.as_str())];
        server.browser().post_form("/oauth2/revoke", &form).await
    };
    refused(&revoke(APP, "wrong").await, "invalid_client", "credentials are invalid");
    let answer = revoke(SMALL, SMALL.secret).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(server.introspect(&token).await.json()["active"], true);
    assert_eq!(revoke(APP, APP.secret).await.status, 200);
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
}
