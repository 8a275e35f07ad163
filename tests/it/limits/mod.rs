//! How often somebody may try, from where a request came, and what a switch that is turned off and on leaves over.
mod attempts;
mod client_secrets;
mod forwarded;
mod modes;
mod switched;

use crate::support::{Browser, Page, TestDb, TestServer};
use reqwest::Method;

const PROXIED: &[(&str, &str)] = &[("UNDERSTUDY_TRUSTED_PROXIES", "127.0.0.0/8")];
const ALICE: (&str, &str) = ("alice@acme.test", "alice-password");
const BOB: (&str, &str) = ("bob@acme.test", "bob-password");

/// One attempt at the sign-in, from what a proxy says.
async fn try_from(browser: &Browser, from: &str, (email, password): (&str, &str)) -> Page {
    let page = browser.open("/login").await;
    let csrf = page.field("csrf").unwrap();
    let form =
        [("csrf", csrf.as_str()), ("return_to", ""), ("email", email), ("password", password)];
    let request = browser.request(Method::POST, "/login").form(&form);
    browser.send(request.header("x-forwarded-for", from)).await
}

async fn attempt(server: &TestServer, from: &str, who: (&str, &str)) -> Page {
    try_from(&server.browser(), from, who).await
}

fn seconds(page: &Page) -> i64 {
    assert_eq!(page.status, 429, "{page:?}");
    page.header("retry-after").unwrap().parse().unwrap()
}

/// One more node on the same database.
async fn other_node(server: &TestServer, extra: &[(&str, &str)]) -> TestServer {
    let same = TestDb { name: "dropped_by_the_first".to_owned(), url: server.db.url.clone() };
    TestServer::start_on(same, extra).await
}
