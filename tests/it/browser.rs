//! What people see and do, in a real Chromium; pictures of it go to `target/screenshots`.
use crate::support::TestServer;
use crate::support::counterpart::{node, run};
use crate::support::dev::{Dev, free_port};
use serde_json::{Value, json};

const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");

/// The facts of a story that `understudy dev` is the scene of.
async fn facts_of(dev: &Dev) -> Value {
    let link = run(pasted(&dev.curl), &Value::Null).await;
    assert!(
        link.starts_with(&format!("{}/users/usr_alice/impersonate?&bewit=", dev.url)),
        "{link}"
    );
    json!({
        "issuer": dev.url,
        "demo": dev.demo,
        "album": SCREENSHOTS,
        "sam": {"email": "sam.support@understudy.test", "password": "sam-demo"},
        "alice": {"email": "alice@acme.test", "password": "alice-demo"},
        "link": link,
        "consent": format!(
            "{}/authorize?client_id=partner-calendar&response_type=code&state=s\
             &scope=openid%20profile%20email&redirect_uri=http%3A%2F%2F127.0.0.1%3A8093%2Fcallback",
            dev.url
        ),
    })
}

/// A command line, as somebody pastes it.
fn pasted(line: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("bash");
    command.arg("-c").arg(line);
    command
}

#[tokio::test]
async fn the_printed_curl_leads_sam_into_alices_account_and_stop_back_again() {
    let dev = Dev::start().await;
    run(node("browser/story.mjs"), &facts_of(&dev).await).await;
}

/// With three links, and everybody whose pages are looked at.
async fn told_all(script: &str) {
    let dev = Dev::start().await;
    let mut facts = facts_of(&dev).await;
    let mut links = vec![facts["link"].clone()];
    for _ in 0..2 {
        links.push(run(pasted(&dev.curl), &Value::Null).await.into());
    }
    facts["links"] = links.into();
    facts["ada"] = json!({"email": "ada@understudy.test", "password": "ada-demo"});
    run(node(script), &facts).await;
}

#[tokio::test]
async fn what_was_done_is_seen_by_the_subject_and_by_administrators() {
    told_all("browser/records.mjs").await;
}

#[tokio::test]
async fn the_bar_of_applications_runs_under_the_strictest_policy() {
    told_all("browser/bar.mjs").await;
}

#[tokio::test]
async fn every_page_is_accessible_in_light_and_dark_wide_and_narrow() {
    let dev = Dev::start().await;
    run(node("browser/looks.mjs"), &facts_of(&dev).await).await;
}

/// A server, a link to act as Alice, one that needs no confirmation, and an application of the script's own.
async fn tell(story: &str) {
    let server = TestServer::start().await;
    let application = format!("http://127.0.0.1:{}", free_port());
    let sql = format!(
        "UPDATE clients SET redirect_uris = ARRAY['{application}/callback'],
             initiate_login_uri = '{application}/initiate' WHERE id = 'orders';
         UPDATE clients SET redirect_uris = ARRAY['{application}/legacy'] WHERE id = 'legacy';"
    );
    server.db.sql(&sql).await;
    let facts = json!({
        "story": story,
        "issuer": server.url,
        "application": application,
        "client_id": "orders",
        "link": server.url.clone() + &server.link("orders").await,
        "max": {"email": "max@understudy.test", "password": "max-password"},
        "direct": server.url.clone() + &server.link("legacy").await,
        "sam": {"email": "sam@understudy.test", "password": "sam-password"},
    });
    run(node("browser/links.mjs"), &facts).await;
}

#[tokio::test]
async fn b06_a_browser_that_fetches_ahead_uses_no_link_up() {
    tell("preview").await;
}

#[tokio::test]
async fn b07_a_scanner_that_presses_every_button_uses_no_link_up() {
    tell("scanner").await;
}

#[tokio::test]
async fn b23_no_referer_and_no_request_tells_anybody_else_of_a_link() {
    tell("referer").await;
}

#[tokio::test]
async fn b24_back_shows_nothing_that_can_be_used() {
    tell("back").await;
}

#[tokio::test]
async fn b29_no_page_can_be_framed() {
    tell("framing").await;
}

#[tokio::test]
async fn b32_a_link_sent_to_a_colleague_waits_for_their_own_click() {
    tell("colleague").await;
}

#[tokio::test]
async fn signing_in_confirming_and_stopping_work_without_javascript() {
    tell("without-javascript").await;
}

#[tokio::test]
async fn the_keyboard_alone_signs_in_confirms_and_stops() {
    tell("keyboard").await;
}
