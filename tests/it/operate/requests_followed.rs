//! A request can be followed: from a line of the log to its id, its route and the client, and through its trace.
use crate::support::node::until;
use crate::support::{Browser, Node, TestDb};
use reqwest::Method;
use serde_json::Value;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PROXIED: &[(&str, &str)] = &[("UNDERSTUDY_TRUSTED_PROXIES", "127.0.0.0/8")];

/// The first line that fits.
async fn line(node: &Node, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let find = || {
        let output = node.output();
        output.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|line| fits(line))
    };
    until(what, 10, async || find().is_some()).await;
    find().unwrap()
}

fn is_accident(line: &Value) -> bool {
    line["message"] == "request failed"
}

#[tokio::test]
async fn l17_an_error_line_says_which_request_route_and_client_it_was() {
    let db = TestDb::create();
    // A log of errors alone has it too.
    for level in ["error", "info", "trace"] {
        let node = Node::launch_with_settings(&db.url, level, PROXIED);
        node.until_ready().await;
        db.sql("ALTER TABLE access_tokens RENAME TO away").await;
        let browser = Browser::bare(&node.url);
        let request = browser
            .request(Method::GET, "/userinfo?access_token=a-secret-in-the-query")
            .bearer_auth("a-secret-in-a-header")
            .header("x-forwarded-for", "203.0.113.7")
            .header("traceparent", format!("00-{TRACE_ID}-00f067aa0ba902b7-01"));
        let answer = browser.send(request).await;
        db.sql("ALTER TABLE away RENAME TO access_tokens").await;
        assert_eq!(answer.status, 503, "{answer:?}");
        let line = line(&node, "the error is in the log", is_accident).await;
        let span = &line["span"];
        assert_eq!(span["request_id"], answer.header("x-request-id").unwrap(), "{line}");
        assert_eq!(span["route"], "/userinfo", "{line}");
        assert_eq!(span["client"], "203.0.113.7", "{line}");
        assert_eq!(span["trace_id"], TRACE_ID, "{line}");
        assert!(!line.to_string().contains("a-secret-in"), "{line}");
    }
}

#[tokio::test]
async fn l17_the_line_of_a_request_has_the_client_behind_the_proxy_and_the_template_of_the_route() {
    let db = TestDb::create();
    let node = Node::launch_with_settings(&db.url, "info", PROXIED);
    node.until_ready().await;
    let browser = Browser::bare(&node.url);
    let get =
        |path: &str| browser.request(Method::GET, path).header("x-forwarded-for", "203.0.113.7");
    let link = browser.send(get("/users/usr_alice/impersonate?bewit=a-secret-bewit")).await;
    let id = link.header("x-request-id").unwrap().to_owned();
    let line =
        line(&node, "the request is in the log", |line| line["request_id"] == id.as_str()).await;
    assert_eq!(line["route"], "/users/{user_id}/impersonate", "{line}");
    assert_eq!(line["client"], "203.0.113.7", "{line}");
    assert_eq!(line["trace_id"].as_str().unwrap().len(), 32, "{line}");
    assert!(!node.output().contains("a-secret-bewit"));
}

#[tokio::test]
async fn l17_a_request_that_sends_no_trace_or_a_broken_one_begins_its_own() {
    let db = TestDb::create();
    let node = Node::launch_with_settings(&db.url, "info", &[]);
    node.until_ready().await;
    let browser = Browser::bare(&node.url);
    let broken = format!("00-{TRACE_ID}-00f067aa0ba902b7-01-what-is-this");
    let mut traces = Vec::new();
    for header in [None, Some(broken.as_str()), Some("a\u{e9}b")] {
        let request = browser.request(Method::GET, "/login");
        let request = match header {
            Some(value) => request.header("traceparent", value.as_bytes()),
            None => request,
        };
        let answer = browser.send(request).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        let line =
            line(&node, "the request is in the log", |line| line["request_id"] == id.as_str())
                .await;
        traces.push(line["trace_id"].as_str().unwrap().to_owned());
    }
    assert!(traces.iter().all(|trace| trace.len() == 32 && trace != TRACE_ID), "{traces:?}");
    traces.dedup();
    assert_eq!(traces.len(), 3);
}
