//! `/forward-auth`, as a proxy asks it.
use super::people::{cora, denied, get, token_at};
use crate::support::TestServer;
use crate::support::words::claims;
use reqwest::Method;

/// Every header that a proxy copies, in order.
fn told(page: &crate::support::Page) -> Vec<&str> {
    understudy::http::api::forward_auth::NAMES
        .iter()
        .map(|name| page.header(name).unwrap())
        .collect()
}

#[tokio::test]
async fn a_proxy_is_told_who_calls_and_every_header_is_there() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = get(&server, "/forward-auth", &token, &[]).await;
    let scopes = "openid profile email files:read root_readwrite forward-auth impersonations:read";
    assert_eq!(page.status, 200);
    let own = ["usr_cora", "Cora Coadmin", "cora@acme.test", scopes, "desk", "", "", "", ""];
    assert_eq!(told(&page), own);
    let page = get(&server, "/forward-auth", &token, &[("as-user", "usr_alice")]).await;
    let id = page.header("x-impersonation-id").unwrap().to_owned();
    assert_eq!(
        told(&page),
        ["usr_alice", "Alice Chen", "alice@acme.test", scopes, "desk", "usr_cora", &id, "full", ""]
    );
    // An application is no user.
    let machine = server.client_token("machine", "machine-secret").await;
    let page = get(&server, "/forward-auth?scope=jobs%3Arun", &machine, &[]).await;
    assert_eq!(told(&page), ["", "", "", "jobs:run jobs:read", "machine", "", "", "", ""]);
}

#[tokio::test]
async fn an_address_that_nobody_has_proven_is_not_told() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    server.db.sql("UPDATE users SET email_verified = false WHERE id = 'usr_cora'").await;
    assert_eq!(get(&server, "/forward-auth", &token, &[]).await.header("x-auth-email"), Some(""));
}

#[tokio::test]
async fn any_method_and_any_path_below_are_asked_about() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for path in [
        "/forward-auth",
        "/forward-auth/",
        "/forward-auth/2.0/folders/0",
        "/forward-auth/a?token=b",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let request = server.browser().request(method, path).bearer_auth(&token);
            let page = server.browser().send(request).await;
            assert_eq!((page.status, page.header("x-auth-subject")), (200, Some("usr_cora")));
        }
        let page = server.browser().get(path).await;
        assert_eq!((page.status, page.header("www-authenticate")), (401, Some("Bearer")));
        let page = get(&server, path, "nonsense", &[]).await;
        assert_eq!(page.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        denied(&get(&server, path, &token, &[("as-user", "usr_cody")]).await);
    }
    assert_eq!(get(&server, "/forward-authority", &token, &[]).await.status, 404);
}

#[tokio::test]
async fn a_token_for_another_api_is_taken_only_where_the_proxy_says_so() {
    let server = TestServer::start().await;
    let more = "&scope=openid&audience=https%3A%2F%2Ffiles.test%2Fapi";
    let token = token_at(&server, "cora@acme.test", "desk", more).await;
    assert!(token.contains('.'), "a JWT");
    let named = "/forward-auth?audience=https%3A%2F%2Ffiles.test%2Fapi";
    assert_eq!(get(&server, named, &token, &[]).await.status, 200);
    let other = "/forward-auth?audience=https%3A%2F%2Fother.test%2Fapi";
    for path in ["/forward-auth", other, "/forward-auth/x?audience=https%3A%2F%2Ffiles.test%2Fapi"]
    {
        assert_eq!(get(&server, path, &token, &[]).await.status, 401, "{path}");
    }
    let page = get(&server, named, &token, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.header("x-auth-subject"), Some("usr_alice"));
}

#[tokio::test]
async fn an_internal_token_says_the_same_signed_for_a_minute() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let path = "/forward-auth?token=https%3A%2F%2Ffiles.test%2Fapi";
    let page = get(&server, path, &token, &[("as-user", "usr_alice")]).await;
    let internal = page.header("x-auth-token").unwrap();
    let said = claims(internal);
    assert_eq!(
        (&said["sub"], &said["aud"]),
        (&"usr_alice".into(), &"https://files.test/api".into())
    );
    assert_eq!(said["act"]["sub"], "usr_cora");
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 60);
    let ring = server.parts.shared.keys.ring().unwrap();
    let verified = understudy::crypto::jws::verify(internal, &["forwarded+jwt"], ring.verifiers());
    assert_eq!(verified.unwrap()["iss"], server.url.as_str());
    // It is good for nothing here, and only for APIs that the application may know.
    for path in ["/userinfo", "/forward-auth", path] {
        assert_eq!(get(&server, path, internal, &[]).await.status, 401, "{path}");
    }
    let unknown = "/forward-auth?token=https%3A%2F%2Funknown.test";
    assert_eq!(get(&server, unknown, &token, &[]).await.status, 403);
}

/// A token of a read-only impersonation of Alice.
pub async fn read_only(server: &TestServer, client: &str) -> String {
    let body = serde_json::json!({
        "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": client, "mode": "read_only",
        "additionalParameters": {"scope": "openid crm:read crm:write root_readwrite"},
    });
    let link = server.ask("usr_alice", body).await.body;
    let opened = server.browser().get(link.strip_prefix(&server.url).unwrap()).await;
    let code = opened.location_param("code").unwrap();
    let answer = server.exchange(client, &code, &format!("http://127.0.0.1:9/{client}")).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_read_only_impersonation_reads() {
    let server = TestServer::start().await;
    let token = read_only(&server, "legacy").await;
    for (headers, status) in [
        (&[("x-original-method", "GET")][..], 200),
        (&[("x-forwarded-method", "HEAD")], 200),
        (&[], 403),
        (&[("x-original-method", "POST")], 403),
        (&[("x-forwarded-method", "DELETE")], 403),
        (&[("x-forwarded-method", "DELETE"), ("x-original-method", "GET")], 403),
        (&[("x-original-method", "BREW")], 403),
        (&[("x-original-method", "GET"), ("x-http-method-override", "DELETE")], 403),
    ] {
        let page = get(&server, "/forward-auth?scope=crm%3Aread", &token, headers).await;
        assert_eq!(page.status, status, "{headers:?}: {page:?}");
        assert!(page.header("x-impersonation-id").unwrap().starts_with("imp_"));
    }
    let ask = "/forward-auth?scope=crm%3Aread";
    let page = get(&server, ask, &token, &[("x-original-method", "GET")]).await;
    let told = told(&page);
    assert_eq!((told[0], told[5], told[7]), ("usr_alice", "usr_sam", "read_only"));
    // One that hands the client's method on: both count.
    let ask = server.browser().request(Method::DELETE, "/forward-auth-for/scope=crm%3Aread/x");
    let ask = ask.bearer_auth(&token);
    let page = server.browser().send(ask.header("x-forwarded-method", "GET")).await;
    assert_eq!(page.status, 403, "{page:?}");
    let blocked = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.action_blocked'";
    assert_eq!(server.db.count(blocked).await, 7);
}

#[tokio::test]
async fn the_trail_says_what_the_proxy_was_asked_without_its_query() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let headers = [
        ("as-user", "usr_alice"),
        ("x-original-method", "POST"),
        ("x-original-uri", "/api/2.0/files/content?secret=1"),
    ];
    assert_eq!(get(&server, "/forward-auth", &token, &headers).await.status, 200);
    let said =
        "SELECT detail ->> 'request' FROM audit_events WHERE type = 'impersonation.api_call'";
    assert_eq!(server.db.text(said).await, "POST /api/2.0/files/content");
}

/// Some APIs read `x_auth_subject` as `x-auth-subject`, and there are proxies that let it pass.
#[tokio::test]
async fn f11_a_header_of_ours_that_is_written_with_underscores_is_refused() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for name in ["x_auth_subject", "x-auth_actor", "X_Impersonation_Id", "x_auth-token"] {
        let page = get(&server, "/forward-auth", &token, &[(name, "usr_alice")]).await;
        assert_eq!(page.status, 403, "{name}: {page:?}");
    }
    for name in ["x-auth-subject", "x_something_else"] {
        let page = get(&server, "/forward-auth", &token, &[(name, "usr_alice")]).await;
        assert_eq!(page.header("x-auth-subject"), Some("usr_cora"), "{name}");
    }
}

#[tokio::test]
async fn an_outage_is_no_answer_about_anybody() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    server.db.sql("ALTER TABLE access_tokens RENAME TO gone").await;
    assert_eq!(get(&server, "/forward-auth", &token, &[]).await.status, 503);
}
