//! What a browser carries, and for how long and for whom it counts: cookies, open tabs, links and hints.
mod cookies;
mod cross_origin;
mod links;
mod logout;
mod native;
mod onward;
mod sealed;
mod silent;
mod tabs;

use crate::support::{Browser, Page, TestServer};
use reqwest::Method;
use understudy::provision::{self, Prune};
use understudy::store;

const NOTHING_RUNS: &str = "SELECT count(*) FROM impersonations WHERE status = 'active'";

async fn apply(server: &TestServer, text: &str) {
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let file = provision::read(text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    provision::apply_to(&mut conn, &file, Prune::No).await.unwrap();
}

/// Name and value of each cookie that an answer sets.
fn set_cookies(answer: &Page) -> Vec<(String, String)> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs = set.filter_map(|text| text.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn cookie(answer: &Page, prefix: &str) -> String {
    let pairs = set_cookies(answer).into_iter().map(|(name, value)| format!("{name}={value}"));
    let mut found = pairs.filter(|pair| pair.starts_with(prefix));
    found.next().unwrap_or_else(|| panic!("no {prefix}: {answer:?}"))
}

/// A page, asked for with these cookies and no others.
async fn open_with(server: &TestServer, cookies: &str, path: &str) -> Page {
    let browser = Browser::bare(&server.url);
    let request = browser.request(Method::GET, path).header("cookie", cookies);
    browser.send(request.header("accept", "text/html")).await
}
