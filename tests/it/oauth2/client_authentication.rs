//! An application shows who it is by what it registered, and by nothing else.
use super::forge::{Forge, encode as base64url, now};
use super::*;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn basic(server: &TestServer, header: &str, more: &Pairs<'_>) -> Page {
    let browser = server.browser();
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(more);
    let request = browser.request(Method::POST, "/oauth/token").header("authorization", header);
    browser.send(request.form(&form)).await
}

fn userpass(text: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

#[tokio::test]
async fn a_secret_goes_by_basic_or_in_the_body_of_a_form_or_of_json() {
    let server = TestServer::start().await;
    let by_basic = basic(&server, &userpass("machine:machine-secret"), &[]).await;
    assert_eq!(by_basic.status, 200, "{}", by_basic.body);
    server.client_token("machine", "machine-secret").await;
    let body = json!({
        "grant_type": "client_credentials", "client_id": "machine", "client_secret": "machine-secret",
    });
    let by_json = server.browser().post_json("/oauth/token", body).await;
    assert_eq!(by_json.status, 200, "{}", by_json.body);
    let named =
        basic(&server, &userpass("machine:machine-secret"), &[("client_id", "machine")]).await;
    assert_eq!(named.status, 200, "{}", named.body);
}

#[tokio::test]
async fn c35_wrong_missing_unknown_and_disabled_are_one_answer() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'closed'").await;
    let grant = ("grant_type", "authorization_code");
    let mut answers = Vec::new();
    for (client, secret) in [
        ("orders", "wrong"),
        ("orders", ""),
        ("orders", "orders-secre"),
        ("orders", "orders-secret "),
        ("orders", "invoices-secret"),
        ("unknown", "orders-secret"),
        ("closed", "closed-secret"),
        ("spa", "anything"),
    ] {
        let form = [grant, ("client_id", client), ("client_secret", secret), ("code", "x")];
        answers.push(server.token(&form).await);
        answers.push(basic(&server, &userpass(&format!("{client}:{secret}")), &[]).await);
    }
    answers.push(server.token(&[grant, ("code", "x")]).await);
    answers.push(server.token(&[grant, ("code", "x"), ("client_id", "orders")]).await);
    for answer in &answers {
        refused(answer, 401, "invalid_client");
        assert_eq!(answer.body, answers[0].body, "nothing tells which it was");
    }
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let form = [("token", "x"), ("client_id", "orders"), ("client_secret", "wrong")];
        refused(&server.browser().post_form(path, &form).await, 401, "invalid_client");
    }
}

#[tokio::test]
async fn c36_two_ways_at_once_are_refused() {
    let server = TestServer::start().await;
    let good = userpass("machine:machine-secret");
    for more in [
        &[("client_id", "machine"), ("client_secret", "machine-secret")][..],
        &[("client_secret", "machine-secret")],
        &[("client_secret", "wrong")],
        &[("client_assertion_type", ASSERTION_TYPE), ("client_assertion", "a.b.c")],
        &[("client_id", "orders")],
    ] {
        refused(&basic(&server, &good, more).await, 400, "invalid_request");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", "a.b.c"),
    ];
    refused(&server.token(&form).await, 400, "invalid_request");
}

#[tokio::test]
async fn c37_basic_is_read_as_the_rule_says_and_never_falls_over() {
    let server = TestServer::start().await;
    let odd = "s%:e+c&r ü";
    let hash = "encode(sha256(convert_to('s%:e+c&r ü', 'UTF8')), 'hex')";
    server
        .db
        .sql(&format!(
            "INSERT INTO client_secrets VALUES ('machine', decode({hash}, 'hex'), now())"
        ))
        .await;
    let encoded: String = url::form_urlencoded::byte_serialize(odd.as_bytes()).collect();
    let answer = basic(&server, &userpass(&format!("machine:{encoded}")), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let usual = userpass("machine:machine-secret");
    for scheme in ["basic", "BASIC", "bAsIc"] {
        let header = usual.replacen("Basic", scheme, 1);
        assert_eq!(basic(&server, &header, &[]).await.status, 200, "{scheme}");
    }
    for header in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic bWFjaGluZQ==",
        "Basic Og==",
        "Basic /w==",
        "Basic //8=",
        "Bearer x",
        "Digest x",
        "",
        "Basic a b c",
        &userpass("machine:%"),
        &userpass("machine:%zz"),
        &userpass("machine:%ff"),
        &userpass("machine\0:x"),
    ] {
        let answer = basic(&server, header, &[]).await;
        assert!(matches!(answer.status, 400 | 401), "{header}: {}", answer.status);
    }
}

#[tokio::test]
async fn c38_another_way_than_the_registered_one_is_refused() {
    let server = TestServer::start().await;
    for (client, method) in [
        ("orders", "private_key_jwt"),
        ("invoices", "client_secret_basic"),
        ("closed", "client_secret_post"),
    ] {
        let sql = format!("UPDATE clients SET auth_method = '{method}' WHERE id = '{client}'");
        server.db.sql(&sql).await;
    }
    let grant = [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", CALLBACK)];
    for client in ["orders", "invoices"] {
        let secret = format!("{client}-secret");
        let mut form = grant.to_vec();
        form.extend([("client_id", client), ("client_secret", secret.as_str())]);
        refused(&server.token(&form).await, 401, "invalid_client");
    }
    for client in ["orders", "closed"] {
        let header = userpass(&format!("{client}:{client}-secret"));
        refused(&basic(&server, &header, &[]).await, 401, "invalid_client");
    }
    for client in ["orders", "invoices", "closed", "machine", "global"] {
        let mut form = grant.to_vec();
        form.push(("client_id", client));
        refused(&server.token(&form).await, 401, "invalid_client");
    }
    let assertion = Forge::new("k").typed("JWT", &json!({"iss": "closed", "sub": "closed"}));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    refused(&server.token(&form).await, 401, "invalid_client");
    let right = basic(&server, &userpass("invoices:invoices-secret"), &[]).await;
    refused(&right, 400, "unauthorized_client");
}

/// The machine, with a key in place of its secret.
async fn with_key(server: &TestServer) -> Forge {
    let forge = Forge::new("machine-key");
    let sql = format!(
        "UPDATE clients SET auth_method = 'private_key_jwt', jwks = '{}' WHERE id = 'machine'",
        forge.set()
    );
    server.db.sql(&sql).await;
    forge
}

async fn claims(server: &TestServer, changes: Value) -> Value {
    let at = now(server).await;
    let mut claims = json!({
        "iss": "machine", "sub": "machine", "aud": server.url, "iat": at, "exp": at + 60,
        "jti": understudy::crypto::random::secret(),
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub(super) async fn assert_at(url: &str, assertion: &str) -> Page {
    assert_by(&Browser::new(url), assertion).await
}

async fn assert_by(node: &Browser, assertion: &str) -> Page {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    node.post_form("/oauth/token", &form).await
}

/// An assertion that was good, once.
pub(super) async fn used_assertion(server: &TestServer) -> String {
    let forge = with_key(server).await;
    let assertion = forge.typed("JWT", &claims(server, json!({})).await);
    let answer = assert_at(&server.url, &assertion).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assertion
}

#[tokio::test]
async fn c39_an_assertion_is_good_once() {
    let server = TestServer::start().await;
    let forge = with_key(&server).await;
    let claims = claims(&server, json!({})).await;
    let assertion = forge.typed("JWT", &claims);
    assert_eq!(assert_at(&server.url, &assertion).await.status, 200);
    refused(&assert_at(&server.url, &assertion).await, 401, "invalid_client");
    // The same `jti` in other words.
    let again = forge.typed("", &claims);
    refused(&assert_at(&server.url, &again).await, 401, "invalid_client");
    // Inside the tolerance after its expiry it is still known, also after cleaning up.
    server.db.advance("62 seconds").await;
    let ctx = server.parts.context(1).unwrap();
    let looking = understudy::flows::impersonation::end_impersonation::ScanWindow::Recent;
    understudy::flows::operations::housekeeping::delete_expired(&ctx, looking).await.unwrap();
    refused(&assert_at(&server.url, &assertion).await, 401, "invalid_client");
}

/// However many bring the same assertion, one is let in.
pub(super) async fn one_wins(server: &TestServer, nodes: &[&str]) {
    let forge = with_key(server).await;
    let assertion = forge.typed("JWT", &claims(server, json!({})).await);
    let nodes: Vec<_> = nodes.iter().map(|url| Browser::new(url)).collect();
    let bringing = (0..60).map(|nth| assert_by(&nodes[nth % nodes.len()], &assertion));
    let answers = join_all(bringing).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        refused(lost, 401, "invalid_client");
    }
}

#[tokio::test]
async fn c39_of_many_at_once_one_is_let_in() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    one_wins(&server, &[&server.url]).await;
}

#[tokio::test]
async fn c40_each_defect_of_an_assertion_is_fatal() {
    let server = TestServer::start().await;
    let forge = with_key(&server).await;
    let at = now(&server).await;
    let token_url = format!("{}/oauth/token", server.url);
    let slash = format!("{}/", server.url);
    for changes in [
        json!({"sub": null}),
        json!({"sub": "orders"}),
        json!({"iss": "orders"}),
        json!({"iss": "orders", "sub": "orders"}),
        json!({"iss": null}),
        json!({"aud": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": [server.url]}),
        json!({"aud": [server.url, "https://other.example"]}),
        json!({"aud": []}),
        json!({"aud": token_url}),
        json!({"aud": slash}),
        json!({"exp": at - 300}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"exp": at + 90_000}),
        json!({"exp": (at + 60) * 1000}),
        json!({"nbf": at + 90}),
        json!({"iat": at + 90}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 7}),
        json!({"jti": "x".repeat(300)}),
    ] {
        let assertion = forge.typed("JWT", &claims(&server, changes.clone()).await);
        let answer = assert_at(&server.url, &assertion).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (401, &json!("invalid_client")),
            "{changes}"
        );
    }
    let other = Forge::new("machine-key");
    let assertion = other.typed("JWT", &claims(&server, json!({})).await);
    refused(&assert_at(&server.url, &assertion).await, 401, "invalid_client");
    let good = forge.typed("JWT", &claims(&server, json!({})).await);
    assert_eq!(assert_at(&server.url, &good).await.status, 200);
}

#[tokio::test]
async fn c40_the_assertion_and_the_name_beside_it_agree() {
    let server = TestServer::start().await;
    let forge = with_key(&server).await;
    let assertion = forge.typed("JWT", &claims(&server, json!({})).await);
    let form = |id: &'static str, kind: &'static str| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_assertion_type", kind),
            ("client_assertion", assertion.as_str()),
        ]
    };
    refused(&server.token(&form("orders", ASSERTION_TYPE)).await, 401, "invalid_client");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let answer = server.token(&form("machine", saml)).await;
    assert!(matches!(answer.status, 400 | 401), "{}", answer.body);
    assert_eq!(server.token(&form("machine", ASSERTION_TYPE)).await.status, 200);
}

#[tokio::test]
async fn c41_a_clock_that_runs_ahead_a_little_is_forgiven() {
    let server = TestServer::start().await;
    let forge = with_key(&server).await;
    let at = now(&server).await;
    for changes in
        [json!({"nbf": at + 8}), json!({"iat": at + 10}), json!({"nbf": at + 10, "iat": at + 10})]
    {
        let assertion = forge.typed("JWT", &claims(&server, changes.clone()).await);
        let answer = assert_at(&server.url, &assertion).await;
        assert_eq!(answer.status, 200, "{changes}: {}", answer.body);
    }
}

#[tokio::test]
async fn c40_what_is_no_assertion_is_refused() {
    let server = TestServer::start().await;
    let forge = with_key(&server).await;
    let good = claims(&server, json!({})).await;
    let none = format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(good.to_string()));
    let long = format!("a.{}.c", "x".repeat(20_000));
    for assertion in ["", "x", "a.b", "a.b.c", "a.b.c.d.e", &none, &long] {
        let answer = assert_at(&server.url, assertion).await;
        assert!(matches!(answer.status, 400 | 401), "{assertion}: {}", answer.body);
    }
    // Tokens of ours for something else.
    for typ in ["at+jwt", "logout+jwt"] {
        let answer = assert_at(&server.url, &forge.typed(typ, &good)).await;
        refused(&answer, 401, "invalid_client");
    }
}

#[tokio::test]
async fn c42_the_token_endpoint_takes_posted_forms_and_knows_its_grants() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let get = browser.get("/oauth/token?grant_type=client_credentials").await;
    assert_eq!(get.status, 405);
    let query =
        "/oauth/token?grant_type=client_credentials&client_id=machine&client_secret=machine-secret";
    let answer = browser.send(browser.request(Method::POST, query)).await;
    assert!(matches!(answer.status, 400 | 401), "{}", answer.body);
    let answer = browser.post_form(query, &[("scope", "jobs:run")]).await;
    assert!(matches!(answer.status, 400 | 401), "{}", answer.body);
    let client = [("client_id", "machine"), ("client_secret", "machine-secret")];
    refused(&server.token(&client).await, 400, "invalid_request");
    for (grant, error) in [
        ("", "invalid_request"),
        ("foo", "unsupported_grant_type"),
        ("authorization_code", "unauthorized_client"),
        ("refresh_token", "unauthorized_client"),
    ] {
        let mut form = client.to_vec();
        form.extend([
            ("grant_type", grant),
            ("code", "x"),
            ("refresh_token", "x"),
            ("redirect_uri", CALLBACK),
        ]);
        refused(&server.token(&form).await, 400, error);
    }
    let web = [
        ("grant_type", "client_credentials"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
    ];
    refused(&server.token(&web).await, 400, "unauthorized_client");
    refused(&server.exchange("orders", "", CALLBACK).await, 400, "invalid_request");
}
