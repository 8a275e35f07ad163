//! Traefik and Envoy before the demo content API, as `examples/content/traefik.yaml` and `envoy.yaml` say.
use super::APP;
use super::forward_auth::read_only;
use super::people::{cora, denied};
use super::proxies::{Kind, Proxy, names};
use crate::support::TestServer;
use reqwest::Method;

/// The tutorial, what is refused, and who learns what.
async fn is_followed_behind(kind: Kind) {
    let server = TestServer::start().await;
    let proxy = Proxy::start(kind, &server).await;
    let id = APP.app_user(&server, "ned").await;
    let token = APP.token(&server, "user", &id).await;
    let page = proxy.upload("Jon_Snow.jpeg", &token, &[]).await;
    assert_eq!(page.status, 201, "{kind:?}: {page:?}");
    assert_eq!(page.json()["entries"][0]["owned_by"]["id"], id.as_str());
    assert_eq!(names(&proxy.get("/2.0/folders/0/items", &token, &[]).await), ["Jon_Snow.jpeg"]);

    let enterprise = APP.enterprise_token(&server).await;
    let login = format!("{id}@appusers.invalid");
    for header in [("as-user", id.as_str()), ("on-behalf-of", login.as_str())] {
        let page = proxy.get("/2.0/folders/0/items", &enterprise, &[header]).await;
        assert_eq!(names(&page), ["Jon_Snow.jpeg"], "{kind:?} {header:?}");
        assert!(page.header("x-impersonation-id").unwrap().starts_with("imp_"), "{kind:?}");
    }
    let own = proxy.get("/2.0/folders/0/items", &enterprise, &[]).await;
    assert_eq!((names(&own), own.header("x-impersonation-id")), (Vec::new(), None));

    for name in ["nobody", "usr_cody", "usr_carol"] {
        let page = proxy.get("/2.0/folders/0", &enterprise, &[("as-user", name)]).await;
        let ours = page.header("x-request-id").is_some();
        if ours && kind == Kind::Traefik {
            denied(&page);
        }
        assert_eq!(page.json()["code"], "access_denied_insufficient_permissions", "{kind:?}");
    }
    let page = proxy.get("/2.0/folders/0", "nonsense", &[]).await;
    assert_eq!(page.status, 401, "{kind:?}");
    assert_eq!(page.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    // Our own API beside it, which reads the bearer and the header by itself.
    let me = proxy.get("/2.0/users/me", &enterprise, &[("as-user", id.as_str())]).await;
    assert_eq!(me.json()["id"], id.as_str(), "{kind:?}: {me:?}");
}

#[tokio::test]
async fn the_tutorial_is_followed_behind_traefik() {
    is_followed_behind(Kind::Traefik).await;
}

#[tokio::test]
async fn the_tutorial_is_followed_behind_envoy() {
    is_followed_behind(Kind::Envoy).await;
}

async fn nothing_is_smuggled_through(kind: Kind) {
    let server = TestServer::start().await;
    let proxy = Proxy::before_echo(kind, &server).await;
    let token = cora(&server).await;
    let path = "/2.0/folders/0";
    let smuggled: Vec<(&str, &str)> = understudy::http::api::forward_auth::NAMES
        .iter()
        .map(|name| (*name, "smuggled"))
        .chain([("connection", "x-auth-subject, x-auth-actor")])
        .collect();
    for (named, subject) in [(None, "usr_cora"), (Some(("as-user", "usr_alice")), "usr_alice")] {
        let headers: Vec<_> = smuggled.iter().copied().chain(named).collect();
        let page = proxy.send(Method::POST, path, &token, &headers).await;
        let said = page.body.to_lowercase();
        assert_eq!(page.status, 200, "{kind:?}: {page:?}");
        let heads: Vec<&str> = said.lines().filter(|line| line.starts_with("x-")).collect();
        assert!(!heads.iter().any(|line| line.contains("smuggled")), "{kind:?}: {said}");
        assert!(said.contains(&format!("x-auth-subject: {subject}")), "{kind:?}: {said}");
        assert!(!said.contains(&token.to_lowercase()) && !said.contains("as-user"), "{said}");
    }
    for look_alike in ["x_auth_subject", "x-auth_subject", "X_AUTH_ACTOR", "as_user"] {
        let page = proxy.get(path, &token, &[(look_alike, "smuggled")]).await;
        assert!(matches!(page.status, 400 | 403), "{kind:?} {look_alike}: {page:?}");
    }
    let what =
        "SELECT detail ->> 'request' FROM audit_events WHERE type = 'impersonation.api_call'";
    assert_eq!(server.db.text(what).await, format!("POST {path}"), "{kind:?}");

    // The method is the client's, whatever it says of it.
    let token = read_only(&server, "legacy-es").await;
    assert_eq!(proxy.get(path, &token, &[]).await.status, 200, "{kind:?}");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        for lies in ["x-forwarded-method", "x-original-method"] {
            let page = proxy.send(method.clone(), path, &token, &[(lies, "GET")]).await;
            assert_eq!(page.status, 403, "{kind:?} {method} {lies}: {page:?}");
        }
    }
    let page = proxy.get(path, &token, &[("x-http-method-override", "DELETE")]).await;
    assert_eq!(page.status, 403, "{kind:?}: {page:?}");
}

#[tokio::test]
async fn f13_what_a_client_smuggles_does_not_arrive_behind_traefik() {
    nothing_is_smuggled_through(Kind::Traefik).await;
}

#[tokio::test]
async fn f13_what_a_client_smuggles_does_not_arrive_behind_envoy() {
    nothing_is_smuggled_through(Kind::Envoy).await;
}
