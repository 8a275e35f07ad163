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
