//! The process is killed, told to go, or talks to nobody.
use super::load::ask;
use crate::support::node::{program, until};
use crate::support::{Browser, Node, TestDb, TestServer};
use futures_util::future::join_all;
use nix::sys::signal::Signal;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// A used link, its session, its code and its event: all of them or none.
pub async fn every_redemption_is_whole(db: &TestDb) {
    let broken = "SELECT coalesce(string_agg(i.id, ' '), '') FROM impersonations i WHERE \
        (i.redeemed_at IS NOT NULL) <> (1 = (SELECT count(*) FROM sessions s WHERE s.impersonation_id = i.id)) \
        OR (i.redeemed_at IS NOT NULL) <> (1 = (SELECT count(*) FROM audit_events e \
            WHERE e.impersonation_id = i.id AND e.type = 'impersonation.started')) \
        OR (i.redeemed_at IS NULL) AND EXISTS (SELECT FROM authorization_codes c WHERE c.impersonation_id = i.id)";
    assert_eq!(db.text(broken).await, "");
    let asked = "SELECT count(*) FROM impersonations i WHERE 1 <> (SELECT count(*) FROM audit_events e \
        WHERE e.impersonation_id = i.id AND e.type = 'impersonation.link_issued')";
    assert_eq!(db.count(asked).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b04_j13_a_node_killed_in_the_middle_leaves_nothing_half_done() {
    let server = TestServer::start_with(OFF).await;
    let redeemed = "SELECT count(*) FROM impersonations WHERE redeemed_at IS NOT NULL";
    let mut links = 0;
    for kill_after in [1, 5, 12] {
        let node = Node::start(&server.db, &server.url).await;
        let mut waiting = Vec::new();
        for _ in 0..24 {
            waiting.push(server.link("legacy").await);
        }
        links += 24;
        let before = server.db.count(redeemed).await;
        let (node, answered) = (&node, AtomicUsize::new(0));
        let browser = Browser::new(&node.url);
        let openings = join_all(waiting.iter().map(|link| {
            let (browser, answered) = (&browser, &answered);
            async move {
                let page = ask(browser.request(reqwest::Method::GET, link)).await;
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == kill_after {
                    node.signal(Signal::SIGKILL);
                }
                page.map(|page| page.status)
            }
        }));
        let statuses = openings.await;
        let told = statuses.iter().filter(|status| **status == Some(302)).count();
        assert!(statuses.iter().all(|status| matches!(status, Some(302) | None)), "{statuses:?}");
        every_redemption_is_whole(&server.db).await;
        let done = server.db.count(redeemed).await - before;
        assert!(done >= i64::try_from(told).unwrap(), "{told} were told, {done} are stored");
        // The others can still be opened, and those that were used up cannot.
        let survivor = server.browser();
        for link in &waiting {
            let page = survivor.get(link).await;
            assert!(page.status == 302 || page.body.contains("already used"), "{page:?}");
        }
        assert_eq!(server.db.count(redeemed).await, links);
    }
    every_redemption_is_whole(&server.db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j12_a_node_that_is_told_to_go_finishes_what_it_has_begun() {
    let server = TestServer::start_with(OFF).await;
    let mut node = Node::start(&server.db, &server.url).await;
    let token = server.global_token().await;
    let browser = Browser::new(&node.url);
    let answered = AtomicUsize::new(0);
    let one = async || {
        let mut whole = 0;
        // Until nobody listens there any more.
        while let Ok(answer) = browser
            .request(reqwest::Method::GET, "/api/impersonations")
            .bearer_auth(&token)
            .send()
            .await
        {
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.expect("an answer that was begun is finished");
            assert!(text.ends_with('}'), "{text}");
            whole += 1;
            answered.fetch_add(1, Ordering::Relaxed);
        }
        whole
    };
    let conductor = async {
        until("the load runs", 10, async || answered.load(Ordering::Relaxed) > 20).await;
        node.signal(Signal::SIGTERM);
    };
    let (counts, ()) = futures_util::join!(join_all((0..4).map(|_| one())), conductor);
    assert!(counts.iter().sum::<u32>() > 20);
    until("the node is gone", 10, async || node.ended().is_some()).await;
    assert!(node.ended().unwrap().success(), "{:?}", node.ended());
}

/// j11: a full pipe, and a closed one.
#[tokio::test]
async fn j11_a_reader_of_the_log_that_hangs_or_is_gone_stops_nothing() {
    let db = TestDb::create();
    for hangs in [true, false] {
        let address = crate::support::node::free_address();
        let url = format!("http://{address}");
        let mut command = program(&db.url, &url);
        command.args(["serve", "--listen", &address]).env("UNDERSTUDY_LOG", "trace");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        if !hangs {
            drop(child.stdout.take());
        }
        let browser = Browser::new(&url);
        let ready = async || {
            let page = ask(browser.request(reqwest::Method::GET, "/health/ready")).await;
            page.is_some_and(|page| page.status == 200)
        };
        until("it is ready", 10, ready).await;
        // More lines than a pipe holds.
        for _ in 0..400 {
            assert_eq!(browser.get("/.well-known/jwks.json").await.status, 200);
        }
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
