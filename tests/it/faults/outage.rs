//! Postgres stops, starts, turns read-only, comes late.
use super::load::{AUTHORIZE, Facts, Load, ask, is_unavailable};
use crate::support::db::fill;
use crate::support::node::until;
use crate::support::{Node, TestDb, TestServer};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use understudy::embedded::{Cluster, Shutdown};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
const TASKS: usize = 8;

/// Work that blocks, such as on a Postgres of our own, which nobody else's test may miss meanwhile.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub(super) async fn cluster() -> Cluster {
    apart(|| {
        let cluster = Cluster::crashable().unwrap();
        cluster.create_database("faults").unwrap();
        cluster
    })
    .await
}

/// Dropping it touches no database of this name on the cluster of the other tests: there is none.
pub(super) fn database(cluster: &Cluster) -> TestDb {
    TestDb { name: "faults".to_owned(), url: cluster.url("faults") }
}

pub(super) async fn stop(mut cluster: Cluster) -> Cluster {
    apart(move || {
        cluster.stop(Shutdown::Immediate).unwrap();
        cluster
    })
    .await
}

pub(super) async fn start(mut cluster: Cluster) -> Cluster {
    apart(move || {
        cluster.start().unwrap();
        cluster
    })
    .await
}

pub(super) async fn status(facts: &Facts, path: &str) -> Option<u16> {
    ask(facts.get(path)).await.map(|page| page.status)
}

pub(super) async fn until_status(facts: &Facts, path: &str, expected: u16) {
    let what = format!("{path} is {expected}");
    until(&what, 5, async || status(facts, path).await == Some(expected)).await;
}

/// Whatever needs the database, asked while there is none: an answer to come back for, and no verdict.
pub(super) async fn everything_is_unavailable(facts: &Facts, code: &str, link: &str) {
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", facts.refresh.as_str()),
    ];
    let revoke = [
        ("token", facts.ordinary.as_str()),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
    ];
    let api = |method: Method, path: &str| {
        facts.alice.request(method, path).bearer_auth(&facts.global).json(&json!({"all": true}))
    };
    for (name, request) in [
        ("introspection", facts.introspect()),
        ("userinfo", facts.userinfo(&facts.impersonated)),
        ("userinfo of one's own", facts.userinfo(&facts.ordinary)),
        ("refresh", facts.post("/oauth/token", &refresh)),
        ("code", facts.exchange(code)),
        ("revocation", facts.post("/oauth/revoke", &revoke)),
        ("impersonate", facts.impersonate()),
        ("opening a link", facts.get(link)),
        ("list", facts.get("/api/impersonations").bearer_auth(&facts.global)),
        ("end-all", api(Method::POST, "/api/impersonations/end-all")),
        ("account", facts.page("/account")),
        ("authorize", facts.page(AUTHORIZE)),
        ("logout", facts.page("/logout")),
        ("stop", facts.page("/me/impersonation")),
    ] {
        let page = ask(request).await.unwrap_or_else(|| panic!("{name}: no answer"));
        assert!(is_unavailable(&page), "{name}: {page:?}");
        assert!(
            !page.body.contains("active") && !page.body.contains("postgres"),
            "{name}: {page:?}"
        );
    }
    for path in ["/health/live", "/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        assert_eq!(status(facts, path).await, Some(200), "{path}");
    }
}

/// Three crashes under load; then a restart that nobody is there to notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j02_a_crashed_database_is_503_and_never_a_wrong_answer() {
    let mut cluster = cluster().await;
    fill(&cluster.url("faults")).await;
    let server = TestServer::start_on(database(&cluster), OFF).await;
    let facts = Facts::gather(&server).await;
    for round in 0..3 {
        let (load, code, link) =
            (Load::default(), a_code(&server).await, server.link("legacy").await);
        let tasks = join_all((0..TASKS).map(|first| load.run(&facts, first)));
        let conductor = async {
            until("the load runs", 20, async || load.worked() >= 2).await;
            cluster = stop(cluster).await;
            until_status(&facts, "/health/ready", 503).await;
            everything_is_unavailable(&facts, &code, &link).await;
            until("the load notices", 10, async || load.unavailable() > TASKS).await;
            cluster = start(cluster).await;
            until_status(&facts, "/health/ready", 200).await;
            let before = load.worked();
            until("everything works again", 5, async || load.worked() > before).await;
            load.stop();
            cluster
        };
        let (_, back) = futures_util::join!(tasks, conductor);
        cluster = back;
        load.nothing_was_wrong();
        // What was refused only because of the outage is as good as before.
        let exchanged = ask(facts.exchange(&code)).await.unwrap();
        assert_eq!(exchanged.status, 200, "round {round}: {}", exchanged.body);
        assert_eq!(ask(facts.get(&link)).await.unwrap().status, 302, "round {round}");
    }
    super::process::every_redemption_is_whole(&server.db).await;

    cluster = start(stop(cluster).await).await;
    for nth in 0..20 {
        let request = if nth % 2 == 0 { facts.introspect() } else { facts.impersonate() };
        assert_eq!(ask(request).await.unwrap().status, 200, "request {nth}");
    }
    drop(server);
    drop(cluster);
}

pub(super) async fn a_code(server: &TestServer) -> String {
    server.browser().get(&server.link("legacy").await).await.location_param("code").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j01_a_node_that_starts_before_its_database_waits_for_it() {
    let cluster = stop(cluster().await).await;
    let mut node = Node::launch(&cluster.url("faults"));
    until("it lives", 10, async || node.status("/health/live").await == Some(200)).await;
    assert_eq!(node.status("/health/ready").await, Some(503));
    // Nothing is said before the keys are there (M-01).
    assert_eq!(node.status("/.well-known/openid-configuration").await, Some(503));
    let form = [("grant_type", "client_credentials"), ("client_id", "a"), ("client_secret", "b")];
    assert_eq!(node.browser().post_form("/oauth/token", &form).await.status, 503);
    assert!(node.ended().is_none());
    let cluster = start(cluster).await;
    // Without a restart, and with an empty database: the migrations run as soon as they can.
    node.until_ready().await;
    assert_eq!(node.browser().post_form("/oauth/token", &form).await.status, 401);
    drop(node);
    drop(cluster);
}

#[tokio::test]
async fn j05_a_fail_over_to_a_read_only_node_and_back() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    // Held open: it stays writable, as an administrator's would.
    let admin = server.db.client().await;
    let database = &server.db.name;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let read_only = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    admin.batch_execute(&read_only).await.unwrap();
    admin.batch_execute(cut).await.unwrap();
    until_status(&facts, "/health/ready", 503).await;
    // Long enough for everybody to have met the read-only node, the watch too.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        let page = ask(facts.impersonate()).await.unwrap();
        assert!(is_unavailable(&page), "{page:?}");
        // Reading goes on, and says what is so.
        assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true);
        assert_eq!(status(&facts, "/health/ready").await, Some(503));
    }
    // The connections that are there stay read-only for ever: it takes new ones.
    let writable = format!("ALTER DATABASE {database} RESET default_transaction_read_only");
    admin.batch_execute(&writable).await.unwrap();
    until_status(&facts, "/health/ready", 200).await;
    until("it writes again", 5, async || ask(facts.impersonate()).await.unwrap().status == 200)
        .await;
    for _ in 0..20 {
        assert_eq!(ask(facts.impersonate()).await.unwrap().status, 200);
    }
}
