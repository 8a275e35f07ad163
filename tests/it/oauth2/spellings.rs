//! Parameters in the spellings that clients send.
use super::*;
use crate::support::TestServer;

#[tokio::test]
async fn k58_an_empty_path_and_a_slash_are_one_audience_and_the_token_says_the_registered_one() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let mut conn = understudy::store::connection::pool::connect(&server.db.url).await.unwrap();
    let text = "version: 1\nclients:\n  - {client_id: jobs, kind: machine, client_secret: jobs-secret, \
                audiences: [\"https://mcp.example\", \"https://two.example/\", \"https://deep.example/a\", \"urn:api\"]}\n";
    let file = understudy::provision::read(text, |_| None).unwrap();
    understudy::provision::apply_to(&mut conn, &file, understudy::provision::Prune::No)
        .await
        .unwrap();
    let browser = server.browser();
    let asked = async |resource: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "jobs"),
            ("client_secret", "jobs-secret"),
            ("resource", resource),
        ];
        browser.post_form("/oauth/token", &form).await
    };
    for (resource, says) in [
        ("https://mcp.example", "https://mcp.example"),
        ("https://mcp.example/", "https://mcp.example"),
        ("https://two.example", "https://two.example/"),
        ("urn:api", "urn:api"),
    ] {
        let answer = asked(resource).await;
        assert_eq!(answer.status, 200, "{resource} {}", answer.body);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let claims = token.split('.').nth(1).unwrap();
        let claims =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
        let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(claims["aud"], says, "{resource}");
    }
    for other in [
        "https://mcp.example//",
        "https://mcp.example/a",
        "https://mcp.example?a=1",
        "https://mcp.example.evil/",
        "https://deep.example/a/",
        "urn:api/",
        "https://",
    ] {
        let answer = asked(other).await;
        assert_eq!(answer.json()["error"], "invalid_target", "{other} {}", answer.body);
    }
}

#[tokio::test]
async fn k49_only_names_that_are_read_are_given_once_and_the_application_hears_of_it() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let open =
        async |more: &Pairs<'_>| alice.open(&format!("{}&{}", authorize(&[]), encode(more))).await;
    let answer = open(&[("x", "1"), ("x", "2"), ("utm_source", "a"), ("utm_source", "a")]).await;
    assert!(answer.location_param("code").is_some(), "{answer:?}");
    for twice in [("scope", "email"), ("nonce", "n"), ("response_type", "code"), ("state", "x")] {
        let first = if twice.0 == "nonce" { &[("nonce", "m")][..] } else { &[] };
        let answer = open(&[first, &[twice]].concat()).await;
        assert_eq!(answer.location_param("error").as_deref(), Some("invalid_request"), "{twice:?}");
        assert!(answer.location().starts_with(CALLBACK), "{answer:?}");
        let state = answer.location_param("state");
        assert_eq!(state.is_none(), twice.0 == "state", "{twice:?}");
    }
    let two = [("resource", "https://a.example"), ("resource", "https://b.example")];
    let answer = open(&two).await;
    assert_eq!(answer.location_param("error").as_deref(), Some("invalid_target"), "{answer:?}");
    assert_eq!(answer.location_param("state").as_deref(), Some("st"));
    for unsure in [("client_id", "orders"), ("redirect_uri", CALLBACK)] {
        let page = open(&[unsure]).await;
        assert_eq!((page.status, page.header("location")), (400, None), "{unsure:?}");
    }
}

#[tokio::test]
async fn k52_an_address_is_recognized_however_it_is_composed_and_padded() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let mut conn = understudy::store::connection::pool::connect(&server.db.url).await.unwrap();
    let text = "version: 1\nusers:\n  - {id: usr_rene, email: \"ren\u{e9}@acme.test\", password: \"caf\u{e9}-password\", name: Ren\u{e9}}\n";
    let file = understudy::provision::read(text, |_| None).unwrap();
    understudy::provision::apply_to(&mut conn, &file, understudy::provision::Prune::No)
        .await
        .unwrap();
    for (email, password) in [
        ("ren\u{e9}@acme.test", "caf\u{e9}-password"),
        ("rene\u{301}@acme.test", "cafe\u{301}-password"),
        ("Rene\u{301}@ACME.test\t", "caf\u{e9}-password"),
        ("\u{a0} ren\u{e9}@acme.test \r\n", "caf\u{e9}-password"),
    ] {
        assert_eq!(server.browser().sign_in(email, password).await.status, 303, "{email:?}");
    }
    for (email, password) in
        [("rene@acme.test", "caf\u{e9}-password"), ("ren\u{e9}@acme.test", "cafe-password")]
    {
        assert_ne!(server.browser().sign_in(email, password).await.status, 303, "{email:?}");
    }
}

#[tokio::test]
async fn k53_a_reason_that_turns_the_line_around_is_refused() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "global"),
        ("client_secret", "global-secret"),
    ];
    let token = server.browser().post_form("/oauth/token", &form).await.json();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    for (name, value, good) in [
        ("reason", "broken cart", true),
        ("reason", "علی می\u{200c}خواهد", true),
        ("reason", "\u{202e}sam", false),
        ("reason", "a\u{200b}b", false),
        ("ticket", "ZD-\u{2066}1", false),
        ("ticket", "ZD\u{ad}1", false),
    ] {
        let body = serde_json::json!({
            "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy", name: value,
        });
        let browser = server.browser();
        let request = browser.request(reqwest::Method::POST, "/users/usr_alice/impersonate");
        let request = request.header("authorization", &bearer).body(body.to_string());
        let answer = browser.send(request).await;
        assert_eq!(answer.status == 200, good, "{value:?} {}", answer.body);
        if !good {
            assert!(answer.json()["error_description"].as_str().unwrap().contains(name));
        }
    }
    let text = "version: 1\nusers:\n  - {email: x@acme.test, name: \"\u{202e}ecilA\"}\n";
    let wrong = understudy::provision::read(text, |_| None).unwrap_err();
    assert!(wrong[0].to_string().contains("cannot be shown"), "{}", wrong[0]);
}

#[tokio::test]
async fn k51_ids_that_no_path_can_carry_are_refused_in_files() {
    for text in [
        "users:\n  - {id: \"..\", email: a@acme.test}",
        "users:\n  - {id: \".\", email: a@acme.test}",
        "organizations:\n  - {id: \"..\", name: x}",
        "roles:\n  - {name: \"..\", permissions: []}",
        "clients:\n  - {client_id: \"..\", kind: machine, client_secret: 0123456789abcdef}",
    ] {
        let text = format!("version: 1\n{text}\n");
        let wrong = understudy::provision::read(&text, |_| None).unwrap_err();
        assert!(wrong.iter().any(|one| one.to_string().contains("`..`")), "{text} {wrong:?}");
    }
}

#[tokio::test]
async fn k50_a_body_in_another_form_is_415_and_says_so() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let browser = server.browser();
    let form = "grant_type=client_credentials&client_id=machine&client_secret=machine-secret";
    let json = r#"{"grant_type":"client_credentials","client_id":"machine","client_secret":"machine-secret"}"#;
    let urlencoded = "application/x-www-form-urlencoded";
    let part = "--x\r\ncontent-disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n";
    let marked = format!("\u{feff}{form}");
    for (path, kind, coding, body, status) in [
        ("/oauth/token", urlencoded, "", form, 200),
        ("/oauth/token", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "identity", form, 200),
        ("/oauth/token", "application/json", "", json, 200),
        ("/oauth/token", "", "", form, 200),
        ("/oauth/token", "multipart/form-data; boundary=x", "", part, 415),
        ("/oauth/token", "text/plain", "", form, 415),
        ("/oauth/token", "application/xml", "", form, 415),
        ("/oauth/token", urlencoded, "gzip", form, 415),
        ("/oauth/token", urlencoded, "", marked.as_str(), 415),
        ("/oauth/introspect", "text/xml", "", form, 415),
        ("/oauth/revoke", "text/xml", "", form, 415),
        ("/oauth2/token", "multipart/form-data; boundary=x", "", part, 415),
    ] {
        let mut request = browser.request(reqwest::Method::POST, path).body(body.to_owned());
        for (name, value) in [("content-type", kind), ("content-encoding", coding)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "{path} {kind} {coding} {}", answer.body);
        if status == 415 {
            assert_eq!(answer.json()["error"], "invalid_request");
            let said = answer.json()["error_description"].as_str().unwrap().to_owned();
            assert!(said.starts_with("the body "), "{said}");
        }
    }
}

#[tokio::test]
async fn k50_a_basic_secret_that_was_not_encoded_is_the_secret() {
    use base64::Engine as _;
    let server = TestServer::start_with(LIMITS_OFF).await;
    let text = "version: 1\nclients:\n  - {client_id: jobs, kind: machine, client_secret: \"a+b/c=%41 long\"}\n";
    let mut conn = understudy::store::connection::pool::connect(&server.db.url).await.unwrap();
    let file = understudy::provision::read(text, |_| None).unwrap();
    let never = understudy::provision::Prune::No;
    understudy::provision::apply_to(&mut conn, &file, never).await.unwrap();
    let browser = server.browser();
    for (sent, status) in [
        ("jobs:a+b/c=%41 long", 200),
        ("jobs:a%2Bb%2Fc%3D%2541+long", 200),
        ("jobs:a%2Bb%2Fc%3D%2541%20long", 200),
        ("jobs:a b/c=%41 long", 401),
        ("jobs:a+b/c=A long", 401),
    ] {
        let header = base64::engine::general_purpose::STANDARD.encode(sent);
        let request = browser.request(reqwest::Method::POST, "/oauth/token");
        let request = request.header("authorization", format!("Basic {header}"));
        let answer = browser.send(request.form(&[("grant_type", "client_credentials")])).await;
        assert_eq!(answer.status, status, "{sent} {}", answer.body);
    }
}

#[tokio::test]
async fn k53_nothing_that_cannot_be_seen_is_taken_from_a_file() {
    for text in [
        "users:\n  - {id: \"usr\\u200bx\", email: a@acme.test}",
        "users:\n  - {email: a@acme.test, application: c, kind: app_user, external_app_user_id: \"a\\u202eb\"}\n\
         clients:\n  - {client_id: c, kind: machine, client_secret: 0123456789abcdef}",
        "users:\n  - {email: a@acme.test, box: {job_title: \"a\\u202eb\"}}",
        "users:\n  - {email: \"a\\u202e@acme.test\"}",
        "organizations:\n  - {id: \"o\\u2066\", name: x}",
        "organizations:\n  - {id: o, name: \"x\\u200fy\"}",
        "roles:\n  - {name: \"r\\u00ad\", permissions: []}",
        "clients:\n  - {client_id: \"c\\ufeff\", kind: machine, client_secret: 0123456789abcdef}",
        "clients:\n  - {client_id: c, kind: machine, client_secret: 0123456789abcdef, audiences: [\"urn:\\u202ea\"]}",
        "clients:\n  - {client_id: c, kind: wsfed, wsfed: {realm: \"urn:\\u202ea\", reply_urls: [\"http://127.0.0.1:9/\"]}}",
        "clients:\n  - {client_id: c, kind: saml, saml: {entity_id: \"urn:\\u202ea\", acs_urls: [\"http://127.0.0.1:9/\"]}}",
    ] {
        let wrong = understudy::provision::read(&format!("version: 1\n{text}\n"), |_| None);
        let Err(wrong) = wrong else { panic!("{text}") };
        let told: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert!(!told.join("").contains(['\u{202e}', '\u{200b}', '\u{feff}']), "{told:?}");
    }
}
