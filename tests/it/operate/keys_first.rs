//! Until the keys are read there is no answer, because it would be a false one.
use crate::faults::load::is_unavailable;
use crate::support::db::fill;
use crate::support::node::until;
use crate::support::{Browser, Node, Page, TestDb, TestServer};
use reqwest::Method;
use understudy::embedded::{Cluster, Shutdown};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

fn as_machine<'a>(form: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let credentials = [("client_id", "machine"), ("client_secret", "machine-secret")];
    form.iter().copied().chain(credentials).collect()
}

/// What is good all the time, made by a server that has its keys.
struct Good {
    jwt: String,
    link: String,
}

impl Good {
    async fn gather(server: &TestServer) -> Self {
        let form = as_machine(&[
            ("grant_type", "client_credentials"),
            ("audience", "https://jobs.test/api"),
        ]);
        let asked = server.browser().request(Method::POST, "/oauth/token").form(&form);
        let answer = server.browser().send(asked).await;
        let jwt = answer.json()["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:?}"))
            .to_owned();
        assert!(jwt.contains('.'), "{jwt}");
        Self { jwt, link: server.link("legacy").await }
    }

    /// Every kind of request whose answer depends on a key, and some that do not.
    async fn ask(&self, browser: &Browser) -> Vec<(String, Page)> {
        let mut pages = Vec::new();
        for path in [
            "/.well-known/jwks.json",
            "/.well-known/openid-configuration",
            "/samlp/metadata",
            "/FederationMetadata/2007-06/FederationMetadata.xml",
            "/login",
            "/nowhere",
            self.link.as_str(),
        ] {
            pages.push((path.to_owned(), browser.get(path).await));
        }
        for (path, form) in [
            ("/oauth/introspect", vec![("token", self.jwt.as_str())]),
            ("/oauth/revoke", vec![("token", self.jwt.as_str())]),
            ("/oauth/token", vec![("grant_type", "client_credentials")]),
        ] {
            let request = browser.request(Method::POST, path).form(&as_machine(&form));
            pages.push((path.to_owned(), browser.send(request).await));
        }
        let userinfo = browser.request(Method::GET, "/userinfo").bearer_auth(&self.jwt);
        pages.push(("/userinfo".to_owned(), browser.send(userinfo).await));
        pages
    }

    /// The answers of a node that has its keys.
    async fn is_good_at(&self, browser: &Browser) {
        let form = as_machine(&[("token", self.jwt.as_str())]);
        let asked = browser.request(Method::POST, "/oauth/introspect").form(&form);
        let answer = browser.send(asked).await;
        assert_eq!(answer.json()["active"], true, "{answer:?}");
        let jwks = browser.get("/.well-known/jwks.json").await;
        assert!(jwks.json()["keys"].as_array().unwrap().len() >= 3, "{jwks:?}");
        assert_eq!(browser.get(&self.link).await.status, 302);
    }
}

fn judge(pages: &[(String, Page)]) {
    for (path, page) in pages {
        assert!(is_unavailable(page), "{path}: {page:?}");
        assert!(
            !page.body.contains("active") && !page.body.contains("Bad mac"),
            "{path}: {page:?}"
        );
        let cached = page.header("cache-control").unwrap_or_default();
        assert!(!cached.contains("max-age"), "{path}: {page:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m01_a_server_that_starts_while_the_database_is_down_gives_no_false_answer() {
    let blocking = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::crashable().unwrap();
        cluster.create_database("faults").unwrap();
        cluster
    });
    let mut cluster = blocking.await.unwrap();
    fill(&cluster.url("faults")).await;
    let db = TestDb { name: "faults".to_owned(), url: cluster.url("faults") };
    let mut server = TestServer::start_on(db, OFF).await;
    let good = Good::gather(&server).await;
    server.stop();
    let stopping = tokio::task::spawn_blocking(move || {
        cluster.stop(Shutdown::Fast).unwrap();
        cluster
    });
    let mut cluster = stopping.await.unwrap();

    let node = Node::launch_behind(&server.db.url, &server.url);
    until("it listens", 10, async || node.status("/health/live").await == Some(200)).await;
    assert_eq!(node.status("/health/ready").await, Some(503));
    let browser = Browser::bare(&node.url);
    for _ in 0..3 {
        judge(&good.ask(&browser).await);
    }
    let starting = tokio::task::spawn_blocking(move || {
        cluster.start().unwrap();
        cluster
    });
    let _cluster = starting.await.unwrap();
    node.until_ready().await;
    good.is_good_at(&browser).await;
}

/// The database answers, and the keys come late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m01_a_server_whose_keys_come_late_gives_no_false_answer() {
    let server = TestServer::start_with(OFF).await;
    let good = Good::gather(&server).await;
    let mut client = server.db.client().await;
    let held = client.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE signing_keys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let node = Node::launch_behind(&server.db.url, &server.url);
    until("it listens", 10, async || node.status("/health/live").await == Some(200)).await;
    let browser = Browser::bare(&node.url);
    judge(&good.ask(&browser).await);
    assert_eq!(node.status("/health/ready").await, Some(503));
    held.rollback().await.unwrap();
    node.until_ready().await;
    good.is_good_at(&browser).await;
}

/// From the first moment of its life on: whoever gets an answer gets a right one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m01_of_twenty_starts_not_one_answer_is_false() {
    let server = TestServer::start_with(OFF).await;
    let good = Good::gather(&server).await;
    for _ in 0..20 {
        let node = Node::launch_behind(&server.db.url, &server.url);
        let browser = Browser::bare(&node.url);
        until("it is ready", 10, async || {
            let request = browser.request(Method::GET, "/.well-known/jwks.json").send().await;
            let Ok(answer) = request else { return false };
            let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert!(status == 503 || body.contains("\"kid\""), "{status} {body}");
            let form = as_machine(&[("token", good.jwt.as_str())]);
            let asked = browser.request(Method::POST, "/oauth/introspect").form(&form);
            let answer = browser.send(asked).await;
            assert!(is_unavailable(&answer) || answer.json()["active"] == true, "{answer:?}");
            node.status("/health/ready").await == Some(200)
        })
        .await;
    }
}

/// A ring that has lost a key is none: it signs, verifies and publishes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m01_a_key_that_is_gone_makes_the_server_unavailable_and_nothing_false() {
    for gone in [
        "purpose = 'xml' AND state = 'current'",
        "purpose = 'bewit' AND state = 'current'",
        "algorithm = 'ES256'",
        "true",
    ] {
        let server = TestServer::start_with(OFF).await;
        let good = Good::gather(&server).await;
        let browser = Browser::bare(&server.url);
        server.db.sql(&format!("DELETE FROM signing_keys WHERE {gone}")).await;
        until("it follows", 15, async || browser.get("/.well-known/jwks.json").await.status == 503)
            .await;
        judge(&good.ask(&browser).await);
        until("it is not ready", 15, async || browser.get("/health/ready").await.status == 503)
            .await;
        assert_eq!(browser.get("/health/live").await.status, 200);
    }
}
