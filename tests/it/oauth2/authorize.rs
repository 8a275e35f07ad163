//! What an application may ask at `/authorize`, and how it is told no.
use super::*;
use crate::support::words::claims;
use reqwest::Method;

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_and_comes_back_with_a_code() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = authorize(&[("nonce", "n-1"), ("login_hint", "alice@acme.test")]);
    let first = browser.open(&path).await;
    assert_eq!(first.status, 302, "{}", first.body);
    assert!(first.location().starts_with("/login?"), "{}", first.location());
    let login = browser.open(first.location()).await;
    assert!(login.body.contains("Northwind Orders"), "{}", login.body);
    assert_eq!(login.field("email").as_deref(), Some("alice@acme.test"));
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    assert_eq!(back.status, 303, "{}", back.body);
    let answer = browser.open(back.location()).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(answer.location().starts_with(&format!("{CALLBACK}?")), "{}", answer.location());
    assert_eq!(answer.location_param("state").as_deref(), Some("st"));
    assert_eq!(answer.location_param("iss"), Some(server.url.clone()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = server.redeem(&answer.location_param("code").unwrap()).await.json();
    let id_token = claims(text(&tokens, "id_token"));
    assert_eq!((text(&id_token, "sub"), text(&id_token, "nonce")), ("usr_alice", "n-1"));
    assert_eq!(id_token.get("impersonated"), None);
    assert_eq!(tokens.get("refresh_token"), None, "nobody asked for offline_access");
}

#[tokio::test]
async fn c07_unknown_and_disabled_applications_get_a_page_of_ours() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'orders'").await;
    server.db.sql("UPDATE organizations SET status = 'inactive' WHERE id = 'org_globex'").await;
    let alice = server.alice().await;
    let long = "x".repeat(30_000);
    let markup = "\"><script>alert(1)</script>";
    for client in
        ["", "unknown", "orders", "globex-shop", "a\0b", "ORDERS", " orders", &long, markup]
    {
        let answer = alice.open(&authorize(&[("client_id", client)])).await;
        stays_here(&answer);
        assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
        assert!(!answer.body.contains(CALLBACK));
    }
    stays_here(&alice.open(&without("client_id")).await);
    let huge = "x".repeat(1 << 20);
    stays_here(&alice.post_form("/authorize", &[("client_id", &huge)]).await);
}

#[tokio::test]
async fn c08_a_parameter_given_twice_is_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for (name, value) in [("client_id", "orders"), ("redirect_uri", CALLBACK)] {
        let twice = format!("{}&{}", authorize(&[]), encode(&[(name, value)]));
        stays_here(&alice.open(&twice).await);
    }
    for (name, value) in [
        ("scope", "openid"),
        ("state", "other"),
        ("response_type", "code"),
        ("nonce", "b"),
        ("prompt", "none"),
    ] {
        let once = authorize(&[("nonce", "a"), ("prompt", "none")]);
        let answer = alice.open(&format!("{once}&{}", encode(&[(name, value)]))).await;
        // The application is sure, so it is told (K-49).
        hears(&answer, "invalid_request");
    }
    let both = alice.post_form("/authorize?state=a", &[("client_id", "orders")]).await;
    stays_here(&both);
    let half = asked(&[]);
    let request = alice.request(Method::POST, "/authorize?state=other");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(half);
    let answer = alice.send(request).await;
    assert!(answer.header("location").is_none_or(|to| !to.contains("code=")), "{answer:?}");
}

#[tokio::test]
async fn c08_a_parameter_given_twice_is_refused_at_the_token_endpoint_too() {
    let server = TestServer::start().await;
    let usual = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("scope", "jobs:run"),
    ];
    assert_eq!(server.token(&usual).await.status, 200);
    for twice in usual {
        let form: Vec<_> = usual.into_iter().chain([twice]).collect();
        refused(&server.token(&form).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn c09_only_the_code_flow_is_spoken() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    hears(&alice.get(&without("response_type")).await, "invalid_request");
    for other in ["foo", "none", "CODE", "code code", "id_token"] {
        let answer = alice.get(&authorize(&[("response_type", other), ("nonce", "n")])).await;
        hears(&answer, "unsupported_response_type");
        assert_eq!(answer.location_param("state").as_deref(), Some("st"));
    }
}

#[tokio::test]
async fn c10_no_token_by_the_browser_and_none_for_a_password() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for other in ["token", "code token", "token code", "id_token token", "code id_token"] {
        for mode in ["query", "fragment", "form_post"] {
            let asked = [("response_type", other), ("response_mode", mode), ("nonce", "n")];
            let answer = alice.get(&authorize(&asked)).await;
            for given in ["access_token", "id_token=", "code="] {
                let told = answer.header("location").unwrap_or_default();
                assert!(!told.contains(given) && !answer.body.contains(given), "{answer:?}");
            }
            if mode == "query" {
                hears(&answer, "unsupported_response_type");
                assert_eq!(answer.location_param("state").as_deref(), Some("st"));
            }
        }
    }
    let grants = ["password", "implicit", "foo", "urn:ietf:params:oauth:grant-type:device_code"];
    for (client, secret) in [("orders", "orders-secret"), ("machine", "machine-secret")] {
        for grant in grants {
            let form = [
                ("grant_type", grant),
                ("client_id", client),
                ("client_secret", secret),
                ("username", "alice@acme.test"),
                ("password", "alice-password"),
            ];
            refused(&server.token(&form).await, 400, "unsupported_grant_type");
        }
    }
    let published = server.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(published["response_types_supported"], serde_json::json!(["code"]));
    let grants = published["grant_types_supported"].as_array().unwrap();
    assert!(grants.iter().all(|grant| grant != "password" && grant != "implicit"), "{grants:?}");
    assert_eq!(server.db.count("SELECT count(*) FROM access_tokens").await, 0);
}

#[tokio::test]
async fn c12_no_error_splits_a_header_or_leaves_its_alphabet() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let odd = "a\"b\\c\r\nSet-Cookie: x=1\r\n\r\nü\u{2028}";
    for name in
        ["response_type", "scope", "prompt", "max_age", "response_mode", "code_challenge_method"]
    {
        let answer = alice.get(&authorize(&[(name, odd)])).await;
        assert!(answer.header("set-cookie").is_none_or(|cookie| !cookie.contains("x=1")), "{name}");
        if answer.header("location").is_none() {
            stays_here(&answer);
            continue;
        }
        let description = answer.location_param("error_description").unwrap_or_default();
        let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(allowed), "{name}: {description}");
        assert!(answer.location_param("error").is_some(), "{name}: {}", answer.location());
    }
    let answer = server.token(&[("grant_type", odd)]).await;
    assert_eq!(answer.header("set-cookie"), None);
    assert!((400..500).contains(&answer.status));
    let scope = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("scope", odd),
    ];
    refused(&server.token(&scope).await, 400, "invalid_scope");
}

#[tokio::test]
async fn c44_every_answer_names_its_issuer() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let issuer = alice.get("/.well-known/openid-configuration").await.json();
    assert_eq!(issuer["authorization_response_iss_parameter_supported"], true);
    for changes in [
        &[][..],
        &[("response_mode", "fragment")],
        &[("response_type", "token")],
        &[("prompt", "none login")],
        &[("request", "x")],
    ] {
        let answer = alice.get(&authorize(changes)).await;
        assert_eq!(
            answer.location_param("iss").as_deref(),
            issuer["issuer"].as_str(),
            "{changes:?}"
        );
    }
    let nobody = server.browser().get(&authorize(&[("prompt", "none")])).await;
    assert_eq!(nobody.location_param("iss"), Some(server.url.clone()));
    assert_eq!(issuer["issuer"], server.url.as_str());
}

#[tokio::test]
async fn c47_a_nonce_comes_back_as_it_was_and_is_not_made_up() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for nonce in ["n".repeat(64), "0123456789ab".repeat(32)] {
        let code = alice.code(&[("nonce", &nonce)]).await;
        let tokens = server.redeem(&code).await.json();
        assert_eq!(text(&claims(text(&tokens, "id_token")), "nonce"), nonce);
    }
    let tokens = server.tokens_for(&alice, "openid").await;
    assert_eq!(claims(text(&tokens, "id_token")).get("nonce"), None);
}

#[tokio::test]
async fn c48_a_state_comes_back_whole_or_not_at_all() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for length in [1000, 8000] {
        let state = "s%+ü&".repeat(length / 6);
        let answer = alice.get(&authorize(&[("state", &state)])).await;
        match answer.header("location") {
            Some(_) => assert_eq!(answer.location_param("state").as_deref(), Some(state.as_str())),
            None => stays_here(&answer),
        }
    }
    let answer = alice.get(&without("state")).await;
    assert!(!answer.location().contains("state"), "{}", answer.location());
    let answer = alice.get(&authorize(&[("state", "")])).await;
    assert!(!answer.location().contains("state"), "{}", answer.location());
}

#[tokio::test]
async fn c52_what_is_not_known_is_passed_over_and_never_repeated_raw() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for (name, value) in [
        ("unknown", "x"),
        ("display", "popup"),
        ("display", "touch"),
        ("ui_locales", "se fr-CA"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("acr_values", "urn:mace:incommon:iap:silver"),
        ("claims", r#"{"userinfo":{"name":{"essential":true}},"id_token":{"sub":null}}"#),
        ("claims", "no JSON"),
        ("resource_x", ""),
    ] {
        let answer = alice.get(&authorize(&[(name, value)])).await;
        assert!(answer.location_param("code").is_some(), "{name}={value}: {}", answer.location());
    }
    let browser = server.browser();
    let first = browser.open(&authorize(&[("login_hint", "\"><x>@y")])).await;
    let login = browser.open(first.location()).await;
    assert_eq!(login.status, 200);
    assert!(!login.body.contains("\"><x>"), "{}", login.body);
}

#[tokio::test]
async fn c53_request_objects_are_refused_and_never_half_used() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let none = "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6Im90aGVyIn0.";
    for request in [none, "x", "a.b.c"] {
        let answer = alice.get(&authorize(&[("request", request)])).await;
        hears(&answer, "request_not_supported");
        assert_eq!(answer.location_param("state").as_deref(), Some("st"));
    }
    for uri in ["http://127.0.0.1:9/request", "urn:x", "http://169.254.169.254/"] {
        let answer = alice.get(&authorize(&[("request_uri", uri)])).await;
        hears(&answer, "request_uri_not_supported");
    }
    hears(&alice.get(&authorize(&[("registration", "{}")])).await, "registration_not_supported");
}

#[tokio::test]
async fn c98_a_request_may_be_posted() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let post = |browser: Browser| async move {
        let request = browser.request(Method::POST, "/authorize");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("origin", "https://shop.test");
        let request = request.header("sec-fetch-site", "cross-site").body(asked(&[]));
        browser.send(request).await
    };
    let answer = post(alice).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.location_param("code").is_some(), "{}", answer.location());
    // A cookie of SameSite=Lax does not come along with a cross-site post; then they sign in, and go on.
    let answer = post(server.browser()).await;
    assert!(matches!(answer.status, 302 | 303), "{}", answer.body);
    assert!(answer.location().contains("client_id"), "{}", answer.location());
}

#[tokio::test]
async fn other_methods_are_405() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for path in ["/authorize", "/oauth/token", "/oauth/introspect", "/oauth/revoke", "/userinfo"] {
        for method in [Method::PUT, Method::DELETE] {
            let answer = browser.send(browser.request(method, path)).await;
            assert_eq!(answer.status, 405, "{path}");
            assert!(answer.header("allow").is_some(), "{path}");
        }
    }
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 405, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_clear_no() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for query in ["state=%", "state=%zz", "state=%ff", "scope=%c3%28", &"a=1&".repeat(400)] {
        let answer = alice.open(&format!("{}&{query}", without("state"))).await;
        assert!(answer.header("location").is_none_or(|to| !to.contains("code=")), "{query}");
        assert!(answer.status < 500, "{query}");
    }
    for (kind, body) in [
        ("application/x-www-form-urlencoded", &b"grant_type=%"[..]),
        ("application/x-www-form-urlencoded", b"grant_type=%ff"),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"{\"grant_type\":1}"),
        ("application/json", b"{\"grant_type\":\"a\",\"grant_type\":\"b\"}"),
        ("text/plain", b"grant_type=client_credentials"),
        ("multipart/form-data", b"x"),
    ] {
        let request = alice.request(Method::POST, "/oauth/token").header("content-type", kind);
        let answer = alice.send(request.body(body)).await;
        assert!((400..500).contains(&answer.status), "{kind}: {}", answer.status);
        assert!(answer.json()["error"].is_string(), "{}", answer.body);
    }
    let huge = "x".repeat(1 << 20);
    let answer = server.token(&[("grant_type", "client_credentials"), ("x", &huge)]).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
}
