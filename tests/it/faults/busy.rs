//! The database is there and does not get round to us.
use super::load::{Facts, LONGEST, ask, is_unavailable};
use crate::support::{Page, TestServer};
use futures_util::future::{Either, join_all, select};
use reqwest::RequestBuilder;
use std::pin::pin;
use std::time::{Duration, Instant};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];
/// Three times the connections that there are.
const CALLERS: usize = 24;

async fn timed(request: RequestBuilder) -> (Page, Duration) {
    let begun = Instant::now();
    let page = ask(request).await.unwrap();
    (page, begun.elapsed())
}

#[tokio::test]
async fn j08_when_every_connection_is_taken_callers_are_told_and_health_is_not_touched() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    let slow = server.db.client().await;
    slow.batch_execute("BEGIN; LOCK TABLE users, access_tokens IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let callers = join_all(
        (0..CALLERS)
            .map(|nth| timed(if nth % 2 == 0 { facts.introspect() } else { facts.impersonate() })),
    );
    let healthy = async {
        loop {
            for path in ["/health/live", "/.well-known/jwks.json"] {
                let (page, took) = timed(facts.get(path)).await;
                assert_eq!(page.status, 200, "{path}");
                assert!(took < Duration::from_secs(1), "{path} took {took:?}");
            }
            tokio::task::yield_now().await;
        }
    };
    let answers = match select(pin!(callers), pin!(healthy)).await {
        Either::Left((answers, _)) => answers,
        Either::Right(((), _)) => unreachable!(),
    };
    for (page, took) in answers {
        assert!(is_unavailable(&page), "{page:?}");
        assert!(took < LONGEST, "{took:?}");
    }
    slow.batch_execute("COMMIT").await.unwrap();
    for _ in 0..CALLERS {
        assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true);
        assert_eq!(ask(facts.impersonate()).await.unwrap().status, 200);
    }
}
