//! Caches, other origins, and headers that lie.
use super::*;
use reqwest::Method;

#[tokio::test]
async fn c43_no_cache_keeps_what_is_secret() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, "openid offline_access").await;
    let access = text(&tokens, "access_token");
    let refreshed = server.refresh(text(&tokens, "refresh_token"), &[]).await;
    let machine = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
    ];
    let answers = [
        server.redeem(&alice.code(&[]).await).await,
        server.redeem("unknown").await,
        refreshed,
        server.token(&machine).await,
        server.token(&[]).await,
        server.userinfo(access).await,
        server.userinfo("unknown").await,
        server.introspect(access).await,
        server.introspect("unknown").await,
        alice.open(&authorize(&[])).await,
        alice.open(&authorize(&[("response_mode", "form_post")])).await,
        alice.open(&authorize(&[("prompt", "login")])).await,
        alice.open(&authorize(&[("client_id", "unknown")])).await,
        alice.open("/account").await,
        alice.open("/login").await,
        alice.open("/logout").await,
        alice.open("/oidc/logout").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.body);
    }
}

#[tokio::test]
async fn c46_no_other_origin_reads_the_pages() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let paths = [
        authorize(&[]),
        "/login".into(),
        "/consent".into(),
        "/account".into(),
        "/logout".into(),
        "/me/impersonation".into(),
        "/oidc/logout".into(),
    ];
    for origin in ["https://evil.test", "null", "http://127.0.0.1:9", server.url.as_str()] {
        for path in &paths {
            for method in [Method::GET, Method::OPTIONS] {
                let request = alice.request(method.clone(), path).header("origin", origin);
                let request = request.header("access-control-request-method", "POST");
                let answer = alice.send(request).await;
                assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
                assert_eq!(answer.header("access-control-allow-credentials"), None);
            }
        }
    }
}

#[tokio::test]
async fn c46_tokens_are_read_by_the_pages_of_their_own_application_only() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let ask = |method: Method, path: &'static str, origin: &'static str| {
        let browser = browser.clone();
        async move {
            let request = browser.request(method.clone(), path).header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            let request = if method == Method::POST {
                request.form(&[
                    ("grant_type", "authorization_code"),
                    ("client_id", "spa"),
                    ("code", "x"),
                ])
            } else {
                request
            };
            browser.send(request).await
        }
    };
    for path in ["/oauth/token", "/oauth/revoke"] {
        for method in [Method::OPTIONS, Method::POST] {
            let own = ask(method.clone(), path, "http://127.0.0.1:9").await;
            assert_eq!(
                own.header("access-control-allow-origin"),
                Some("http://127.0.0.1:9"),
                "{method} {path}"
            );
            assert_eq!(own.header("access-control-allow-credentials"), None);
            assert!(own.header("vary").unwrap().to_ascii_lowercase().contains("origin"));
            for other in ["https://evil.test", "null", "http://127.0.0.1:99", "https://127.0.0.1:9"]
            {
                let answer = ask(method.clone(), path, other).await;
                assert_eq!(
                    answer.header("access-control-allow-origin"),
                    None,
                    "{method} {path} {other}"
                );
            }
        }
    }
    let preflight = ask(Method::OPTIONS, "/userinfo", "http://127.0.0.1:9").await;
    let allowed = preflight.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
    assert!(allowed.contains("authorization"), "{allowed}");
    let introspection = ask(Method::OPTIONS, "/oauth/introspect", "http://127.0.0.1:9").await;
    assert_eq!(introspection.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn c80_names_come_from_the_settings_and_never_from_a_header() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for (name, value) in [
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-server", "evil.test"),
        ("x-original-url", "/evil.test"),
        ("forwarded", "for=1.2.3.4;host=evil.test;proto=https"),
    ] {
        let get = |path: String| alice.send(alice.request(Method::GET, &path).header(name, value));
        let document = get("/.well-known/openid-configuration".into()).await;
        assert_eq!(document.json()["issuer"], server.url.as_str(), "{name}");
        assert!(!document.body.contains("evil"), "{name}");
        let answer = get(authorize(&[])).await;
        assert_eq!(answer.location_param("iss"), Some(server.url.clone()), "{name}");
        let page = get("/login".into()).await;
        assert!(!page.body.contains("evil"), "{name}");
        assert!(!page.header("set-cookie").unwrap_or_default().contains("evil"), "{name}");
        let asked = get(authorize(&[("prompt", "login")])).await;
        assert!(asked.location().starts_with("/login?"), "{name}: {}", asked.location());
    }
}
