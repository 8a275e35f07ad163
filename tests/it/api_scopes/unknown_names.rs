//! Whoever asks for something that does not exist is told so, and gets nothing else instead.
use crate::support::{Page, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(
    server: &TestServer,
    token: &str,
    (method, path): (Method, &str),
    (kind, body): (&str, String),
) -> Page {
    let request = server.browser().request(method, path).bearer_auth(token);
    server.browser().send(request.header("content-type", kind).body(body)).await
}

fn asks() -> Value {
    json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"})
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MINIMAL: &str = "protocol=oauth2&impersonator_id=usr_sam&client_id=legacy";

#[track_caller]
fn names(page: &Page, name: &str) {
    assert_eq!(
        (page.status, page.json()["error"].as_str()),
        (400, Some("invalid_request")),
        "{name}: {page:?}"
    );
    assert!(page.json()["error_description"].as_str().unwrap().contains(name), "{name}: {page:?}");
}

#[tokio::test]
async fn k21_a_dry_run_in_any_spelling_and_at_any_place_makes_no_link() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    let path = "/users/usr_alice/impersonate";
    for name in [
        "dry_run",
        "dryRun",
        "DRY-RUN",
        "dryrun",
        "Dry_Run",
        "simulate",
        "read_only",
        "notify",
        "x",
    ] {
        for query in
            [format!("{name}=true"), format!("{name}=false"), format!("{name}="), name.to_owned()]
        {
            let whole = format!("{path}?{query}");
            let body = (JSON, asks().to_string());
            names(&send(&server, &token, (Method::POST, &whole), body).await, name);
            let form = (FORM, format!("{MINIMAL}&{query}"));
            names(&send(&server, &token, (Method::POST, path), form).await, name);
        }
        for value in [json!(true), json!(1), json!("yes"), json!(""), json!({}), json!([])] {
            let mut body = asks();
            body[name] = value.clone();
            names(
                &send(&server, &token, (Method::POST, path), (JSON, body.to_string())).await,
                name,
            );
            let mut body = asks();
            body["additionalParameters"] = json!({name: value});
            names(
                &send(&server, &token, (Method::POST, path), (JSON, body.to_string())).await,
                name,
            );
        }
        let nested = format!("{MINIMAL}&additionalParameters[{name}]=");
        names(&send(&server, &token, (Method::POST, path), (FORM, nested)).await, name);
        let nested = format!("{path}?additionalParameters=%7B%22{name}%22%3Atrue%7D");
        names(
            &send(&server, &token, (Method::POST, &nested), (JSON, asks().to_string())).await,
            name,
        );
    }
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

/// Another spelling of what there is would be lost otherwise: a link for an hour in place of one for a minute.
#[tokio::test]
async fn k21_a_name_that_is_spelled_otherwise_is_not_dropped() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    for name in
        ["Mode", "TTL", "Duration", "reasonCode", "targetLinkUri", "callback_url", "scope", "nonce"]
    {
        let mut body = asks();
        body[name] = json!("60");
        let page = send(
            &server,
            &token,
            (Method::POST, "/users/usr_alice/impersonate"),
            (JSON, body.to_string()),
        )
        .await;
        names(&page, name);
    }
}

#[tokio::test]
async fn k21_what_sdks_send_and_nobody_means_is_ignored_and_written_down() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    let mut body = asks();
    for name in ["impersonator", "token", "clientId", "client-secret", "userId", "access_token"] {
        body[name] = json!("secret-value");
    }
    body["ttl"] = Value::Null;
    body["reason"] = json!("");
    let page = send(
        &server,
        &token,
        (Method::POST, "/api/users/usr_alice/impersonate?"),
        (JSON, body.to_string()),
    )
    .await;
    assert_eq!(page.status, 200, "{page:?}");
    let detail = server
        .db
        .text("SELECT detail::text FROM audit_events WHERE type = 'impersonation.link_issued'")
        .await;
    for name in ["impersonator", "token", "clientId", "client-secret", "userId", "access_token"] {
        assert!(detail.contains(name), "{name}: {detail}");
    }
    assert!(!detail.contains("secret-value"), "{detail}");
}

#[tokio::test]
async fn k21_our_own_resource_takes_no_unknown_member_and_no_query() {
    let server = TestServer::start().await;
    let token = server.global_token().await;
    let mut body = asks();
    body["user_id"] = json!("usr_alice");
    for query in ["dry_run=true", "dryRun", "ttl=60", "mode=read_only", "user_id=usr_alice"] {
        let path = format!("/api/impersonations?{query}");
        let page = send(&server, &token, (Method::POST, &path), (JSON, body.to_string())).await;
        names(&page, query.split('=').next().unwrap());
        let path = format!("/api/impersonations/end-all?{query}");
        let page =
            send(&server, &token, (Method::POST, &path), (JSON, json!({"all": true}).to_string()))
                .await;
        names(&page, query.split('=').next().unwrap());
    }
    let mut unknown = body.clone();
    unknown["dryRun"] = json!(true);
    names(
        &send(&server, &token, (Method::POST, "/api/impersonations"), (JSON, unknown.to_string()))
            .await,
        "dryRun",
    );
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
    let made =
        send(&server, &token, (Method::POST, "/api/impersonations"), (JSON, body.to_string()))
            .await;
    assert_eq!(made.status, 201, "{made:?}");
    let dry = format!("{}?dry_run=true", made.location());
    names(&send(&server, &token, (Method::DELETE, &dry), (JSON, String::new())).await, "dry_run");
    assert_eq!(server.db.text("SELECT status FROM impersonations").await, "link_issued");
}
