//! Whatever arrives: a clear no in the protocol's own form, nothing changed, and the next one is served.
mod forwarded;
mod mutations;
pub mod raw;
mod targets;
mod wire;

use crate::support::TestServer;
use mutations::MUTATIONS;
use raw::Answer;
use std::time::{Duration, Instant};
use targets::{Form, TARGETS, Target};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// Words that only the inside of a program says.
const INSIDE: &[&str] =
    &["panicked", "postgres", "diesel", "src/", "SELECT ", "backtrace", "serde", "impersonations_"];

/// What is wrong with an answer, if anything.
fn complaint(target: &Target, answer: Option<&Answer>, took: Duration) -> Option<String> {
    let Some(answer) = answer else { return Some("no answer".to_owned()) };
    if took > Duration::from_secs(5) {
        return Some(format!("took {took:?}"));
    }
    if !target.admits(answer.status) {
        return Some(format!("{} {}", answer.status, answer.text()));
    }
    if let Some(word) = INSIDE.iter().find(|word| answer.text().contains(**word)) {
        return Some(format!("says {word}: {}", answer.text()));
    }
    // Some requests are no HTTP, or no request of ours; that is said with the status alone.
    if answer.body.is_empty() || matches!(answer.status, 200..=399 | 404 | 405 | 408 | 431) {
        return None;
    }
    let fits = match target.form {
        Form::Json => {
            let body: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
            body.is_some_and(|body| {
                body["error"].is_string() && body["error_description"].is_string()
            })
        }
        Form::Envelope => {
            let body: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
            body.is_some_and(|body| body["type"] == "error" || body["error"].is_string())
        }
        Form::Page => answer.is("text/html") && answer.text().contains("<h1"),
    };
    (!fits).then(|| format!("not in its form: {} {}", answer.status, answer.text()))
}

#[tokio::test]
async fn nothing_that_is_broken_gets_through_or_breaks_anything() {
    let server = TestServer::start_with(OFF).await;
    let global = server.global_token().await;
    let address = server.url.strip_prefix("http://").unwrap();
    let before = server.db.contents().await;
    let (mut wrong, mut sent) = (Vec::new(), 0);
    for target in TARGETS {
        for (name, mutate) in MUTATIONS {
            for (nth, request) in mutate(target).into_iter().enumerate() {
                let bytes = request.bytes(target, &global);
                let begun = Instant::now();
                let answer = raw::send(address, &bytes).await;
                sent += 1;
                if let Some(complaint) = complaint(target, answer.as_ref(), begun.elapsed()) {
                    let complaint: String = complaint.chars().take(300).collect();
                    wrong.push(format!(
                        "{} {} with {name} {nth}: {complaint}",
                        target.method, target.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {sent}\n{}", wrong.len(), wrong.join("\n"));
    assert!(sent > 500, "{sent}");
    assert_eq!(server.db.contents().await, before);
    assert_eq!(server.browser().get("/health/live").await.status, 200);
    server.impersonated_tokens().await;
}

/// Each target without anything broken: refused for a reason of its own, so that a broken one that is let
/// through is seen by its status.
#[tokio::test]
async fn the_requests_that_are_broken_are_good_ones_to_begin_with() {
    let server = TestServer::start_with(OFF).await;
    let global = server.global_token().await;
    let address = server.url.strip_prefix("http://").unwrap();
    for target in TARGETS {
        let request = mutations::unchanged(target);
        let answer = raw::send(address, &request.bytes(target, &global)).await.unwrap();
        assert_eq!(
            answer.status,
            target.untouched,
            "{} {}: {}",
            target.method,
            target.path,
            answer.text()
        );
    }
}

/// h30: what we have broken ourselves is told without telling anything.
#[tokio::test]
async fn h30_an_accident_of_ours_is_generic_words_and_a_number() {
    let server = TestServer::start().await;
    // A row that no version of ours has written.
    server.db.sql("UPDATE clients SET auth_method = 'by_handshake' WHERE id = 'orders'").await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", "orders"), ("client_secret", "x")];
    let told = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!((told.status, told.json()["error"].as_str()), (500, Some("server_error")));
    let path = "/authorize?client_id=orders&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let page = server.browser().open(path).await;
    assert_eq!(page.status, 500);
    assert!(page.body.contains(page.header("x-request-id").unwrap()), "{}", page.body);
    for answer in [told, page] {
        for word in INSIDE.iter().chain(&["by_handshake", "clients", "auth_method"]) {
            assert!(!answer.body.contains(*word), "{word}: {}", answer.body);
        }
    }
}
