//! An application that speaks for itself.
use super::*;
use crate::support::words::claims;

const MACHINE: &Pairs<'static> = &[
    ("grant_type", "client_credentials"),
    ("client_id", "machine"),
    ("client_secret", "machine-secret"),
];

async fn ask(server: &TestServer, more: &Pairs<'_>) -> Page {
    let form: Vec<_> = MACHINE.iter().chain(more).copied().collect();
    server.token(&form).await
}

#[tokio::test]
async fn an_application_gets_an_opaque_token_for_our_own_api() {
    let server = TestServer::start().await;
    let answer = ask(&server, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["scope"], "jobs:run jobs:read", "everything it may ask for");
    assert_eq!((&body["token_type"], body["expires_in"].as_i64()), (&"Bearer".into(), Some(3600)));
    for absent in ["refresh_token", "id_token"] {
        assert_eq!(body.get(absent), None);
    }
    let seen = server.introspect(text(&body, "access_token")).await.json();
    assert_eq!((&seen["active"], &seen["sub"]), (&true.into(), &"machine".into()));
}

#[tokio::test]
async fn for_somebody_elses_api_it_gets_a_jwt() {
    let server = TestServer::start().await;
    let more = [("audience", "https://jobs.test/api"), ("scope", "jobs:run")];
    let body = ask(&server, &more).await.json();
    let jwt = text(&body, "access_token");
    let token = claims(jwt);
    assert_eq!(token["aud"], "https://jobs.test/api");
    assert_eq!((&token["sub"], &token["client_id"]), (&"machine".into(), &"machine".into()));
    assert_eq!((&token["scope"], &token["iss"]), (&"jobs:run".into(), &server.url.as_str().into()));
    let lifetime = token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 3600);
    assert_eq!(server.introspect(jwt).await.json()["active"], true);
    let named_otherwise = [("resource", "https://jobs.test/api")];
    assert_eq!(ask(&server, &named_otherwise).await.json()["scope"], "jobs:run jobs:read");
}

#[tokio::test]
async fn a_scope_that_is_not_its_own_is_refused() {
    let server = TestServer::start().await;
    for scope in ["admin", "jobs:run admin", "openid", "offline_access", "jobs"] {
        refused(&ask(&server, &[("scope", scope)]).await, 400, "invalid_scope");
    }
    assert_eq!(ask(&server, &[("scope", "jobs:read")]).await.json()["scope"], "jobs:read");
}

#[tokio::test]
async fn c91_an_audience_that_is_not_its_own_is_refused() {
    let server = TestServer::start().await;
    for audience in ["https://orders.test/api", "https://jobs.test/api/", "https://jobs.test", "x"]
    {
        refused(&ask(&server, &[("audience", audience)]).await, 400, "invalid_target");
        refused(&ask(&server, &[("resource", audience)]).await, 400, "invalid_target");
    }
    let two = [("audience", "https://jobs.test/api"), ("resource", "https://other.test")];
    refused(&ask(&server, &two).await, 400, "invalid_target");
    let alice = server.alice().await;
    let answer = alice.get(&authorize(&[("audience", "https://jobs.test/api")])).await;
    hears(&answer, "invalid_target");
}

#[tokio::test]
async fn a_public_application_does_not_speak_for_itself() {
    let server = TestServer::start().await;
    let form = [("grant_type", "client_credentials"), ("client_id", "spa")];
    refused(&server.token(&form).await, 400, "unauthorized_client");
}

#[tokio::test]
async fn a_token_ends_on_its_second() {
    let server = TestServer::start().await;
    let opaque = server.client_token("machine", "machine-secret").await;
    let body = ask(&server, &[("audience", "https://jobs.test/api")]).await.json();
    let jwt = text(&body, "access_token");
    server.db.advance("3590 seconds").await;
    for token in [&opaque, jwt] {
        assert_eq!(server.introspect(token).await.json()["active"], true);
    }
    server.db.advance("11 seconds").await;
    // Whoever asks has to show a live secret only, so the machine asks again.
    for token in [&opaque, jwt] {
        assert_eq!(server.introspect(token).await.body, r#"{"active":false}"#);
    }
}
