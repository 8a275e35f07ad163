//! M-07: whatever ends a server, no call that it has answered is missing in the trail.
use crate::box_::people::{cora, userinfo_as};
use crate::support::{Browser, Node, TestServer};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use reqwest::Method;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// Calls until there is no answer any more; the ids of those that were answered.
async fn call_until_the_end(url: &str, token: &str) -> Vec<String> {
    let browser = Browser::bare(url);
    let mut answered = Vec::new();
    loop {
        let request = browser.request(Method::GET, "/userinfo").bearer_auth(token);
        let Ok(answer) = request.header("as-user", "usr_alice").send().await else {
            return answered;
        };
        if answer.status() == 200 {
            answered.push(answer.headers()["x-request-id"].to_str().unwrap().to_owned());
        }
    }
}

async fn none_is_missing(server: &TestServer, answered: &[String]) {
    let sql = "SELECT request_id FROM audit_events WHERE type = 'impersonation.api_call'";
    let rows = server.db.rows(sql).await;
    let written: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<_> = answered.iter().filter(|id| !written.contains(*id)).collect();
    assert!(missing.is_empty(), "{} of {} calls", missing.len(), answered.len());
}

/// Ten kills; `UNDERSTUDY_TEST_KILLS=200` for as many as it should stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "how many calls there were is what a long run is for")]
async fn m07_a_server_that_is_killed_has_answered_no_call_without_its_event() {
    let kills = std::env::var_os("UNDERSTUDY_TEST_KILLS").and_then(|n| n.to_str()?.parse().ok());
    let server = TestServer::start_with(OFF).await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    let mut answered = Vec::new();
    let begun = Instant::now();
    for kill in 0..kills.unwrap_or(10_u64) {
        let node = Node::start(&server.db, &server.url).await;
        let calls = join_all((0..16).map(|_| call_until_the_end(&node.url, &token)));
        let killing = async {
            tokio::time::sleep(Duration::from_millis(150 + kill * 37 % 200)).await;
            node.signal(Signal::SIGKILL);
        };
        let (calls, ()) = futures_util::join!(calls, killing);
        answered.extend(calls.into_iter().flatten());
    }
    assert!(answered.len() > 50, "{}", answered.len());
    none_is_missing(&server, &answered).await;
    eprintln!("{} calls were answered, none is missing; {:?}", answered.len(), begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m07_a_server_that_is_told_to_stop_answers_those_that_wait() {
    let server = TestServer::start_with(OFF).await;
    let token = cora(&server).await;
    let mut node = Node::start(&server.db, &server.url).await;
    let calls = join_all((0..16).map(|_| call_until_the_end(&node.url, &token)));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.signal(Signal::SIGTERM);
    };
    let (calls, ()) = futures_util::join!(calls, stopping);
    let answered: Vec<String> = calls.into_iter().flatten().collect();
    assert!(!answered.is_empty());
    none_is_missing(&server, &answered).await;
    crate::support::node::until("it ends", 35, async || node.ended().is_some()).await;
}

/// Whoever goes away while their event waits takes nobody else's along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m07_callers_that_go_away_block_nobody_and_lose_nothing() {
    let server = TestServer::start_with(OFF).await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    // The writer waits for this lock, with a batch in its hands.
    let lock = server.db.client().await;
    lock.batch_execute("BEGIN; LOCK TABLE audit_events IN SHARE MODE").await.unwrap();
    let browser = Browser::bare(&server.url);
    let impatient = join_all((0..20).map(|_| {
        let request = browser.request(Method::GET, "/userinfo").bearer_auth(&token);
        request.header("as-user", "usr_alice").timeout(Duration::from_millis(200)).send()
    }));
    assert!(impatient.await.iter().all(Result::is_err));
    let patient = join_all((0..20).map(|_| userinfo_as(&server, &token, "usr_alice")));
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        lock.batch_execute("COMMIT").await.unwrap();
    };
    let (pages, ()) = futures_util::join!(patient, unlock);
    let answered: Vec<String> = pages
        .iter()
        .filter(|page| page.status == 200)
        .map(|page| page.header("x-request-id").unwrap().to_owned())
        .collect();
    assert_eq!(answered.len(), 20, "{pages:?}");
    none_is_missing(&server, &answered).await;
}

/// One event that the database does not take keeps out no other of its batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m07_an_event_that_is_refused_spoils_no_other() {
    let server = TestServer::start_with(OFF).await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    assert_eq!(userinfo_as(&server, &token, "auth0|bob").await.status, 200);
    server
        .db
        .sql(
            "CREATE FUNCTION choosy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.subject = 'auth0|bob' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER choosy BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION choosy()",
        )
        .await;
    let pages = join_all((0..40).map(|nth| {
        userinfo_as(&server, &token, if nth % 2 == 0 { "usr_alice" } else { "auth0|bob" })
    }))
    .await;
    for (nth, page) in pages.iter().enumerate() {
        assert_eq!(page.status, if nth % 2 == 0 { 200 } else { 503 }, "{page:?}");
    }
}
