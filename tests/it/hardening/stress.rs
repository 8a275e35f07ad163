//! A slow database, a full one, and health that costs nothing.
use crate::faults::load::{Facts, ask, is_unavailable};
use crate::support::detour::detour;
use crate::support::{Browser, TestDb, TestServer};
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

/// What Postgres says arrives later by so many milliseconds.
struct Slow(Arc<AtomicU64>);

#[expect(clippy::disallowed_methods, reason = "each connection lives as long as its two ends")]
async fn slowly(db: &TestDb) -> (Slow, String) {
    let delay = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&delay);
    let url = detour(db, move |ours, theirs| {
        let (mut from_us, mut to_us) = ours.into_split();
        let (mut from_them, mut to_them) = theirs.into_split();
        let delay = Arc::clone(&shared);
        tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut to_them).await });
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = from_them.read(&mut buffer).await {
                let late = Duration::from_millis(delay.load(Ordering::Relaxed));
                tokio::time::sleep(late).await;
                if to_us.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        });
    });
    (Slow(delay), url.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j09_a_slow_database_makes_it_slow_and_then_shed_and_never_wrong() {
    let db = TestDb::create();
    let (slow, url) = slowly(&db).await;
    // Dropping it touches no database: there is none of this name.
    let server =
        TestServer::start_on(TestDb { name: "no_such_database".to_owned(), url }, OFF).await;
    let facts = Facts::gather(&server).await;
    slow.0.store(500, Ordering::Relaxed);
    let begun = Instant::now();
    let page = ask(facts.introspect()).await.unwrap();
    assert!(
        page.json()["active"] == true && begun.elapsed() >= Duration::from_millis(500),
        "{page:?}"
    );

    // Every connection knows its statements, so that each of them takes as long as the other.
    slow.0.store(0, Ordering::Relaxed);
    join_all((0..40).map(|_| ask(facts.introspect()))).await;
    slow.0.store(5000, Ordering::Relaxed);
    let begun = Instant::now();
    // Five times the connections: whoever gets none is told within its patience of two seconds.
    let answers = join_all((0..40).map(|_| ask(facts.introspect()))).await;
    let (mut right, mut shed) = (0, 0);
    for page in answers.into_iter().map(Option::unwrap) {
        if is_unavailable(&page) {
            shed += 1;
        } else {
            assert_eq!(page.json()["active"], true, "{page:?}");
            right += 1;
        }
    }
    assert!(shed >= 30 && right + shed == 40, "{right} right, {shed} shed");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(ask(facts.get("/health/live")).await.unwrap().status, 200);

    slow.0.store(0, Ordering::Relaxed);
    let well = async || ask(facts.introspect()).await.is_some_and(|page| page.status == 200);
    crate::support::node::until("it is as before", 15, well).await;
    for _ in 0..20 {
        assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true);
    }
}

/// A disk that is full takes no event; and what leaves no trace is not done.
#[tokio::test]
async fn j10_when_the_trail_cannot_be_written_nobody_gets_in() {
    let server = TestServer::start_with(OFF).await;
    let facts = Facts::gather(&server).await;
    let link = server.link("legacy").await;
    server
        .db
        .sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left on device'; END $$; \
             CREATE TRIGGER full_disk BEFORE INSERT ON audit_events EXECUTE FUNCTION full_disk()",
        )
        .await;
    let rows = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM impersonations) \
        + (SELECT count(*) FROM access_tokens) + (SELECT count(*) FROM authorization_codes)";
    let before = server.db.count(rows).await;
    for (name, request) in [
        ("impersonate", facts.impersonate()),
        ("opening a link", facts.get(&link)),
        ("an application's token", facts.token()),
    ] {
        let page = ask(request).await.unwrap();
        // Its token leaves no event of an impersonation.
        let harmless = name == "an application's token" && page.status == 200;
        assert!(harmless || is_unavailable(&page), "{name}: {page:?}");
    }
    for password in ["alice-password", "wrong"] {
        let page = server.browser().sign_in("alice@acme.test", password).await;
        assert_eq!(page.status, 503, "{password}: {}", page.body);
    }
    let tokens = i64::from(ask(facts.token()).await.unwrap().status == 200) * 2;
    assert_eq!(server.db.count(rows).await, before + tokens);
    assert_eq!(ask(facts.introspect()).await.unwrap().json()["active"], true, "reading goes on");

    server.db.sql("DROP TRIGGER full_disk ON audit_events").await;
    assert_eq!(ask(facts.get(&link)).await.unwrap().status, 302, "the link is as good as before");
    assert_eq!(ask(facts.impersonate()).await.unwrap().status, 200);
}

#[tokio::test]
async fn j29_health_is_for_everybody_says_nothing_and_asks_nobody() {
    let server = TestServer::start().await;
    let ready = async || server.browser().get("/health/ready").await.status == 200;
    crate::support::node::until("it is ready", 10, ready).await;
    let browser = Browser::bare(&server.url);
    // Nobody gets an answer out of the database now.
    let locked = server.db.client().await;
    locked
        .batch_execute("BEGIN; LOCK TABLE users, clients, settings IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let begun = Instant::now();
    let live = join_all((0..1500).map(|_| browser.get("/health/live"))).await;
    assert!(live.iter().all(|page| page.status == 200), "no limit, and no question");
    let ready = join_all((0..100).map(|_| browser.get("/health/ready"))).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for page in live.iter().chain(&ready) {
        assert!(
            ["{\"status\":\"ok\"}", "{\"status\":\"unavailable\"}"].contains(&page.body.as_str()),
            "{page:?}"
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.header("set-cookie").is_none());
    }
    locked.batch_execute("COMMIT").await.unwrap();
}
