//! What an application loses is lost by the tokens that it has.
use super::{change, token};
use crate::box_::people::{get, token_at};
use crate::support::TestServer;
use reqwest::Method;
use serde_json::Value;

const FILES: &str = "https%3A%2F%2Ffiles.test%2Fapi";

#[tokio::test]
async fn k05_an_audience_that_is_taken_from_the_application_is_taken_from_its_tokens() {
    let server = TestServer::start().await;
    let more = format!("&scope=openid%20files%3Aread&audience={FILES}");
    let jwt = token_at(&server, "cora@acme.test", "desk", &more).await;
    let path = format!("/forward-auth?audience={FILES}");
    assert_eq!(get(&server, &path, &jwt, &[]).await.status, 200);
    change(&server, "UPDATE clients SET audiences = '{https://other.test/api}' WHERE id = 'desk'")
        .await;
    assert_eq!(get(&server, &path, &jwt, &[]).await.status, 401);
}

#[tokio::test]
async fn k02_an_application_that_is_given_to_one_organization_serves_nobody_else() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = "/authorize?response_type=code&client_id=orders&scope=openid%20offline_access\
                &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = alice.get(path).await.location_param("code").unwrap();
    let tokens: Value =
        server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.userinfo(access).await.status, 200);
    let later = alice.get(path).await.location_param("code").unwrap();
    change(&server, "UPDATE clients SET organization_id = 'org_globex' WHERE id = 'orders'").await;
    assert_eq!(server.userinfo(access).await.status, 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", refresh),
    ];
    let refused = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!(refused.json()["error"], "invalid_grant", "{}", refused.body);
    let refused = server.exchange("orders", &later, "http://127.0.0.1:9/callback").await;
    assert_eq!(refused.json()["error"], "invalid_grant", "{}", refused.body);
}

#[tokio::test]
async fn k21_a_request_to_end_takes_no_body() {
    let server = TestServer::start().await;
    let token = token(&server, "desk", "usr_ada", "impersonations:end").await;
    server.link("portal").await;
    let id = server.db.text("SELECT id FROM impersonations").await;
    let browser = server.browser();
    let path = format!("/api/impersonations/{id}");
    let ask = || browser.request(Method::DELETE, &path).bearer_auth(&token);
    for body in ["{\"dry_run\":true}", "{}", " "] {
        assert_eq!(browser.send(ask().body(body)).await.status, 400, "{body:?}");
    }
    let waits = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";
    assert_eq!(server.db.count(waits).await, 1);
    assert_eq!(browser.send(ask()).await.status, 204);
    assert_eq!(server.db.count(waits).await, 0);
}

/// A family of Sam's with scopes of our own and of the application's.
async fn family(server: &TestServer) -> String {
    let path = format!(
        "/authorize?response_type=code&client_id=orders&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&scope={}",
        GRANTED.replace(' ', "%20").replace(':', "%3A")
    );
    let code = server.sam().await.get(&path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    assert_eq!(tokens["refresh_token"].as_str().map(str::is_empty), Some(false), "{tokens}");
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

const GRANTED: &str = "openid offline_access orders:read orders:write impersonations:read impersonations:end forward-auth";

async fn refresh(server: &TestServer, token: &str, more: &[(&str, &str)]) -> Value {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", token),
    ];
    let form = [&form[..], more].concat();
    server.browser().post_form("/oauth/token", &form).await.json()
}

/// What the application or the person has lost between the sign-in and the refresh is lost; the rest goes on.
#[tokio::test]
async fn k01_a_scope_that_was_lost_since_the_sign_in_is_in_no_token_that_is_refreshed() {
    for (lost, left) in [
        ("UPDATE clients SET name = name WHERE id = 'orders'", GRANTED),
        (
            "UPDATE clients SET scopes = '{orders:read}' WHERE id = 'orders'",
            "openid offline_access orders:read impersonations:read impersonations:end forward-auth",
        ),
        (
            "UPDATE clients SET api_scopes = '{impersonations:end}' WHERE id = 'orders'",
            "openid offline_access orders:read orders:write impersonations:end",
        ),
        (
            "UPDATE clients SET api_scopes = '{}', scopes = '{}' WHERE id = 'orders'",
            "openid offline_access",
        ),
        (
            "DELETE FROM user_roles WHERE user_id = 'usr_sam'",
            "openid offline_access orders:read orders:write forward-auth",
        ),
        (
            "INSERT INTO roles (name, permissions, rank) VALUES ('reader', '{impersonations:read}', 0); \
             UPDATE user_roles SET role = 'reader' WHERE user_id = 'usr_sam'",
            "openid offline_access orders:read orders:write impersonations:read forward-auth",
        ),
    ] {
        let server = TestServer::start().await;
        let token = family(&server).await;
        change(&server, lost).await;
        if left != GRANTED {
            let refused = refresh(&server, &token, &[("scope", GRANTED)]).await;
            assert_eq!(refused["error"], "invalid_scope", "{lost}: {refused}");
        }
        let next = refresh(&server, &token, &[]).await;
        assert_eq!(next["scope"], left, "{lost}: {next}");
        let access = next["access_token"].as_str().unwrap();
        let form = [("token", access), ("client_id", "orders"), ("client_secret", "orders-secret")];
        let said = server.browser().post_form("/oauth/introspect", &form).await.json();
        assert_eq!(said["scope"], left, "{lost}: {said}");
    }
}
