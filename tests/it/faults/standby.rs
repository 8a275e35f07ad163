//! The database that answers follows another one.
use super::load::{Facts, ask, is_unavailable};
use super::outage::{apart, cluster, database, start, until_status};
use crate::support::TestServer;
use crate::support::db::fill;
use crate::support::node::until;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use understudy::embedded::{Cluster, Shutdown};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// Starts it again as one that follows, and follows nobody: what it says is as old as the moment before.
async fn demote(mut cluster: Cluster) -> Cluster {
    let cluster = apart(move || {
        cluster.stop(Shutdown::Fast).unwrap();
        cluster
    })
    .await;
    let signal = cluster.data_directory().join("standby.signal");
    fs::write(&signal, "").unwrap();
    // Postgres, which has another account when we are root, removes it in the end.
    fs::set_permissions(&signal, fs::Permissions::from_mode(0o666)).unwrap();
    start(cluster).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j25_a_standby_decides_about_nobody() {
    let cluster = cluster().await;
    fill(&cluster.url("faults")).await;
    let server = TestServer::start_on(database(&cluster), OFF).await;
    let facts = Facts::gather(&server).await;
    until_status(&facts, "/health/ready", 200).await;
    let cluster = demote(cluster).await;
    // Whoever asks it gets an answer: the one of before.
    let recovering = server.db.rows("SELECT pg_is_in_recovery() FROM access_tokens LIMIT 1").await;
    assert!(recovering[0].get::<_, bool>(0));
    until_status(&facts, "/health/ready", 503).await;
    for request in [
        facts.introspect(),
        facts.userinfo(&facts.impersonated),
        facts.userinfo(&facts.ordinary),
        facts.impersonate(),
        facts.page("/account"),
    ] {
        let page = ask(request).await.unwrap();
        assert!(is_unavailable(&page), "{page:?}");
    }
    // It is made the one that is followed.
    server.db.rows("SELECT pg_promote(true, 20)").await;
    until("it is ready again", 15, async || {
        ask(facts.get("/health/ready")).await.unwrap().status == 200
    })
    .await;
    assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true);
    assert_eq!(ask(facts.impersonate()).await.unwrap().status, 200);
    drop(server);
    drop(cluster);
}
