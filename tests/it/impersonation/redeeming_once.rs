//! One link, one session, however many open it at the same moment, on however many nodes.
use crate::support::protocols::{each, each_with};
use crate::support::{Browser, Node, TestServer};
use futures_util::future::join_all;

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

#[tokio::test]
async fn b02_a_hundred_openings_at_once_make_one_session() {
    each_with(OFF, async |server| {
        for _ in 0..3 {
            let link = server.link("legacy").await;
            let statuses = open_all(&[&server.url], &link).await;
            assert_eq!(statuses.iter().filter(|status| **status < 400).count(), 1, "{statuses:?}");
            assert!(
                statuses.iter().all(|status| matches!(status, 200 | 302 | 403)),
                "{statuses:?}"
            );
        }
        assert_eq!(server.db.count("SELECT count(*) FROM sessions WHERE impersonated").await, 3);
        let started = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.started'";
        assert_eq!(server.db.count(started).await, 3);
    })
    .await;
}

async fn open_all(nodes: &[&str], link: &str) -> Vec<u16> {
    let opening = (0..100).map(|nth| {
        let node = nodes[nth % nodes.len()];
        let link = link.to_owned();
        let browser = Browser::new(node);
        async move { browser.get(&link).await.status }
    });
    join_all(opening).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b03_a_hundred_openings_on_two_nodes_make_one_session() {
    let server = TestServer::start_with(OFF).await;
    let nodes =
        [Node::start(&server.db, &server.url).await, Node::start(&server.db, &server.url).await];
    let link = server.link("legacy").await;
    let statuses = open_all(&[&nodes[0].url, &nodes[1].url], &link).await;
    assert_eq!(statuses.iter().filter(|status| **status < 400).count(), 1, "{statuses:?}");
    assert_eq!(server.db.count("SELECT count(*) FROM sessions WHERE impersonated").await, 1);
}

#[tokio::test]
async fn b45_the_ticket_is_used_up_by_one_guarded_statement() {
    each(async |server| {
        let link = server.link("legacy").await;
        // A redemption that comes second finds nothing to update, whatever it read before.
        let first = server.db.client().await;
        first.batch_execute("BEGIN; SELECT * FROM impersonations FOR UPDATE").await.unwrap();
        let browser = server.browser();
        let (one, two) = (browser.get(&link), browser.get(&link));
        let release = async {
            first.batch_execute("COMMIT").await.unwrap();
        };
        let (one, two, ()) = futures_util::join!(one, two, release);
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert!(statuses[0] < 400 && statuses[1] == 403, "{statuses:?}");
    })
    .await;
}

#[tokio::test]
async fn b05_a_used_link_stays_used_after_a_restart() {
    each(async |server| {
        let link = server.link("legacy").await;
        server.is_answered(&server.browser().get(&link).await);
        let again = Node::start(&server.db, &server.url).await;
        let answer = Browser::new(&again.url).get(&link).await;
        assert_eq!(answer.json()["error_description"], "Impersonation - Link already used");
    })
    .await;
}

#[tokio::test]
async fn a51_after_a_stop_no_token_verifies_however_the_race_went() {
    let server = TestServer::start_with(OFF).await;
    for _ in 0..20 {
        let code = server
            .browser()
            .get(&server.link("legacy").await)
            .await
            .location_param("code")
            .unwrap();
        let id =
            server.db.text("SELECT id FROM impersonations ORDER BY created_at DESC LIMIT 1").await;
        let token = server.global_token().await;
        let browser = server.browser();
        let stop = browser
            .request(reqwest::Method::DELETE, &format!("/api/impersonations/{id}"))
            .bearer_auth(token);
        let (exchanged, stopped) = futures_util::join!(
            server.exchange("legacy", &code, "http://127.0.0.1:9/legacy"),
            browser.send(stop)
        );
        assert_eq!(stopped.status, 204);
        if exchanged.status == 200 {
            let access = exchanged.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(server.userinfo(&access).await.status, 401);
        }
    }
}
