//! Tokens that somebody else made, or that were made for something else.
use super::forge::{Forge, encode, now, unsigned};
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;
use std::net::TcpListener;

/// The header of a token, unchecked.
pub(super) fn header(jwt: &str) -> Value {
    let head = URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&head).unwrap()
}

/// The claims of a token that the machine could have got for itself.
async fn claims(server: &TestServer) -> Value {
    let at = now(server).await;
    json!({
        "iss": server.url, "sub": "machine", "aud": "https://jobs.test/api", "client_id": "machine",
        "iat": at, "exp": at + 600, "jti": understudy::crypto::random::secret(), "scope": "jobs:run",
        "gty": "client-credentials",
    })
}

/// Nowhere is it taken for anything.
async fn worth_nothing(server: &TestServer, jwt: &str) {
    let answer = server.introspect(jwt).await;
    assert_eq!(answer.body, r#"{"active":false}"#, "{jwt:.300}");
    assert_eq!(server.userinfo(jwt).await.status, 401, "{jwt:.300}");
    let browser = server.browser();
    let request = browser.request(reqwest::Method::GET, "/api/impersonations").bearer_auth(jwt);
    assert_eq!(browser.send(request).await.status, 401, "{jwt:.300}");
    refused(&client_authentication::assert_at(&server.url, jwt).await, 401, "invalid_client");
    if jwt.len() < 16_000 {
        stays_here(&server.browser().open(&authorize(&[("id_token_hint", jwt)])).await);
    }
}

#[tokio::test]
async fn a_token_that_is_signed_and_shaped_as_ours_is_taken() {
    // Otherwise the refusals below would prove nothing.
    let server = TestServer::start().await;
    let forge = Forge::of(&server).await;
    let claims = claims(&server).await;
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        let jwt = forge.typed(typ, &claims);
        assert_eq!(server.introspect(&jwt).await.json()["active"], true, "{typ}");
    }
}

#[tokio::test]
async fn c68_an_unsigned_token_is_worth_nothing() {
    let server = TestServer::start().await;
    let claims = claims(&server).await.to_string();
    let kid = Forge::of(&server).await.kid;
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "EdDSA"] {
        for typ in ["at+jwt", "JWT"] {
            let head = json!({"alg": alg, "typ": typ, "kid": kid}).to_string();
            let signed = unsigned(head.as_bytes(), claims.as_bytes());
            for signature in [".", ".AAAA", ""] {
                worth_nothing(&server, &format!("{signed}{signature}")).await;
            }
        }
    }
}

#[tokio::test]
async fn c69_a_public_key_is_no_secret_to_sign_with() {
    let server = TestServer::start().await;
    let claims = claims(&server).await.to_string();
    let forge = Forge::of(&server).await;
    let point = {
        let x = URL_SAFE_NO_PAD.decode(text(&forge.jwk, "x")).unwrap();
        let y = URL_SAFE_NO_PAD.decode(text(&forge.jwk, "y")).unwrap();
        [&[4_u8][..], &x, &y].concat()
    };
    let der = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ][..],
        &point,
    ]
    .concat();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let published = server.browser().get("/.well-known/jwks.json").await.json();
    let jwk = published["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == forge.kid.as_str())
        .unwrap();
    let mut bare = jwk.clone();
    bare.as_object_mut().unwrap().remove("alg");
    for secret in [
        der.clone(),
        point,
        pem.clone().into_bytes(),
        format!("{pem}\n").into_bytes(),
        format!(" \n{pem}").into_bytes(),
        jwk.to_string().into_bytes(),
        bare.to_string().into_bytes(),
        base64.into_bytes(),
        Vec::new(),
    ] {
        let head = json!({"alg": "HS256", "typ": "at+jwt", "kid": forge.kid}).to_string();
        let signed = unsigned(head.as_bytes(), claims.as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, signed.as_bytes());
        worth_nothing(&server, &format!("{signed}.{}", encode(tag))).await;
    }
}

#[tokio::test]
async fn c70_a_token_does_not_bring_its_own_key() {
    let server = TestServer::start().await;
    let claims = claims(&server).await;
    let forge = Forge::new("mine");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let known = Forge::of(&server).await.kid;
    for kid in [known.as_str(), "mine", &url] {
        for (name, value) in [
            ("jwk", forge.jwk.clone()),
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("x5c", json!(["MIIB"])),
            ("keys", forge.set()),
        ] {
            let mut head = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
            head[name] = value;
            worth_nothing(&server, &forge.sign(&head, &claims)).await;
        }
    }
    let without_kid = json!({"alg": "ES256", "typ": "at+jwt", "jwk": forge.jwk});
    worth_nothing(&server, &forge.sign(&without_kid, &claims)).await;
    assert!(listener.accept().is_err(), "nobody fetched anything");
}

#[tokio::test]
async fn c71_a_kid_is_looked_up_as_it_stands_among_our_own() {
    let server = TestServer::start().await;
    let claims = claims(&server).await;
    let forge = Forge::new("client-key");
    let sql = format!(
        "UPDATE clients SET auth_method = 'private_key_jwt', jwks = '{}' WHERE id = 'orders'",
        forge.set()
    );
    server.db.sql(&sql).await;
    let long = "x".repeat(10_000);
    for kid in ["../../dev/null", "' OR 1=1 --", ";id", "a\0b", "", "client-key", "*", "%", &long] {
        let head = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        worth_nothing(&server, &forge.sign(&head, &claims)).await;
    }
    for kid in [json!(null), json!(1), json!(["client-key"]), json!({})] {
        let head = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        worth_nothing(&server, &forge.sign(&head, &claims)).await;
    }
    let huge = json!({"alg": "ES256", "typ": "at+jwt", "kid": "x".repeat(1 << 20)});
    let answer = server.introspect(&forge.sign(&huge, &claims)).await;
    assert!(answer.body == r#"{"active":false}"# || answer.status == 413, "{}", answer.status);
}

#[tokio::test]
async fn c72_an_extension_that_is_not_understood_is_refused() {
    let server = TestServer::start().await;
    let claims = claims(&server).await;
    let forge = Forge::of(&server).await;
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!("x")),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        let mut head = json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.kid});
        head[name] = value;
        worth_nothing(&server, &forge.sign(&head, &claims)).await;
    }
}

#[tokio::test]
async fn c73_a_token_for_one_thing_is_good_for_nothing_else() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let code = alice
        .code(&[("scope", "openid offline_access"), ("audience", "https://orders.test/api")])
        .await;
    let tokens = server.redeem(&code).await.json();
    let opaque = server.tokens_for(&alice, "openid").await;
    let forge = Forge::of(&server).await;
    let claims = claims(&server).await;
    let client_key = Forge::new("k");
    let sql = format!(
        "UPDATE clients SET auth_method = 'private_key_jwt', jwks = '{}' WHERE id = 'closed'",
        client_key.set()
    );
    server.db.sql(&sql).await;
    let mut assertion_claims = claims.clone();
    for (name, value) in [("iss", "closed"), ("sub", "closed"), ("aud", server.url.as_str())] {
        assertion_claims[name] = value.into();
    }
    let all = [
        ("id", text(&tokens, "id_token").to_owned()),
        ("jwt", text(&tokens, "access_token").to_owned()),
        ("opaque", text(&opaque, "access_token").to_owned()),
        ("refresh", text(&tokens, "refresh_token").to_owned()),
        ("code", alice.code(&[]).await),
        ("logout", forge.typed("logout+jwt", &claims)),
        ("untyped", forge.typed("", &claims)),
        ("request", forge.typed("oauth-authz-req+jwt", &claims)),
        ("event", forge.typed("secevent+jwt", &claims)),
        ("assertion", client_key.typed("JWT", &assertion_claims)),
        ("bewit", server.link("legacy").await.split("bewit=").nth(1).unwrap().to_owned()),
    ];
    let endpoints: [(&str, &[&str]); 6] = [
        // As with Auth0: a token for an API that was granted `openid` is good for userinfo too.
        ("userinfo", &["opaque", "jwt"]),
        ("introspect", &["opaque", "jwt"]),
        ("refresh", &["refresh"]),
        ("assertion", &["assertion"]),
        ("hint", &["id"]),
        ("cookie", &[]),
    ];
    for (endpoint, good) in endpoints {
        for (kind, token) in &all {
            let taken = taken_at(&server, &alice, endpoint, token).await;
            assert_eq!(taken, good.contains(kind), "{kind} at {endpoint}");
        }
    }
    // As a code, only the code.
    for (kind, token) in &all {
        assert_eq!(server.redeem(token).await.status == 200, *kind == "code", "{kind}");
    }
}

async fn taken_at(server: &TestServer, alice: &Browser, endpoint: &str, token: &str) -> bool {
    match endpoint {
        "userinfo" => server.userinfo(token).await.status == 200,
        "introspect" => server.introspect(token).await.json()["active"] == true,
        "refresh" => server.refresh(token, &[]).await.status == 200,
        "assertion" => {
            // `closed` may not use this grant; but then it has shown who it is.
            let answer = client_authentication::assert_at(&server.url, token).await;
            answer.json()["error"] != "invalid_client"
        }
        "hint" => {
            let answer = alice.open(&authorize(&[("id_token_hint", token)])).await;
            answer.header("location").is_some_and(|to| to.contains("code="))
        }
        _ => {
            let browser = server.browser();
            let request =
                browser.request(reqwest::Method::GET, "/account").header("accept", "text/html");
            let answer =
                browser.send(request.header("cookie", format!("understudy={token}"))).await;
            answer.status == 200 && answer.body.contains("Alice")
        }
    }
}

#[tokio::test]
async fn c74_a_token_that_lacks_a_claim_is_refused() {
    let server = TestServer::start().await;
    let forge = Forge::of(&server).await;
    let whole = claims(&server).await;
    for name in ["iss", "exp", "iat", "aud", "client_id", "jti"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(name);
        worth_nothing(&server, &forge.typed("at+jwt", &part)).await;
    }
    for (name, value) in [
        ("aud", json!([])),
        ("aud", json!({})),
        ("aud", json!(7)),
        ("iss", json!("https://other.example")),
        ("iss", json!([server.url])),
        ("client_id", json!("unknown")),
        ("gty", json!(null)),
    ] {
        let mut odd = whole.clone();
        odd[name] = value;
        worth_nothing(&server, &forge.typed("at+jwt", &odd)).await;
    }
}

#[tokio::test]
async fn c75_odd_times_are_refused() {
    let server = TestServer::start().await;
    let forge = Forge::of(&server).await;
    let whole = claims(&server).await;
    let at = now(&server).await;
    for (name, value) in [
        ("exp", json!((at + 600) * 1000)),
        ("exp", json!(1e300)),
        ("exp", json!(-1)),
        ("exp", json!("soon")),
        ("exp", json!((at + 600).to_string())),
        ("exp", json!(at + 60 * 365 * 24 * 3600)),
        ("exp", json!(at - 1)),
        ("exp", json!(0)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(null)),
        ("iat", json!(at + 120)),
        ("iat", json!(1e300)),
        ("iat", json!("now")),
        ("nbf", json!(at + 120)),
        ("nbf", json!(i64::MAX)),
    ] {
        let mut odd = whole.clone();
        odd[name] = value;
        worth_nothing(&server, &forge.typed("at+jwt", &odd)).await;
    }
}

#[tokio::test]
async fn c76_json_with_tricks_in_it_is_refused() {
    let server = TestServer::start().await;
    let forge = Forge::of(&server).await;
    let claims = claims(&server).await.to_string();
    let head = json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.kid}).to_string();
    let with = |more: &str| format!("{{{more},{}", &claims[1..]);
    let deep = with(&format!("\"x\":{}{}", "[".repeat(2000), "]".repeat(2000)));
    let tricks = [
        with("\"sub\":\"usr_ada\""),
        with("\"\\u0073ub\":\"usr_ada\""),
        with("\"x\":\"\\u0000\""),
        with("\"x\":\"\\ud800\""),
        format!("\u{feff}{claims}"),
        format!("{claims}x"),
        format!("{claims}{claims}"),
        format!("[{claims}]"),
        deep,
        String::new(),
        "null".to_owned(),
    ];
    for payload in &tricks {
        worth_nothing(&server, &forge.sign_bytes(head.as_bytes(), payload.as_bytes())).await;
    }
    let not_utf8 = [&claims.as_bytes()[..claims.len() - 2], b"\xff\"}"].concat();
    worth_nothing(&server, &forge.sign_bytes(head.as_bytes(), &not_utf8)).await;
    let twice = format!("{{\"alg\":\"none\",{}", &head[1..]);
    worth_nothing(&server, &forge.sign_bytes(twice.as_bytes(), claims.as_bytes())).await;
    let deeper = with(&format!("\"x\":{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let answer = server.introspect(&forge.sign_bytes(head.as_bytes(), deeper.as_bytes())).await;
    assert!(matches!(answer.status, 200 | 400 | 413), "{}", answer.status);
    assert!(!answer.body.contains("\"active\":true"), "{}", answer.body);
}
