//! K-30, K-35, K-36, K-46: what pages, libraries and other programs read.
use super::*;

const SPA: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn k30_pages_of_applications_read_errors_and_send_what_their_libraries_send() {
    let server = TestServer::start().await;
    let browser = Browser::bare(&server.url);
    let asks: [(Method, &str, &str); 6] = [
        (Method::GET, "/userinfo", ""),
        (Method::POST, "/userinfo", "x"),
        (Method::POST, "/oauth/token", ""),
        (Method::POST, "/oauth/token", "client_id=spa&client_secret=x"),
        (Method::POST, "/oauth/revoke", "client_id=nobody"),
        (Method::PUT, "/oauth/token", ""),
    ];
    for (method, path, body) in asks {
        let ask = |origin: &str| {
            let request = browser.request(method.clone(), path).header("origin", origin);
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("authorization", if path == "/userinfo" { "Bearer expired" } else { "" })
                .body(body.to_owned())
        };
        let page = browser.send(ask(SPA)).await;
        assert!(page.status >= 400, "{page:?}");
        assert_eq!(page.header("access-control-allow-origin"), Some(SPA), "{method} {path}");
        let exposed = page.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("WWW-Authenticate") && exposed.contains("Retry-After"));
        assert_eq!(page.header("access-control-allow-credentials"), None);
        for other in ["https://evil.test", "null", "http://127.0.0.1:99"] {
            let page = browser.send(ask(other)).await;
            assert_eq!(page.header("access-control-allow-origin"), None, "{path} {other}");
        }
    }
    let large = "a".repeat(2_000_000);
    let request = browser.request(Method::POST, "/oauth/token").header("origin", SPA);
    let page = browser.send(request.body(large)).await;
    assert_eq!((page.status, page.header("access-control-allow-origin")), (413, Some(SPA)));
}

#[tokio::test]
async fn k30_what_a_page_asks_first_is_answered_with_the_headers_it_asked_for() {
    let server = TestServer::start().await;
    let browser = Browser::bare(&server.url);
    let ask = async |path: &str, origin: &str, headers: &str| {
        let request = browser.request(Method::OPTIONS, path).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        browser.send(request.header("access-control-request-headers", headers)).await
    };
    for path in ["/oauth/token", "/oauth/revoke", "/userinfo"] {
        let wanted = "auth0-client,content-type,traceparent";
        let page = ask(path, SPA, wanted).await;
        assert_eq!(page.header("access-control-allow-headers"), Some(wanted));
        assert_eq!(page.header("access-control-allow-origin"), Some(SPA));
        let page = ask(path, "https://evil.test", wanted).await;
        assert_eq!(page.header("access-control-allow-headers"), None);
        let page = ask(path, SPA, "a;b").await;
        assert_eq!(
            page.header("access-control-allow-headers"),
            Some("authorization, content-type")
        );
    }
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        let page = ask(path, "https://anybody.test", "traceparent").await;
        assert_eq!(page.status, 204);
        assert_eq!(page.header("access-control-allow-origin"), Some("*"));
        assert_eq!(page.header("access-control-allow-headers"), Some("traceparent"));
    }
}

#[tokio::test]
async fn k35_only_who_tried_http_authentication_is_challenged_to_it() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        for body in [
            "grant_type=client_credentials&client_id=global&client_secret=wrong&token=x",
            "grant_type=client_credentials&client_id=nobody&token=x",
            "grant_type=client_credentials&token=x",
            "grant_type=client_credentials&token=x&client_assertion=a.b.c&client_assertion_type=\
             urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        ] {
            let request = browser.request(Method::POST, path);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let page = browser.send(request.body(body)).await;
            assert_eq!((page.status, &page.json()["error"]), (401, &"invalid_client".into()));
            assert_eq!(page.header("www-authenticate"), None, "{path} {body}");
        }
        let request = browser.request(Method::POST, path).basic_auth("global", Some("wrong"));
        let page = browser.send(request.form(&[("token", "x")])).await;
        assert_eq!(page.status, 401);
        assert!(page.header("www-authenticate").unwrap().starts_with("Basic"), "{path}");
    }
}

#[tokio::test]
async fn k36_an_unknown_response_type_is_answered_where_a_server_reads_it() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for (kind, mode, joint) in [
        ("foo", "", '?'),
        ("code+foo", "", '?'),
        ("token_x", "", '?'),
        ("none", "", '?'),
        ("token", "", '#'),
        ("id_token", "", '#'),
        ("code+token", "", '#'),
        ("foo+id_token", "", '#'),
        ("foo", "&response_mode=fragment", '#'),
        ("code+token", "&response_mode=query", '?'),
    ] {
        let path = format!(
            "/authorize?client_id=orders&scope=openid&response_type={kind}{mode}\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback"
        );
        let page = browser.open(&path).await;
        let start = format!("http://127.0.0.1:9/callback{joint}error=unsupported_response_type");
        assert!(page.location().starts_with(&start), "{kind}: {}", page.location());
    }
}

#[tokio::test]
async fn k46_head_is_answered_wherever_get_is_and_changes_nothing() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let is_ready = async || server.browser().get("/health/ready").await.status == 200;
    crate::support::node::until("it is ready", 10, is_ready).await;
    let before = server.db.contents().await;
    for path in [
        "/authorize?client_id=orders&response_type=code&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback",
        "/authorize",
        "/oidc/logout",
        "/v2/logout?client_id=orders",
        "/health/live",
        "/health/ready",
        "/samlp/orders-saml",
        "/samlp/logout",
        "/samlp/metadata",
        "/wsfed",
        "/wsfed/shop-wsfed?wa=wsignin1.0",
        "/rms/legacy-rms",
        "/continue",
        "/login",
        "/account",
        "/.well-known/jwks.json",
    ] {
        let page = alice.send(alice.request(Method::HEAD, path)).await;
        assert!(page.status < 400 && page.body.is_empty(), "{path}: {page:?}");
        assert_eq!(page.header("set-cookie"), None, "{path}");
    }
    for (path, status) in [("/userinfo", 401), ("/api/impersonations", 401), ("/2.0/users/me", 401)]
    {
        let page = alice.send(alice.request(Method::HEAD, path)).await;
        assert_eq!((page.status, page.body.as_str()), (status, ""), "{path}");
    }
    assert_eq!(server.db.contents().await, before);
}
