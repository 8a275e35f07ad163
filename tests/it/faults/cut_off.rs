//! The database is not to be had: nobody is let in, every connection is cut, or nothing is said at all.
use super::load::{Facts, ask, is_unavailable};
use super::outage::{a_code, everything_is_unavailable, until_status};
use crate::support::detour::detour;
use crate::support::node::until;
use crate::support::{Page, TestDb, TestServer};
use futures_util::future::join_all;
use reqwest::RequestBuilder;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
/// As many as there are connections, and as many again.
const CALLERS: usize = 16;

async fn shut(db: &TestDb) {
    db.let_in(false).await;
    db.cut().await;
}

#[tokio::test]
async fn j03_an_outage_is_never_a_verdict() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    let (code, link) = (a_code(&server).await, server.link("legacy").await);
    until_status(&facts, "/health/ready", 200).await;
    shut(&server.db).await;
    until_status(&facts, "/health/ready", 503).await;
    everything_is_unavailable(&facts, &code, &link).await;
    server.db.let_in(true).await;
    until_status(&facts, "/health/ready", 200).await;
    // What was refused only because of the outage is as good as before.
    assert_eq!(ask(facts.exchange(&code)).await.unwrap().status, 200);
    assert_eq!(ask(facts.get(&link)).await.unwrap().status, 302);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", facts.refresh.as_str()),
    ];
    assert_eq!(ask(facts.post("/oauth/token", &refresh)).await.unwrap().status, 200);
}

#[tokio::test]
async fn j04_a_node_is_ready_again_by_itself_however_often_it_has_asked_in_vain() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    shut(&server.db).await;
    until_status(&facts, "/health/ready", 503).await;
    // Far more failures than there are places in the pool.
    for _ in 0..5 {
        let answers = join_all((0..CALLERS).map(|_| ask(facts.introspect()))).await;
        for page in answers.into_iter().map(Option::unwrap) {
            assert!(is_unavailable(&page), "{page:?}");
        }
    }
    server.db.let_in(true).await;
    until_status(&facts, "/health/ready", 200).await;
    for _ in 0..CALLERS {
        assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true);
        assert_eq!(ask(facts.impersonate()).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn j07_connections_that_were_cut_while_nobody_asked_cost_nobody_an_error() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    for _ in 0..3 {
        // The whole pool is in use, and then all of it is stale.
        let answers = join_all((0..CALLERS).map(|_| ask(facts.introspect()))).await;
        assert!(answers.into_iter().all(|page| page.unwrap().json()["active"] == true));
        server.db.cut().await;
        // A few turns of the worker's loop, which is what "idle" is.
        for _ in 0..20 {
            assert_eq!(ask(facts.get("/health/live")).await.unwrap().status, 200);
        }
        for nth in 0..20 {
            let request = if nth % 2 == 0 { facts.introspect() } else { facts.impersonate() };
            assert_eq!(ask(request).await.unwrap().status, 200, "request {nth}");
        }
    }
}

/// The way to the database, which may fall silent: whoever is on it then is never heard of again, and nobody is
/// told that they are gone.
struct Line(watch::Sender<bool>);

/// Passes on what arrives as long as the line speaks; once it has been silent, nothing any more.
async fn pass(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut silent: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut dead = *silent.borrow_and_update();
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { return };
                if !dead && to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
            Ok(()) = silent.changed() => dead = true,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "each connection lives as long as its two ends")]
async fn line_to(db: &TestDb) -> (Line, String) {
    let (sender, silent) = watch::channel(false);
    let url = detour(db, move |ours, theirs| {
        let (from_us, to_us) = ours.into_split();
        let (from_them, to_them) = theirs.into_split();
        tokio::spawn(pass(from_us, to_them, silent.clone()));
        tokio::spawn(pass(from_them, to_us, silent.clone()));
    });
    (Line(sender), url.await)
}

/// An answer within seconds. The catalogue says five; whoever tests on a busy machine is more patient.
#[expect(clippy::disallowed_methods, reason = "a server that hangs is a finding")]
async fn in_time(request: RequestBuilder) -> Page {
    let begun = Instant::now();
    let asked = tokio::time::timeout(Duration::from_secs(30), ask(request)).await;
    let Ok(Some(page)) = asked else { panic!("no answer at all") };
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}: {page:?}", begun.elapsed());
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j06_a_database_that_falls_silent_is_503_in_seconds_and_found_again() {
    let db = TestDb::create();
    let (line, url) = line_to(&db).await;
    // Dropping it touches no database: there is none of this name.
    let at = TestDb { name: "no_such_database".to_owned(), url };
    let server = TestServer::start_on(at, OFF).await;
    let facts = Facts::gather(&server).await;
    let answers = join_all((0..CALLERS).map(|_| ask(facts.introspect()))).await;
    assert!(answers.into_iter().all(|page| page.unwrap().json()["active"] == true));

    line.0.send(true).unwrap();
    let asking = (0..CALLERS)
        .map(|nth| in_time(if nth % 2 == 0 { facts.introspect() } else { facts.impersonate() }));
    for page in join_all(asking).await {
        assert!(is_unavailable(&page), "{page:?}");
    }
    until("it says that it is not ready", 15, async || {
        ask(facts.get("/health/ready")).await.unwrap().status == 503
    })
    .await;
    assert_eq!(in_time(facts.get("/.well-known/jwks.json")).await.status, 200);
    assert!(is_unavailable(&in_time(facts.introspect()).await));

    // There is a way again; what was on the old one stays dead.
    line.0.send(false).unwrap();
    until("it is ready again", 15, async || {
        ask(facts.get("/health/ready")).await.unwrap().status == 200
    })
    .await;
    for _ in 0..20 {
        assert_eq!(in_time(facts.introspect()).await.json()["active"], true);
        assert_eq!(in_time(facts.impersonate()).await.status, 200);
    }
}

/// M-04: a balancer learns of it within three seconds, though nothing is answered that could say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m04_a_node_whose_database_stands_still_is_not_ready_within_three_seconds() {
    let db = TestDb::create();
    let (line, url) = line_to(&db).await;
    let at = TestDb { name: "no_such_database".to_owned(), url };
    let server = TestServer::start_on(at, OFF).await;
    let facts = Facts::gather(&server).await;
    for _ in 0..2 {
        until_status(&facts, "/health/ready", 200).await;
        line.0.send(true).unwrap();
        let begun = Instant::now();
        until_status(&facts, "/health/ready", 503).await;
        assert!(begun.elapsed() < Duration::from_millis(3200), "{:?}", begun.elapsed());
        line.0.send(false).unwrap();
        until("it is ready again", 15, async || {
            ask(facts.get("/health/ready")).await.unwrap().status == 200
        })
        .await;
    }
}
