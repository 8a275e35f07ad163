//! What a refusal says, and what is written down of it.
use super::{ALL, change, token};
use crate::box_::people::token_at;
use crate::support::{Page, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(server: &TestServer, method: Method, path: &str, token: &str, body: Value) -> Page {
    let request = server.browser().request(method, path).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(&body) };
    server.browser().send(request).await
}

/// The printed instance: a third party's sign-in token asks for a link, and ends everything.
#[tokio::test]
async fn k01_the_sign_in_token_of_a_third_party_makes_and_ends_nothing() {
    let server = TestServer::start().await;
    let browser = server.sam().await;
    let path = "/authorize?response_type=code&client_id=stranger&scope=openid%20impersonations%3Acreate\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fstranger";
    let asks = browser.open(browser.get(path).await.location()).await;
    assert!(asks.body.contains("See your user ID"), "{}", asks.body);
    assert!(!asks.body.contains("Sign in as other users"), "it is not even offered");
    let token = token(&server, "stranger", "usr_sam", "openid").await;
    let body = json!({"user_id": "usr_alice", "impersonator_id": "usr_sam", "client_id": "legacy", "protocol": "oauth2"});
    for (path, body) in
        [("/api/impersonations", body), ("/api/impersonations/end-all", json!({"all": true}))]
    {
        let page = send(&server, Method::POST, path, &token, body).await;
        let scope =
            if path.ends_with("end-all") { "impersonations:end" } else { "impersonations:create" };
        assert_eq!((page.status, page.json()["error"].as_str()), (403, Some("insufficient_scope")));
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!(page.header("www-authenticate"), Some(challenge.as_str()));
    }
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
    let said = "SELECT string_agg(concat_ws(' ', type, actor, client_id, reason, detail ->> 'scope', \
        detail ->> 'request', detail ->> 'bearer_client_id'), '; ' ORDER BY seq) FROM audit_events \
        WHERE type IN ('api.refused', 'impersonation.refused')";
    assert_eq!(
        server.db.text(said).await,
        "impersonation.refused usr_sam stranger insufficient_scope impersonations:create \
         POST /api/impersonations stranger; api.refused usr_sam stranger insufficient_scope impersonations:end \
         POST /api/impersonations/end-all stranger"
    );
}

#[tokio::test]
async fn k01_the_application_of_the_bearer_is_in_every_event_of_the_api() {
    let server = TestServer::start().await;
    let scope = format!("&scope=openid%20{}", ALL.replace(':', "%3A").replace(' ', "%20"));
    let sam = token_at(&server, "sam@understudy.test", "desk", &scope).await;
    let body = json!({"user_id": "usr_alice", "impersonator_id": "usr_sam", "client_id": "portal", "protocol": "oauth2"});
    let made = send(&server, Method::POST, "/api/impersonations", &sam, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let mut refused = body.clone();
    refused["user_id"] = json!("usr_ada");
    assert_eq!(send(&server, Method::POST, "/api/impersonations", &sam, refused).await.status, 403);
    let end = send(&server, Method::DELETE, made.location(), &sam, Value::Null).await;
    assert_eq!(end.status, 204);
    assert_eq!(send(&server, Method::POST, "/api/impersonations", &sam, body).await.status, 201);
    let all = json!({"all": true});
    assert_eq!(
        send(&server, Method::POST, "/api/impersonations/end-all", &sam, all).await.status,
        200
    );
    let said = "SELECT string_agg(type || ' ' || coalesce(detail ->> 'bearer_client_id', '-'), '; ' ORDER BY seq) \
        FROM audit_events WHERE type LIKE 'impersonation.%'";
    assert_eq!(
        server.db.text(said).await,
        "impersonation.link_issued desk; impersonation.refused desk; impersonation.ended desk; \
         impersonation.link_issued desk; impersonation.ended desk"
    );
}

/// A person acts for themselves only, and the refusal is no question of scopes.
#[tokio::test]
async fn k01_a_scope_gives_no_permission_that_the_person_lacks() {
    let server = TestServer::start().await;
    let alice = token(&server, "orders", "usr_alice", ALL).await;
    for (method, path, body) in [
        (Method::GET, "/api/impersonations", Value::Null),
        (Method::POST, "/api/impersonations/end-all", json!({"all": true})),
    ] {
        let page = send(&server, method, path, &alice, body).await;
        assert_eq!(page.status, 403, "{path}: {page:?}");
        assert_eq!(page.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
    }
    let body = json!({"user_id": "auth0|bob", "impersonator_id": "usr_alice", "client_id": "legacy", "protocol": "oauth2"});
    let page = send(&server, Method::POST, "/api/impersonations", &alice, body).await;
    assert_eq!((page.status, page.json()["error_code"].as_str()), (403, Some("not_permitted")));
    let reasons = "SELECT string_agg(reason, ' ' ORDER BY seq) FROM audit_events WHERE actor = 'usr_alice' AND reason IS NOT NULL";
    assert_eq!(server.db.text(reasons).await, "not_permitted not_permitted not_permitted");
}

/// What the application lists is looked at when the token is used, and not only when it is made.
#[tokio::test]
async fn k01_a_scope_that_is_taken_from_the_application_is_taken_from_its_tokens() {
    let server = TestServer::start().await;
    let sam = token(&server, "orders", "usr_sam", ALL).await;
    let list =
        async || send(&server, Method::GET, "/api/impersonations", &sam, Value::Null).await.status;
    assert_eq!(list().await, 200);
    super::lists(&server, "orders", "").await;
    assert_eq!(list().await, 403);
    super::lists(&server, "orders", ALL).await;
    assert_eq!(list().await, 200);
    change(&server, "UPDATE clients SET first_party = false WHERE id = 'orders'").await;
    assert_eq!(list().await, 403);
}

/// Who is acted as by a header manages no impersonations, whatever the bearer carries.
#[tokio::test]
async fn k01_the_header_of_another_user_opens_nothing_and_is_written_down() {
    let server = TestServer::start().await;
    let cora = token(&server, "desk", "usr_cora", ALL).await;
    let request = server.browser().request(Method::GET, "/api/impersonations").bearer_auth(&cora);
    let page = server.browser().send(request.header("as-user", "usr_alice")).await;
    assert_eq!(page.status, 403, "{page:?}");
    let said = "SELECT count(*) FROM audit_events WHERE type = 'api.refused' AND client_id = 'desk' AND actor = 'usr_cora'";
    assert_eq!(server.db.count(said).await, 1);
}
