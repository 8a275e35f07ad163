//! `POST /users/{id}/impersonate`: who may ask, how, and what is refused.
use crate::support::protocols::{Spoken, Told, each};
use crate::support::{Browser, Page, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

fn ask(client: &str) -> Value {
    json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": client})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[track_caller]
fn is_refused(answer: &Page, status: u16, error: &str, code: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.json()["error"], error, "{}", answer.body);
    assert_eq!(answer.json().get("error_code").and_then(Value::as_str), code, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

async fn post(server: &TestServer, token: &str, path: &str, label: &str, body: &str) -> Page {
    let browser = server.browser();
    let request = browser.request(Method::POST, path).bearer_auth(token);
    let request = request.header("content-type", label).body(body.to_owned());
    browser.send(request).await
}

#[tokio::test]
async fn the_answer_is_exactly_the_url() {
    each(async |server| {
        let answer = server.ask("auth0|bob", server.asking("legacy")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let start = format!("{}/users/auth0%7Cbob/impersonate?&bewit=", server.url);
        assert!(answer.body.starts_with(&start), "{}", answer.body);
        let bewit = answer.body.strip_prefix(&start).unwrap();
        assert!(
            bewit.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{bewit}"
        );
    })
    .await;
}

/// The three examples of the source document, with names of ours in place of its own.
#[tokio::test]
async fn the_three_examples_of_the_source_document_run_literally() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    let http = "/users/usr_alice/impersonate?protocol=oauth2&impersonator_id=usr_sam&client_id=legacy\
                &additionalParameters=%7B%22response_type%22%3A%22code%22%2C%22state%22%3A%22%22%7D";
    let path = "/users/usr_alice/impersonate";
    let form = "application/x-www-form-urlencoded; charset=UTF-8";
    let curl = r#"{"protocol":"oauth2", "impersonator_id":"usr_sam", "client_id":"legacy", "additionalParameters": {"response_type": "code", "state": ""}}"#;
    let script = "protocol=oauth2&impersonator_id=usr_sam&client_id=legacy";
    for (path, label, body) in
        [(http, "text/plain", ""), (path, form, curl), (path, "application/json", script)]
    {
        let answer = post(&server, &token, path, label, body).await;
        assert_eq!(answer.status, 200, "{label}: {}", answer.body);
        let link = answer.body.strip_prefix(&server.url).unwrap();
        let opened = server.browser().get(link).await;
        assert_eq!(opened.status, 302, "{}", opened.body);
        assert_eq!(opened.location_param("state"), None, "an empty state is no state");
    }
}

#[tokio::test]
async fn the_alias_below_api_is_the_same_endpoint() {
    each(async |server| {
        let token = server.global_token().await;
        let body = server.asking("legacy").to_string();
        let path = "/api/users/usr_alice/impersonate";
        let answer = post(&server, &token, path, "application/json", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    })
    .await;
}

#[tokio::test]
async fn a01_a_token_of_anybody_else_is_refused() {
    each(async |server| {
        let machine = server.client_token("machine", "machine-secret").await;
        let impersonated = server.impersonated_tokens().await;
        let person = impersonated["access_token"].as_str().unwrap();
        for token in [machine.as_str(), person] {
            let answer = server.ask_with(token, "usr_alice", server.asking("legacy")).await;
            is_refused(&answer, 403, "insufficient_scope", None);
        }
        assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a02_without_a_credential_the_challenge_names_no_error() {
    each(async |server| {
        let answer = server
            .browser()
            .post_json("/users/usr_alice/impersonate", server.asking("legacy"))
            .await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    })
    .await;
}

#[tokio::test]
async fn a03_a_forged_expired_or_revoked_token_is_refused() {
    each(async |server| {
        let token = server.global_token().await;
        let forged = format!("{}x", &token[..token.len() - 1]);
        let answer = server.ask_with(&forged, "usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 401, "invalid_token", None);

        let form = [
            ("token", token.as_str()),
            ("client_id", "global"),
            ("client_secret", "global-secret"),
        ];
        assert_eq!(server.browser().post_form("/oauth/revoke", &form).await.status, 200);
        let answer = server.ask_with(&token, "usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 401, "invalid_token", None);

        let token = server.global_token().await;
        server.db.advance("25 hours").await;
        let answer = server.ask_with(&token, "usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 401, "invalid_token", None);

        let token = server.global_token().await;
        server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'global'").await;
        let answer = server.ask_with(&token, "usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 401, "invalid_token", None);
    })
    .await;
}

#[tokio::test]
async fn a04_a_token_for_another_api_is_refused() {
    each(async |server| {
        server
            .db
            .sql("UPDATE clients SET audiences = '{https://other.test}' WHERE id = 'global'")
            .await;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "global"),
            ("client_secret", "global-secret"),
            ("audience", "https://other.test"),
        ];
        let answer = server.browser().post_form("/oauth/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let answer = server.ask_with(&token, "usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 401, "invalid_token", None);
    })
    .await;
}

#[tokio::test]
async fn a53_every_refusal_has_its_word_on_the_wire_and_its_event() {
    each(async |server| {
        let base = server.asking("legacy");
        let by = |actor: &str| with(base.clone(), "impersonator_id", json!(actor));
        let cases = [
            // a05: support never acts as staff; a09 nobody as themselves; a15, a16, a20, a27 unusable ones.
            ("usr_ada", base.clone(), 403, "access_denied", Some("higher_privileges")),
            ("usr_sam", base.clone(), 403, "access_denied", Some("self_impersonation")),
            ("usr_alice", by("usr_nobody"), 403, "access_denied", Some("not_permitted")),
            ("usr_alice", by("usr_unverified"), 403, "access_denied", Some("not_permitted")),
            ("usr_alice", by("auth0|bob"), 403, "access_denied", Some("not_permitted")),
            ("usr_alice", by("usr_max"), 403, "access_denied", Some("not_permitted")),
            ("usr_left", base.clone(), 403, "access_denied", Some("subject_inactive")),
            ("usr_app", base.clone(), 403, "access_denied", Some("app_user")),
            ("usr_service", base.clone(), 403, "access_denied", Some("service_account")),
            (
                "usr_alice",
                server.asking("closed"),
                403,
                "access_denied",
                Some("client_not_enabled"),
            ),
            ("usr_nobody", base.clone(), 404, "not_found", None),
            ("usr_alice", server.asking("nothing"), 404, "not_found", None),
            // a24: another organization looks like nobody at all.
            ("usr_carol", by("usr_riley"), 404, "not_found", None),
            ("usr_alice", server.asking("globex-shop"), 404, "not_found", None),
        ];
        for (subject, body, status, error, code) in cases {
            let answer = server.ask(subject, body).await;
            is_refused(&answer, status, error, code);
        }
        assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
        let refused = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.refused'";
        assert_eq!(server.db.count(refused).await, 14, "every refusal is in the trail");
    })
    .await;
}

/// A machine has no account that anybody helps with, whoever asks and however.
#[tokio::test]
async fn a27_nobody_acts_as_a_machine() {
    let stored = "SELECT count(*) FROM impersonations";
    let refused = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.refused' \
        AND subject = 'usr_service'";
    each(async |server| {
        for (nth, actor) in (1..).zip(["usr_sam", "usr_ada", "usr_riley"]) {
            for twin in ["legacy", "portal"] {
                let body = with(server.asking(twin), "impersonator_id", json!(actor));
                let answer = server.ask("usr_service", body).await;
                is_refused(&answer, 403, "access_denied", Some("service_account"));
            }
            assert_eq!(server.db.count(refused).await, 2 * nth, "{actor}");
        }
        // A link that waits when its subject becomes one.
        let link = server.link("legacy").await;
        server.db.sql("UPDATE users SET kind = 'service_account' WHERE id = 'usr_alice'").await;
        let opened = server.browser().get(&link).await;
        assert_eq!(opened.status, 403, "{}", opened.body);
        assert_eq!(server.db.count(&format!("{stored} WHERE redeemed_at IS NOT NULL")).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a05_b_an_administrator_who_may_acts_as_staff() {
    each(async |server| {
        // By a link that is confirmed: who is only named reaches no administrator (K-03).
        let body = with(server.asking("portal"), "impersonator_id", json!("usr_ada"));
        assert_eq!(server.ask("usr_max", body).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a14_the_global_client_only_asserts_and_the_trail_says_so() {
    each(async |server| {
        server.is_answered(&server.browser().get(&server.link("legacy").await).await);
        let row = "SELECT actor || ' ' || (detail ->> 'actor_proof') || ' ' || (detail ->> 'redeem') \
                   FROM audit_events WHERE type = 'impersonation.started'";
        assert_eq!(server.db.text(row).await, "usr_sam asserted direct");
        let row = "SELECT detail ->> 'requested_by' FROM audit_events WHERE type = 'impersonation.link_issued'";
        assert_eq!(server.db.text(row).await, "global");
    })
    .await;
}

#[tokio::test]
async fn a22_an_application_is_answered_only_in_its_own_protocol() {
    each(async |server| {
        let other = if server.by == Spoken::Samlp { "wsfed" } else { "samlp" };
        let body = with(server.asking("legacy"), "protocol", json!(other));
        let answer = server.ask("usr_alice", body).await;
        is_refused(&answer, 403, "access_denied", Some("protocol_mismatch"));
    })
    .await;
}

#[tokio::test]
async fn a23_a_bad_protocol_is_named_with_the_four_that_there_are() {
    each(async |server| {
        for bad in [
            json!(""),
            json!("OAuth2"),
            json!("ldap"),
            json!("x".repeat(10_000)),
            json!(["oauth2"]),
        ] {
            let answer =
                server.ask("usr_alice", with(server.asking("legacy"), "protocol", bad)).await;
            is_refused(&answer, 400, "invalid_request", None);
            assert!(answer.body.contains("protocol"), "{}", answer.body);
        }
    })
    .await;
}

#[tokio::test]
async fn a54_without_an_audit_event_nothing_happens() {
    each(async |server| {
        let link = server.link("legacy").await;
        let token = server.global_token().await;
        server
            .db
            .sql(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'no space left on device'; END $$; \
                 CREATE TRIGGER full_disk BEFORE INSERT ON audit_events EXECUTE FUNCTION full_disk()",
            )
            .await;
        let asked = server.ask_with(&token, "usr_alice", server.asking("legacy")).await;
        assert_eq!((asked.status, asked.header("retry-after")), (503, Some("2")));
        let opened = server.browser().get(&link).await;
        assert_eq!(opened.status, 503);
        assert_eq!(server.db.count("SELECT count(*) FROM sessions").await, 0);
        assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a63_a_switch_that_is_off_refuses() {
    each(async |server| {
        let off = |sql: &'static str| server.db.sql(sql);
        off("UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_acme'").await;
        let answer = server.ask("usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 403, "access_denied", Some("impersonation_disabled"));
        off("UPDATE organizations SET impersonation_enabled = true").await;
        off("UPDATE settings SET impersonation_enabled = false").await;
        let answer = server.ask("usr_alice", server.asking("legacy")).await;
        is_refused(&answer, 403, "access_denied", Some("impersonation_disabled"));
    })
    .await;
}

#[tokio::test]
async fn a67_unknown_fields_change_nothing_and_a_bad_ttl_is_refused() {
    each(async |server| {
        let mut body = server.asking("legacy");
        for name in ["role", "skip_mfa", "is_admin", "token", "clientId", "impersonator"] {
            body[name] = json!("secret-value");
        }
        let answer = server.ask("usr_alice", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let row = "SELECT detail::text FROM audit_events WHERE type = 'impersonation.link_issued'";
        let detail = server.db.text(row).await;
        assert!(detail.contains("skip_mfa") && detail.contains("token"), "{detail}");
        assert!(!detail.contains("secret-value"), "names are kept, values are not: {detail}");
        for ttl in
            [json!(0), json!(-1), json!(99999), json!("abc"), json!(9), json!(301), json!(1.5)]
        {
            let answer = server.ask("usr_alice", with(server.asking("legacy"), "ttl", ttl)).await;
            is_refused(&answer, 400, "invalid_request", None);
        }
    })
    .await;
}

#[tokio::test]
async fn a72_an_identity_and_a_token_in_the_body_are_not_believed() {
    each(async |server| {
        let mut body = server.asking("legacy");
        body["impersonator"] = json!({"user_id": "usr_ada", "email": "ada@understudy.test"});
        body["token"] = json!(server.global_token().await);
        body["additionalParameters"] = json!({"scope": "openid email"});
        let link = server.ask("usr_alice", body.clone()).await.body;
        let opened = server.browser().get(&link).await;
        let told = Told {
            email: "alice@acme.test".into(),
            actor: Some(("usr_sam".into(), "sam@understudy.test".into())),
        };
        assert_eq!(server.told("legacy", &opened).await, told);
        // The token counts in the header only.
        let answer = server.browser().post_json("/users/usr_alice/impersonate", body).await;
        assert_eq!(answer.status, 401);
    })
    .await;
}

#[tokio::test]
async fn b33_a_callback_that_is_not_registered_is_refused_at_once() {
    each(async |server| {
        let good = server.by.return_url("legacy");
        for bad in [
            "https://evil.test/".to_owned(),
            format!("{good}/"),
            format!("{good}?x=1"),
            good.to_uppercase().replace("HTTP", "http"),
            format!("{good}#f"),
            good.replace(":9/", ":9@evil.test/"),
            "javascript:alert(1)".to_owned(),
        ] {
            let body =
                with(server.asking("legacy"), "additionalParameters", json!({"callback_url": bad}));
            let answer = server.ask("usr_alice", body).await;
            is_refused(&answer, 403, "access_denied", Some("callback_url_mismatch"));
        }
    })
    .await;
}

#[tokio::test]
async fn b33_where_to_land_lies_in_the_application() {
    each(async |server| {
        for bad in [
            "https://evil.test/",
            "//evil.test",
            "/orders",
            "javascript:alert(1)",
            "http://127.0.0.1:8/",
        ] {
            let body = with(server.asking("orders"), "target_link_uri", json!(bad));
            is_refused(&server.ask("usr_alice", body).await, 400, "invalid_request", None);
        }
        let body =
            with(server.asking("orders"), "target_link_uri", json!("http://127.0.0.1:9/orders/7"));
        assert_eq!(server.ask("usr_alice", body).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn b34_nothing_is_smuggled_in() {
    each(async |server| {
        for name in [
            "client_id",
            "sub",
            "user_id",
            "impersonator_id",
            "prompt",
            "claims",
            "acr_values",
            "request",
            "request_uri",
        ] {
            let body = with(server.asking("legacy"), "additionalParameters", json!({name: "x"}));
            is_refused(&server.ask("usr_alice", body).await, 400, "invalid_request", None);
        }
    })
    .await;
}

#[tokio::test]
async fn b35_tokens_never_travel_through_the_browser() {
    let server = TestServer::start().await;
    for kind in ["token", "id_token token", "id_token", "code token"] {
        let body = with(ask("legacy"), "additionalParameters", json!({"response_type": kind}));
        assert_eq!(server.ask("usr_alice", body).await.status, 400, "{kind}");
    }
}

#[tokio::test]
async fn b41_no_page_of_another_origin_may_ask() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let request = browser.request(Method::OPTIONS, "/users/usr_alice/impersonate");
    let request = request
        .header("origin", "https://evil.test")
        .header("access-control-request-method", "POST");
    assert_eq!(browser.send(request).await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_public_application_is_answered_unasked_only_with_a_challenge() {
    let server = TestServer::start().await;
    is_refused(&server.ask("usr_alice", ask("spa")).await, 400, "invalid_request", None);
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"});
    let body = with(ask("spa"), "additionalParameters", challenge);
    assert_eq!(server.ask("usr_alice", body).await.status, 200);
}

#[tokio::test]
async fn b27_at_most_five_links_of_an_actor_wait() {
    each(async |server| {
        let mut links = Vec::new();
        for _ in 0..6 {
            links.push(server.link("legacy").await);
        }
        let first = server.browser().get(&links[0]).await;
        assert_eq!(first.json()["error_description"], "Impersonation - Link revoked");
        let ended = "impersonation.ended usr_sam->usr_alice (superseded)";
        assert!(server.db.trail().await.iter().any(|event| event == ended));
        server.is_answered(&server.browser().get(&links[5]).await);
    })
    .await;
}

#[tokio::test]
async fn b38_one_decoding_of_the_subject_is_used_everywhere() {
    each(async |server| {
        let token = server.global_token().await;
        let body = server.asking("legacy").to_string();
        for (path, status) in [
            ("/users/auth0%7Cbob/impersonate", 200),
            ("/users/auth0%257Cbob/impersonate", 404),
            ("/users/%2e%2e%2fusr_alice/impersonate", 404),
            ("/users/usr_alice%00/impersonate", 404),
            ("/users/USR_ALICE/impersonate", 404),
            ("/users/%ff/impersonate", 404),
        ] {
            let answer = post(&server, &token, path, "application/json", &body).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
        }
        let long = format!("/users/{}/impersonate", "x".repeat(4000));
        assert_eq!(post(&server, &token, &long, "application/json", &body).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_broken_body_is_a_clear_400_and_changes_nothing() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    let path = "/users/usr_alice/impersonate";
    let whole = ask("legacy").to_string();
    let doubled = whole.replacen('{', r#"{"client_id":"orders","#, 1);
    for body in [
        "{",
        "{}",
        "[]",
        "protocol=%zz",
        "protocol=%ff",
        "protocol=oauth2&protocol=samlp",
        r#"{"protocol":{"a":1}}"#,
        doubled.as_str(),
        "\u{0}",
    ] {
        let answer = post(&server, &token, path, "application/json", body).await;
        is_refused(&answer, 400, "invalid_request", None);
    }
    let large = format!("{whole}{}", " ".repeat(1024 * 1024));
    let answer = post(&server, &token, path, "application/json", &large).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

#[tokio::test]
async fn the_resource_of_ours_is_strict_and_says_what_was_made() {
    each(async |server| {
        let token = server.global_token().await;
        let browser = server.browser();
        let send = |body: Value| {
            let request = browser.request(Method::POST, "/api/impersonations").bearer_auth(&token);
            let browser: &Browser = &browser;
            async move { browser.send(request.json(&body)).await }
        };
        let body = with(server.asking("orders"), "user_id", json!("usr_alice"));
        let made = send(body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(made.location(), format!("/api/impersonations/{id}"));
        assert_eq!(made.json()["redeem"], "confirm");
        assert_eq!(made.json()["impersonator"]["email"], "sam@understudy.test");
        let smuggled = with(body.clone(), "additionalParameters", json!({"sub": "usr_ada"}));
        is_refused(&send(smuggled).await, 400, "invalid_request", None);
        is_refused(&send(with(body, "is_admin", json!(true))).await, 400, "invalid_request", None);

        let read = browser.request(Method::GET, made.location()).bearer_auth(&token);
        let read = browser.send(read).await;
        assert_eq!((read.status, read.json()["status"].as_str()), (200, Some("link_issued")));
    })
    .await;
}
