//! Several nodes: one's word holds at the others, whatever time they think it is.
use crate::box_::APP;
use crate::box_::people::{cora, get};
use crate::support::node::{Node, free_address, program, until};
use crate::support::{Browser, TestServer};
use reqwest::Method;
use serde_json::json;
use std::path::PathBuf;
use std::process::{Child, Stdio};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// A second server on the same database, behind the same public URL.
async fn other_node(server: &TestServer) -> Node {
    Node::start(&server.db, &server.url).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j23_what_is_stopped_on_one_node_is_over_on_the_other() {
    let server = TestServer::start_with(OFF).await;
    let node = other_node(&server).await;
    let there = Browser::bare(&node.url);
    let userinfo = async |token: &str| {
        there.send(there.request(Method::GET, "/userinfo").bearer_auth(token)).await.status
    };
    let global = server.global_token().await;
    let browser = server.browser();
    for nth in 0..12 {
        let token = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
        assert_eq!(userinfo(&token).await, 200, "{nth}");
        let id = server.db.text("SELECT max(id) FROM impersonations").await;
        let end = browser.request(Method::DELETE, &format!("/api/impersonations/{id}"));
        assert_eq!(browser.send(end.bearer_auth(&global)).await.status / 100, 2, "{nth}");
        assert_eq!(userinfo(&token).await, 401, "{nth}: at once");
    }
    let acting = cora(&server).await;
    let as_alice = [("as-user", "usr_alice")];
    let on_node = async || {
        let request = there.request(Method::GET, "/userinfo").bearer_auth(&acting);
        there.send(request.header("as-user", "usr_alice")).await.status
    };
    assert_eq!(
        (get(&server, "/userinfo", &acting, &as_alice).await.status, on_node().await),
        (200, 200)
    );
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    assert_eq!(on_node().await, 403, "the subject is gone");
    server.db.sql("UPDATE users SET status = 'active' WHERE id = 'usr_alice'").await;
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_cora'").await;
    assert_eq!(on_node().await, 401, "the actor is gone");
    // What is remembered about an application is a second old at the most.
    let token = APP.enterprise_token(&server).await;
    assert_eq!(userinfo(&token).await, 200);
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'box-app'").await;
    until("the application is off everywhere", 2, async || userinfo(&token).await == 401).await;
}

/// Killed when dropped.
struct Skewed {
    url: String,
    child: Child,
}

impl Drop for Skewed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
    let found =
        folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|it| it.exists());
    found.unwrap_or_else(|| panic!("libfaketime is missing: run scripts/setup-tests.sh first"))
}

impl Skewed {
    /// A node that is wrong about the time. It says so, and whoever balances the load leaves it out.
    async fn start(server: &TestServer, by: &str) -> Self {
        let address = free_address();
        let mut command = program(&server.db.url, &server.url);
        command.args(["serve", "--no-migrate", "--listen", &address]);
        command.env("LD_PRELOAD", libfaketime()).env("FAKETIME", by);
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("UNDERSTUDY_RATE_LIMITS", "off");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let skewed = Self { url: format!("http://{address}"), child };
        let browser = Browser::bare(&skewed.url);
        let alive = async || {
            let asked =
                browser.client.get(format!("{}/.well-known/jwks.json", skewed.url)).send().await;
            match asked {
                Ok(answer) => answer.text().await.is_ok_and(|text| text.contains("\"kid\"")),
                Err(_) => false,
            }
        };
        until("the skewed node has its keys", 15, alive).await;
        assert_eq!(browser.get("/health/ready").await.status, 503, "{by}");
        skewed
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j15_a_node_that_is_minutes_off_decides_by_the_databases_clock() {
    let server = TestServer::start_with(OFF).await;
    for by in ["+5m", "-5m"] {
        let node = Skewed::start(&server, by).await;
        let there = Browser::bare(&node.url);
        let ask = async |link: &str| there.get(&link.replace(&server.url, "")).await;

        // What is live is live there, to the second.
        let link = server.link("legacy").await;
        let opened = ask(&link).await;
        assert_eq!(opened.status, 302, "{by}: {opened:?}");
        let again = server.browser().get(&link).await;
        assert!(again.body.contains("already used"), "{by}: {again:?}");
        let code = opened.location_param("code").unwrap();
        let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
        let token = tokens["access_token"].as_str().unwrap();
        let userinfo = there.send(there.request(Method::GET, "/userinfo").bearer_auth(token)).await;
        assert_eq!(userinfo.json()["sub"], "usr_alice", "{by}");

        // Made there, it is dated by the database.
        let body =
            json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
        let request = there.request(Method::POST, "/users/usr_alice/impersonate");
        let made = there.send(request.bearer_auth(server.global_token().await).json(&body)).await;
        for dated in [
            "SELECT created_at FROM impersonations ORDER BY id DESC LIMIT 1",
            "SELECT at FROM audit_events ORDER BY seq DESC LIMIT 1",
        ] {
            let off = format!("SELECT abs(extract(epoch FROM ({dated}) - clock_now()))::bigint");
            assert!(server.db.count(&off).await < 60, "{by}: {dated}");
        }
        assert_eq!(server.browser().get(&made.body).await.status, 302, "{by}: {made:?}");
        let assertion = APP.assertion(&APP.claims(&server, "enterprise", "org_acme").await);
        let form = [
            ("grant_type", crate::box_::JWT_BEARER),
            ("client_id", APP.id),
            ("client_secret", APP.secret),
            ("assertion", assertion.as_str()),
        ];
        assert_eq!(there.post_form("/oauth2/token", &form).await.status, 200, "{by}");
        assert_eq!(there.post_form("/oauth2/token", &form).await.status, 400, "{by}: used");

        // What is over by the database's clock is over there.
        let late = server.link("legacy").await;
        server.db.advance("3 minutes").await;
        let refused = ask(&late).await;
        assert!(refused.body.contains("Access expired"), "{by}: {refused:?}");
    }
}
