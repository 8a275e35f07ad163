//! SQL in every parameter.
use crate::box_::APP;
use crate::support::{Browser, TestServer};
use reqwest::{Method, RequestBuilder};
use std::time::{Duration, Instant};

const PAYLOADS: [&str; 9] = [
    "'",
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "' UNION SELECT password_hash FROM credentials --",
    "1) OR 1=1 --",
    "'||(SELECT pg_sleep(20))||'",
    "1; SELECT pg_sleep(20)",
    "$$; TRUNCATE audit_events; $$",
    "%_\\' ORDER BY 1 DESC",
];

/// Method, path, and the names of its parameters.
const DOORS: [(&str, &str, &[&str]); 12] = [
    (
        "GET",
        "/2.0/users",
        &[
            "filter_term",
            "external_app_user_id",
            "fields",
            "limit",
            "offset",
            "marker",
            "user_type",
        ],
    ),
    ("GET", "/2.0/users/{}", &["fields"]),
    (
        "GET",
        "/api/impersonations",
        &["actor", "subject", "client_id", "status", "limit", "before", "sort", "order"],
    ),
    ("GET", "/api/impersonations/{}", &[]),
    ("GET", "/console/users", &["q", "after", "organization", "sort"]),
    ("GET", "/console/users/{}", &[]),
    (
        "GET",
        "/console/impersonations",
        &[
            "actor",
            "subject",
            "client",
            "protocol",
            "channel",
            "end_reason",
            "since",
            "until",
            "before",
        ],
    ),
    (
        "GET",
        "/console/audit",
        &[
            "type",
            "person",
            "actor",
            "subject",
            "client",
            "since",
            "until",
            "before",
            "impersonation",
        ],
    ),
    ("GET", "/authorize", &["client_id", "redirect_uri", "state", "scope", "nonce", "login_hint"]),
    (
        "POST",
        "/oauth/token",
        &["grant_type", "client_id", "client_secret", "code", "refresh_token", "scope", "audience"],
    ),
    (
        "POST",
        "/oauth2/token",
        &["grant_type", "client_id", "client_secret", "box_subject_id", "subject_token"],
    ),
    ("POST", "/oauth/introspect", &["client_id", "token", "as_user"]),
];

fn requests(browser: &Browser, bearer: &str, payload: &str) -> Vec<RequestBuilder> {
    let encoded: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20");
    let mut requests = Vec::new();
    for (method, path, names) in DOORS {
        let (path, get) = (path.replace("{}", &encoded), method == "GET");
        let ask = |path: &str| {
            let request = browser.request(if get { Method::GET } else { Method::POST }, path);
            if path.starts_with("/console") { request } else { request.bearer_auth(bearer) }
        };
        if names.is_empty() || path.contains(&encoded) {
            requests.push(ask(&path));
        }
        for name in names {
            let one = format!("{name}={encoded}");
            requests.push(if get {
                ask(&format!("{path}?{one}"))
            } else {
                let client = "client_id=machine&client_secret=machine-secret&grant_type=client_credentials&token=x";
                let others: Vec<&str> =
                    client.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
                let kind = "application/x-www-form-urlencoded";
                browser
                    .request(Method::POST, &path)
                    .header("content-type", kind)
                    .body(format!("{}&{one}", others.join("&")))
            });
        }
    }
    requests
}

#[tokio::test]
async fn i01_sql_in_a_parameter_is_text_and_nothing_else() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let bearer = APP.enterprise_token(&server).await;
    let ada = server.browser();
    assert_eq!(ada.sign_in("ada@understudy.test", "ada-password").await.status, 303);
    let before = server.db.contents().await;
    for payload in PAYLOADS {
        for request in requests(&ada, &bearer, payload) {
            let shown = format!("{request:?}");
            let begun = Instant::now();
            let page = ada.send(request).await;
            assert!(page.status < 500, "{shown}: {page:?}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{shown}");
            let body = page.body.to_lowercase();
            for leak in ["argon2id", "syntax error", "postgres", "diesel"] {
                assert!(!body.contains(leak), "{shown}: {leak}");
            }
        }
        // The form of another browser: nobody is signed in, and no attempt is counted.
        let form = server.browser().open("/login").await;
        let refused = server.browser().sign_in_on(&form, payload, payload).await;
        assert_eq!(refused.status / 100, 4, "{refused:?}");
    }
    let changed: Vec<_> =
        server.db.contents().await.into_iter().filter(|t| !before.contains(t)).collect();
    // Tokens that were asked for, and when Ada was last seen.
    let allowed = ["access_tokens", "sessions"];
    assert!(changed.iter().all(|(table, _)| allowed.contains(&table.as_str())), "{changed:?}");
}
