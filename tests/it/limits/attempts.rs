//! Guessing passwords and codes: by network, and for one account from everywhere.
use super::{ALICE, BOB, PROXIED, attempt, other_node, seconds, try_from};
use crate::support::{Browser, Page, TestServer};
use futures_util::future::join_all;
use reqwest::Method;

const WRONG: (&str, &str) = ("alice@acme.test", "wrong");

#[tokio::test]
async fn k08_addresses_of_one_ipv6_network_are_one() {
    let server = TestServer::start_with(PROXIED).await;
    let mut answers = Vec::new();
    for nth in 1..=15 {
        answers.push(attempt(&server, &format!("2001:db8:1:1::{nth:x}"), WRONG).await.status);
    }
    assert_eq!(answers, [[400; 10].as_slice(), &[429; 5]].concat());
    let same = attempt(&server, "2001:db8:1:1:ffff::1", ALICE).await;
    assert!((1..=900).contains(&seconds(&same)));
    assert_eq!(attempt(&server, "2001:db8:1:2::1", ALICE).await.status, 303, "another network");
}

#[tokio::test]
async fn k08_an_ipv4_address_written_as_ipv6_is_the_same_address() {
    let server = TestServer::start_with(PROXIED).await;
    for nth in 0..10 {
        let address = if nth % 2 == 0 { "203.0.113.7" } else { "::ffff:203.0.113.7" };
        assert_eq!(attempt(&server, address, WRONG).await.status, 400);
    }
    for address in ["203.0.113.7", "::ffff:203.0.113.7", "[::ffff:cb00:7107]:9"] {
        assert_eq!(attempt(&server, address, ALICE).await.status, 429, "{address}");
    }
    assert_eq!(attempt(&server, "::ffff:203.0.113.8", ALICE).await.status, 303);
}

/// A site has 65,536 networks, and ten times what one of them has.
#[tokio::test]
async fn k08_networks_of_one_ipv6_site_are_limited_together() {
    let server = TestServer::start_with(PROXIED).await;
    // As many failures as a site may have, over many networks and accounts.
    let key = |text: &str| format!("decode('{}', 'base64')", key_of(text));
    let sql = format!(
        "INSERT INTO login_failures (key_hash) SELECT {} FROM generate_series(1, 999)",
        key("login\x002001:db8:7::/48")
    );
    server.db.sql(&sql).await;
    assert_eq!(attempt(&server, "2001:db8:7:1::1", WRONG).await.status, 400, "the last one");
    assert_eq!(attempt(&server, "2001:db8:7:2::1", BOB).await.status, 429);
    assert_eq!(attempt(&server, "2001:db8:8:2::1", BOB).await.status, 303, "another site");
}

fn key_of(text: impl AsRef<str>) -> String {
    use base64::Engine as _;
    let hash = understudy::crypto::hash::hash_secret(text.as_ref());
    base64::engine::general_purpose::STANDARD.encode(hash)
}

/// So many wrong passwords in a row, each from another network.
async fn guess_from_everywhere(server: &TestServer, email: &str, times: usize) -> Vec<u16> {
    let mut answers = Vec::new();
    for nth in 0..times {
        let from = format!("10.{}.{}.9", nth / 250, nth % 250);
        answers.push(attempt(server, &from, (email, "wrong")).await.status);
    }
    answers
}

#[tokio::test]
async fn k08_an_account_is_slowed_down_over_all_networks_whether_it_exists_or_not() {
    let server = TestServer::start_with(PROXIED).await;
    let node = other_node(&server, PROXIED).await;
    for (email, password) in [ALICE, ("nobody@acme.test", "whatever")] {
        let answers = guess_from_everywhere(&server, email, 64).await;
        assert_eq!(answers, [400; 64], "{email}");
        let mut expected = 1;
        for nth in 0..5 {
            // On the other node too: the count is in the database.
            let server = if nth % 2 == 0 { &node } else { &server };
            let from = format!("192.0.2.{nth}");
            let wait = seconds(&attempt(server, &from, (email, password)).await);
            assert_eq!(wait, expected, "{email}: twice as long each time");
            server.db.advance(&format!("{wait} seconds")).await;
            assert_eq!(attempt(server, &from, (email, "wrong")).await.status, 400, "{email}");
            expected *= 2;
        }
    }
    server.db.advance("32 seconds").await;
    let owner = attempt(&server, "198.51.100.1", ALICE).await;
    assert_eq!(owner.status, 303, "whoever waits gets in: {}", owner.body);
    let again = attempt(&server, "198.51.100.2", WRONG).await;
    assert_eq!(again.status, 400, "a success ends the row of failures");
}

/// However many guess, and however fast: in a day an account has no hundred failures in a row.
#[tokio::test]
async fn k08_whoever_guesses_as_fast_as_they_may_does_not_get_to_a_hundred() {
    let server = TestServer::start_with(PROXIED).await;
    let mut judged = 0;
    let mut waited = 0;
    for nth in 0.. {
        let from = format!("10.{}.{}.7", nth / 250, nth % 250);
        let answer = attempt(&server, &from, WRONG).await;
        if answer.status == 400 {
            judged += 1;
            continue;
        }
        let wait = seconds(&answer);
        if waited + wait > 24 * 3600 {
            break;
        }
        waited += wait;
        server.db.advance(&format!("{wait} seconds")).await;
    }
    assert!((64..=100).contains(&judged), "{judged}");
    assert!(waited > 12 * 3600, "{waited}");
}

/// Many at once do not slip through before the first of them has failed.
#[tokio::test]
async fn k08_many_guesses_at_once_are_counted_before_they_are_judged() {
    let server = TestServer::start_with(PROXIED).await;
    let browsers: Vec<_> =
        (0..150).map(|nth| (server.browser(), format!("10.9.{nth}.1"))).collect();
    let answers =
        join_all(browsers.iter().map(|(browser, from)| try_from(browser, from, WRONG))).await;
    let judged = answers.iter().filter(|answer| answer.status == 400).count();
    assert!(judged <= 80, "{judged}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 400 | 429 | 503)), "{judged}");
    let counted = server.db.count(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM login_failures GROUP BY key_hash) AS counted",
    );
    assert!(counted.await <= 80, "nobody who was sent away stays counted");
}

#[tokio::test]
async fn k08_a_browser_that_has_been_signed_in_before_does_not_wait_for_strangers() {
    let server = TestServer::start_with(PROXIED).await;
    let alice = server.browser();
    assert_eq!(try_from(&alice, "198.51.100.1", ALICE).await.status, 303);
    let out = alice.open("/logout").await.field("csrf").unwrap();
    alice.post_form("/logout", &[("csrf", &out)]).await;
    guess_from_everywhere(&server, ALICE.0, 70).await;
    // From her very address, too.
    for _ in 0..11 {
        attempt(&server, "198.51.100.1", WRONG).await;
    }
    assert_eq!(attempt(&server, "198.51.100.1", ALICE).await.status, 429, "a stranger waits");
    assert_eq!(try_from(&alice, "198.51.100.1", ALICE).await.status, 303);
    // Its own failures are counted as anybody's, and not those at another account.
    for _ in 0..10 {
        assert_eq!(try_from(&alice, "198.51.100.9", WRONG).await.status, 400);
    }
    assert_eq!(seconds(&try_from(&alice, "203.0.113.99", ALICE).await), 900);
    let bob = try_from(&alice, "198.51.100.9", BOB).await;
    assert_eq!(bob.status, 303, "known for one account only, and there a stranger");
}

#[tokio::test]
async fn k08_whoever_is_signed_in_confirms_their_password_while_strangers_guess() {
    let server = TestServer::start_with(PROXIED).await;
    let alice = server.alice().await;
    guess_from_everywhere(&server, ALICE.0, 70).await;
    let csrf = alice.open("/account/password").await.field("csrf").unwrap();
    let new = "a new one 123 x";
    let form = [
        ("csrf", csrf.as_str()),
        ("current_password", ALICE.1),
        ("new_password", new),
        ("repeated", new),
    ];
    assert_eq!(alice.post_form("/account/password", &form).await.status, 303);
}

#[tokio::test]
async fn k09_callers_whose_address_cannot_be_read_do_not_lock_each_other_out() {
    let server = TestServer::start_with(PROXIED).await;
    for (hop, email) in [("unknown", ALICE), ("_hidden", BOB)] {
        for nth in 0..110 {
            let stranger = format!("stranger-{nth}@acme.test");
            assert_eq!(attempt(&server, hop, (&stranger, "wrong")).await.status, 400, "{nth}");
        }
        for _ in 0..20 {
            assert_eq!(attempt(&server, hop, (email.0, "wrong")).await.status, 400);
        }
        assert_eq!(attempt(&server, hop, email).await.status, 303, "{hop}");
    }
    let guesses = guess_with_hop(&server, "nonsense", 70).await;
    assert!(guesses.ends_with(&[429]), "an account is slowed down all the same: {guesses:?}");
    let trail = "SELECT string_agg(DISTINCT ip, ',') FROM audit_events WHERE type = 'login.failed'";
    assert_eq!(server.db.text(trail).await, "127.0.0.1", "the trail has who wrote the hop");
}

async fn guess_with_hop(server: &TestServer, hop: &str, times: usize) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(attempt(server, hop, ("victim@acme.test", "wrong")).await.status);
    }
    answers
}

#[tokio::test]
async fn k60_a_known_browser_is_known_by_another_cookie_each_time_and_for_half_a_year() {
    let server = TestServer::start_with(PROXIED).await;
    let known = |answer: &Page| {
        let set = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
        let mut found = set.filter_map(|it| it.strip_prefix("understudy_known="));
        found.next().unwrap().split(';').next().unwrap().to_owned()
    };
    let alice = server.browser();
    let first = known(&try_from(&alice, "198.51.100.1", ALICE).await);
    server.db.advance("2 days").await;
    let second = known(&try_from(&alice, "198.51.100.1", ALICE).await);
    assert_ne!(first, second);
    server.db.advance("179 days").await;
    guess_from_everywhere(&server, ALICE.0, 70).await;
    for (cookie, status) in [(&first, 429), (&second, 303)] {
        let page = server.browser().open("/login").await;
        let form = page.header("set-cookie").unwrap().split(';').next().unwrap();
        let csrf = page.field("csrf").unwrap();
        let fields = [("csrf", csrf.as_str()), ("email", ALICE.0), ("password", ALICE.1)];
        let browser = Browser::bare(&server.url);
        let request = browser.request(Method::POST, "/login").form(&fields);
        let request = request.header("cookie", format!("{form}; understudy_known={cookie}"));
        let answer = browser.send(request.header("x-forwarded-for", "203.0.113.200")).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}
