//! nginx before the demo content API, as `examples/content/nginx.conf` says.
use super::APP;
use super::forward_auth::read_only;
use super::people::{cora, forbidden};
use super::proxies::{Kind, Proxy, names};
use crate::support::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

/// The tutorial: an app user uploads a file and lists the folder; an administrator looks as them.
#[tokio::test]
async fn an_app_user_uploads_through_the_proxy_and_an_administrator_looks() {
    let server = TestServer::start().await;
    let proxy = Proxy::start(Kind::Nginx, &server).await;
    let id = APP.app_user(&server, "ned").await;
    let token = APP.token(&server, "user", &id).await;
    let page = proxy.upload("Jon_Snow.jpeg", &token, &[]).await;
    assert_eq!(page.status, 201, "{page:?}");
    let said = page.json();
    let file = &said["entries"][0];
    let owner =
        json!({"type": "user", "id": id, "name": "ned", "login": format!("{id}@appusers.invalid")});
    for by in ["created_by", "modified_by", "owned_by"] {
        assert_eq!(file[by], owner, "{by}");
    }
    assert_eq!(
        (&said["total_count"], &file["size"], &file["name"]),
        (&json!(1), &json!(3), &json!("Jon_Snow.jpeg"))
    );
    assert_eq!(file["sha1"], "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(file["parent"]["name"], "All Files");
    assert_eq!(proxy.upload("Jon_Snow.jpeg", &token, &[]).await.status, 409);
    assert_eq!(names(&proxy.get("/2.0/folders/0/items", &token, &[]).await), ["Jon_Snow.jpeg"]);

    let enterprise = APP.enterprise_token(&server).await;
    let page = proxy.get("/2.0/folders/0", &enterprise, &[("as-user", id.as_str())]).await;
    assert_eq!(page.json()["item_collection"]["total_count"], 1, "{page:?}");
    assert!(page.header("x-impersonation-id").unwrap().starts_with("imp_"));
    let login = format!("{id}@appusers.invalid");
    let page =
        proxy.get("/2.0/folders/0/items", &enterprise, &[("on-behalf-of", login.as_str())]).await;
    assert_eq!(names(&page), ["Jon_Snow.jpeg"]);
    assert_eq!(
        names(&proxy.get("/2.0/folders/0/items", &enterprise, &[]).await),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn f36_what_is_somebody_elses_is_not_there() {
    let server = TestServer::start().await;
    let proxy = Proxy::start(Kind::Nginx, &server).await;
    let token = cora(&server).await;
    let alice = [("as-user", "usr_alice")];
    let page = proxy.upload("plan.txt", &token, &alice).await;
    let said: Value = page.json();
    assert_eq!(said["entries"][0]["created_by"]["login"], "alice@acme.test");
    assert_eq!(names(&proxy.get("/2.0/folders/0/items", &token, &alice).await), ["plan.txt"]);
    for headers in [&[][..], &[("as-user", "auth0|bob")]] {
        let page = proxy.get("/2.0/folders/0/items", &token, headers).await;
        assert_eq!(names(&page), Vec::<String>::new(), "{headers:?}");
    }
    assert_eq!(proxy.get("/2.0/folders/1", &token, &alice).await.status, 404);
    // A user of another organization cannot be named at all.
    assert_eq!(proxy.get("/2.0/folders/0", &token, &[("as-user", "usr_carol")]).await.status, 403);
}

#[tokio::test]
async fn the_proxy_turns_away_whom_understudy_turns_away() {
    let server = TestServer::start().await;
    let proxy = Proxy::start(Kind::Nginx, &server).await;
    let token = cora(&server).await;
    for (headers, status) in [
        (&[("as-user", "usr_cody")][..], 403),
        (&[("as-user", "nobody")], 403),
        (&[("as-user", "usr_alice"), ("on-behalf-of", "alice@acme.test")], 403),
        (&[("as-user", "usr_alice"), ("as-user", "usr_alice")], 403),
        (&[("as-user", "usr_alice")], 200),
    ] {
        assert_eq!(
            proxy.get("/2.0/folders/0", &token, headers).await.status,
            status,
            "{headers:?}"
        );
    }
    // As SDKs read it.
    let page = proxy.get("/2.0/folders/0", &token, &[("as-user", "nobody")]).await;
    let said = page.json();
    for name in ["type", "status", "code", "message"] {
        assert_eq!(said[name], forbidden()[name], "{said}");
    }
    let page = proxy.get("/2.0/folders/0", "nonsense", &[]).await;
    let challenges: Vec<_> = page.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Bearer error=\"invalid_token\""]);
    assert_eq!((page.status, page.body.as_str()), (401, ""));
    assert_eq!(proxy.browser.get("/2.0/folders/0").await.status, 401);
    assert_eq!(
        proxy.browser.get("/_forward_auth").await.status,
        404,
        "nobody asks it from outside"
    );
}

#[tokio::test]
async fn f13_what_a_client_smuggles_does_not_arrive() {
    let server = TestServer::start().await;
    let proxy = Proxy::before_echo(Kind::Nginx, &server).await;
    let token = cora(&server).await;
    let smuggled: Vec<(&str, &str)> = understudy::http::api::forward_auth::NAMES
        .iter()
        .map(|name| (*name, "smuggled"))
        .chain([("x_auth_subject", "smuggled"), ("x-auth_actor", "smuggled")])
        .collect();
    let page = proxy.get("/anything?x=1", &token, &smuggled).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(!page.body.contains("smuggled"), "{}", page.body);
    assert!(page.body.contains("X-Auth-Subject: usr_cora"), "{}", page.body);
    assert!(!page.body.to_lowercase().contains("x-auth-actor"), "{}", page.body);
    assert!(!page.body.contains(&token));

    let named =
        [smuggled.as_slice(), &[("as-user", "usr_alice"), ("connection", "x-auth-subject")]]
            .concat();
    let page = proxy.send(Method::POST, "/anything", &token, &named).await;
    assert!(!page.body.contains("smuggled"), "{}", page.body);
    assert!(page.body.contains("X-Auth-Subject: usr_alice"), "{}", page.body);
    assert!(page.body.contains("X-Auth-Actor: usr_cora"), "{}", page.body);
    assert!(!page.body.to_lowercase().contains("as-user"), "{}", page.body);
    let what =
        "SELECT detail ->> 'request' FROM audit_events WHERE type = 'impersonation.api_call'";
    assert_eq!(server.db.text(what).await, "POST /anything");
}

/// nginx asks with GET; what counts is what the client asked, whatever else it says.
#[tokio::test]
async fn a_read_only_impersonation_reads_through_the_proxy_too() {
    let server = TestServer::start().await;
    let proxy = Proxy::before_echo(Kind::Nginx, &server).await;
    let token = read_only(&server, "legacy-es").await;
    assert_eq!(proxy.get("/x", &token, &[]).await.status, 200);
    let lies = [("x-original-method", "GET"), ("x-forwarded-method", "GET")];
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(proxy.send(method, "/x", &token, &lies).await.status, 403);
    }
    let tunnelled = [("x-http-method-override", "DELETE")];
    assert_eq!(proxy.get("/x", &token, &tunnelled).await.status, 403);
}
