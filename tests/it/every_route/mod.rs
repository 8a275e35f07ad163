//! Every route × every kind of caller: who gets in, and as what.
//!
//! [`table::TABLE`] names every route that is mounted, with every method that it takes; a new route
//! without its line fails here.
mod callers;
mod freshness;
mod noise;
pub mod table;

use crate::support::{Browser, TestServer};
use callers::{Callers, KINDS};
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use table::TABLE;

/// The methods of each path of the table.
fn told() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut told: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for line in TABLE {
        told.entry(line.path.to_owned()).or_default().insert(line.method);
    }
    told
}

/// Every path in the functions that mount routes.
fn mounted() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.extend(paths_in(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

const MOUNTING: [&str; 2] = ["pub fn routes(", "pub fn configure("];

fn paths_in(source: &str) -> BTreeSet<String> {
    let bodies = MOUNTING.iter().flat_map(|start| source.split(start).skip(1));
    let bodies = bodies.map(|rest| rest.split("\n}\n").next().unwrap());
    let literals = bodies.flat_map(|body| body.split('"').skip(1).step_by(2));
    literals.filter(|text| text.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn h18_the_table_names_what_is_mounted_and_nothing_else() {
    let (told, mounted) = (told(), mounted());
    let told: BTreeSet<String> = told.keys().cloned().collect();
    assert!(mounted.len() > 25, "the source is not read any more: {mounted:?}");
    let missing: Vec<_> = mounted.difference(&told).collect();
    let invented: Vec<_> = told.difference(&mounted).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
}

#[tokio::test]
async fn h18_every_caller_gets_what_the_table_says() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let callers = Callers::gather(&server).await;
    let is_ready = async || server.browser().get("/health/ready").await.status == 200;
    crate::support::node::until("it is ready", 10, is_ready).await;
    let mut wrong = Vec::new();
    for line in TABLE {
        let mut got = [0; KINDS.len()];
        for (nth, got) in got.iter_mut().enumerate() {
            let page = callers.ask(nth, line).await;
            *got = page.status;
            assert!(page.status < 500, "{} {}: {page:?}", line.method, line.path);
        }
        if got != line.expected {
            wrong.push(format!(
                "{} {} {}: {got:?} and not {:?}",
                line.method, line.path, line.asked, line.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "columns {KINDS:?}\n{}", wrong.join("\n"));
}

/// An example of a path, for methods that reach nothing there.
fn example(path: &str) -> String {
    let path = path.replace("{client_id}", "shop-wsfed");
    path.replace("{user_id}", "usr_alice").replace("{id}", "imp_none").replace("{file}", "none.css")
}

/// Asked by proxies with whatever method their clients use.
const ANY_METHOD: [&str; 3] =
    ["/forward-auth", "/forward-auth/{path:.*}", "/forward-auth-for/{path:.*}"];

#[tokio::test]
async fn h27_other_methods_are_405_and_no_header_changes_the_method() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let browser = Browser::new(&server.url);
    let before = server.db.contents().await;
    let mut wrong = Vec::new();
    let told = told().into_iter().filter(|(path, _)| !ANY_METHOD.contains(&path.as_str()));
    for (path, mut methods) in told {
        // A question of browsers before a request, and no method of ours.
        methods.remove("OPTIONS");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO"] {
            if methods.contains(method) {
                continue;
            }
            let request =
                browser.request(Method::from_bytes(method.as_bytes()).unwrap(), &example(&path));
            let page = browser.send(request.header("content-length", "0")).await;
            let allowed: BTreeSet<&str> = page
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .filter(|m| *m != "HEAD")
                .collect();
            if page.status != 405 || allowed != methods {
                wrong.push(format!(
                    "{method} {path}: {} allows {allowed:?}, {methods:?}",
                    page.status
                ));
            }
        }
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let request = browser.request(Method::PATCH, &example(&path));
            let page =
                browser.send(request.header(name, "GET").header("content-length", "0")).await;
            assert_eq!(page.status, 405, "{path} with {name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(server.db.contents().await, before);
}

/// Whatever changes something, by a browser with its cookies, from a page of somebody else.
#[tokio::test]
async fn h03_no_page_of_somebody_else_changes_anything() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let callers = Callers::gather(&server).await;
    let before = server.db.contents().await;
    for line in TABLE.iter().filter(|line| matches!(line.method, "POST" | "DELETE")) {
        for nth in [1, 2] {
            for (site, origin) in [("cross-site", "https://evil.test"), ("same-site", "null")] {
                let request = callers.request(nth, line);
                let request = request.header("sec-fetch-site", site).header("origin", origin);
                let page = callers.browser.send(request).await;
                let nowhere = page.header("location").is_none_or(|to| to.starts_with("/log"));
                let refused = matches!(page.status, 302 | 303 | 400..=499) && nowhere;
                assert!(refused, "{} {}: {page:?}", line.method, line.path);
            }
        }
        assert_eq!(server.db.contents().await, before, "{} {}", line.method, line.path);
    }
}
