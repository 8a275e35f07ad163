//! Metrics and details of health: on an address of their own, at any time, with numbers that are right.
use crate::support::node::until;
use crate::support::{Browser, Node, TestDb, TestServer};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

const FORMAT: &str = "text/plain; version=0.0.4";

#[tokio::test]
async fn k57_metrics_are_on_the_management_address_and_nowhere_else() {
    let db = TestDb::create();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    let public = Browser::bare(&node.url);
    for path in
        ["/metrics", "/metrics/", "/health", "//metrics", "/%6detrics", "/management/metrics"]
    {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let answer = public.send(public.request(method.clone(), path)).await;
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
            assert!(!answer.body.contains("understudy_"), "{path}: {answer:?}");
        }
    }
    let management = Browser::bare(&node.management);
    let page = management.get("/metrics").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some(FORMAT)));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let details = management.get("/health").await;
    assert_eq!(details.status, 200);
    assert_eq!(details.json()["status"], "ok");
    assert_eq!(details.json()["keys_loaded"], true);
    assert_eq!(management.get("/health/live").await.status, 200);
    assert_eq!(management.get("/health/ready").await.status, 200);
    // It is no second way to the rest.
    for path in ["/login", "/oauth/token", "/.well-known/jwks.json", "/users/usr_alice/impersonate"]
    {
        assert_eq!(management.get(path).await.status, 404, "{path}");
    }
    let posted = management.send(management.request(Method::POST, "/metrics")).await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn k57_without_the_setting_there_are_no_metrics_at_all() {
    let server = TestServer::start().await;
    assert_eq!(server.parts.management_listen, None);
    assert_eq!(server.browser().get("/metrics").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k57_metrics_are_served_before_the_keys_are_there_and_say_what_is_not_known() {
    let server = TestServer::start().await;
    let mut client = server.db.client().await;
    let held = client.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE signing_keys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let node = Node::launch_behind(&server.db.url, &server.url);
    let management = Browser::bare(&node.management);
    until("it serves metrics", 10, async || {
        management.client.get(format!("{}/metrics", node.management)).send().await.is_ok()
    })
    .await;
    assert_eq!(node.metric("understudy_keys_loaded").await, "0");
    assert_eq!(node.metric("understudy_ready").await, "0");
    assert!(node.metric("understudy_impersonations_running").await == "NaN");
    assert_eq!(management.get("/health").await.status, 503);
    held.rollback().await.unwrap();
    node.until_ready().await;
    assert_eq!(node.metric("understudy_keys_loaded").await, "1");
    until("the database is read", 20, async || {
        node.metric("understudy_impersonations_running").await != "NaN"
    })
    .await;
    assert!(
        node.metric("understudy_signing_key_age_seconds{purpose=\"token\"}")
            .await
            .parse::<f64>()
            .unwrap()
            >= 0.0
    );
}

#[tokio::test]
async fn k57_an_address_that_is_taken_ends_the_start_and_is_named() {
    let db = TestDb::create();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = crate::support::node::free_address();
    let settings = [("UNDERSTUDY_MANAGEMENT_LISTEN", address.as_str())];
    let said = super::with(&db.url, &settings, &["serve", "--listen", &listen]);
    assert!(!said.success && said.err.contains(&format!("cannot listen on {address}")), "{said:?}");
    let same = [("UNDERSTUDY_MANAGEMENT_LISTEN", listen.as_str()), ("UNDERSTUDY_LISTEN", &listen)];
    let said = super::with(&db.url, &same, &["serve"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("UNDERSTUDY_MANAGEMENT_LISTEN: needs a port of its own"), "{said:?}");
}

/// What happens is counted once, under labels of ours only.
#[tokio::test]
async fn the_metrics_count_what_happens_in_the_domain() {
    let db = TestDb::create();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    let browser = node.browser();
    browser.sign_in("sam@understudy.test", "not his password").await;
    browser.sign_in("sam@understudy.test", "sam-password").await;
    for (outcome, times) in [("wrong_credentials", "1"), ("succeeded", "1"), ("error", "0")] {
        let series = format!("understudy_sign_ins_total{{outcome=\"{outcome}\"}}");
        assert_eq!(node.metric(&series).await, times, "{outcome}");
    }

    let as_global = [
        ("grant_type", "client_credentials"),
        ("client_id", "global"),
        ("client_secret", "global-secret"),
    ];
    let token = browser.post_form("/oauth/token", &as_global).await.json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let wrong = [as_global[0], as_global[1], ("client_secret", "not the secret")];
    assert_eq!(browser.post_form("/oauth/token", &wrong).await.status, 401);
    let unheard_of = [("grant_type", "a-word\"} 7"), as_global[1], as_global[2]];
    assert_eq!(browser.post_form("/oauth/token", &unheard_of).await.status, 400);
    for (labels, times) in [
        ("grant=\"client_credentials\",outcome=\"issued\"", "1"),
        ("grant=\"client_credentials\",outcome=\"refused\"", "1"),
        ("grant=\"other\",outcome=\"refused\"", "1"),
    ] {
        let series = format!("understudy_token_requests_total{{{labels}}}");
        assert_eq!(node.metric(&series).await, times, "{labels}");
    }

    let ask = async |subject: &str| {
        let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy",
            "token": token, "additionalParameters": {"scope": "openid"}});
        let path = format!("/users/{subject}/impersonate");
        let request = browser.request(Method::POST, &path).bearer_auth(&token).json(&body);
        browser.send(request).await
    };
    let link = ask("usr_alice").await;
    assert_eq!(link.status, 200, "{link:?}");
    assert_eq!(node.browser().get(&link.body).await.status, 302);
    assert_eq!(ask("usr_sam").await.status, 403);
    for (series, times) in [
        ("understudy_impersonations_started_total{channel=\"link\"}", "1"),
        ("understudy_impersonations_refused_total{reason=\"self_impersonation\"}", "1"),
        ("understudy_audit_events_total{type=\"impersonation.started\"}", "1"),
    ] {
        assert_eq!(node.metric(series).await, times, "{series}");
    }
    until("the running one is counted", 20, async || {
        node.metric("understudy_impersonations_running").await == "1"
    })
    .await;
    assert!(node.metric("understudy_database_connections{state=\"idle\"}").await != "0");
    assert!(node.metric("process_resident_memory_bytes").await.len() > 6);
    is_well_formed(&node.metrics().await);
    promtool_agrees(&node.metrics().await);
}

/// As the text format asks for it: HELP and TYPE before the samples of a family, no series twice.
fn is_well_formed(page: &str) {
    let (mut family, mut series) = (String::new(), BTreeSet::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            rest.split(' ').next().unwrap().clone_into(&mut family);
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&family), "{line} stands under {family}");
            assert!(series.insert(name.to_owned()), "{name} is there twice");
            value.parse::<f64>().unwrap();
            assert!(!name.contains("a-word") && !name.contains("usr_"), "{line}");
        }
    }
    assert!(series.len() > 80, "{page}");
}

/// `promtool` says what Prometheus thinks of names and units, where it is installed.
fn promtool_agrees(page: &str) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return };
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}
