//! Guessing: at every door, and in floods.
use crate::box_::{APP, JWT_BEARER};
use crate::support::{Page, TestServer};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BEHIND_A_PROXY: &[(&str, &str)] = &[("UNDERSTUDY_TRUSTED_PROXIES", "127.0.0.1/32")];
/// More than any door lets through.
const MOST: usize = 130;

async fn until_held_back(name: &str, mut guess: impl AsyncFnMut() -> Page) {
    for nth in 0..MOST {
        let page = guess().await;
        if page.status == 429 {
            assert!(page.header("retry-after").is_some(), "{name}: {page:?}");
            return;
        }
        assert!(matches!(page.status, 400 | 401 | 403), "{name} {nth}: {page:?}");
    }
    panic!("{name}: {MOST} guesses, and nobody minds");
}

#[tokio::test]
async fn c84_every_door_that_takes_a_secret_holds_back_who_guesses() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let wrong = ["client_secret", "wrong"];
    for (path, client, more) in [
        ("/oauth/token", "machine", ["grant_type", "client_credentials"]),
        ("/oauth/introspect", "orders", ["token", "x"]),
        ("/oauth/revoke", "invoices", ["token", "x"]),
        ("/oauth2/revoke", "box-small", ["token", "x"]),
        ("/oauth2/token", "legacy", ["grant_type", JWT_BEARER]),
    ] {
        let form =
            [("client_id", client), (wrong[0], wrong[1]), (more[0], more[1]), ("assertion", "x")];
        until_held_back(path, async || browser.post_form(path, &form).await).await;
    }
    // The application shows who it is, and guesses at assertions.
    let guess = async || APP.send(&server, "a.b.c").await;
    until_held_back("assertions", guess).await;
    // Who has guessed gets in no more, with the right ones either; others do.
    let right = [
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(browser.post_form("/oauth/token", &right).await.status, 429);
    let other = [
        ("client_id", "global"),
        ("client_secret", "global-secret"),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(browser.post_form("/oauth/token", &other).await.status, 200);

    let login = server.browser();
    until_held_back("login", async || login.sign_in("alice@acme.test", "wrong").await).await;
    let bob = server.browser();
    assert_eq!(bob.sign_in("bob@acme.test", "bob-password").await.status, 303);
    let page = bob.open("/account/password").await;
    let csrf = page.field("csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("current_password", "wrong"),
        ("new_password", "a new one 123"),
        ("repeated", "a new one 123"),
    ];
    until_held_back("password", async || bob.post_form("/account/password", &form).await).await;
}

async fn sign_in_from(server: &TestServer, address: &str, email: &str, password: &str) -> u16 {
    let browser = server.browser();
    let page = browser.open("/login").await;
    let csrf = page.field("csrf").unwrap();
    let form =
        [("csrf", csrf.as_str()), ("return_to", ""), ("email", email), ("password", password)];
    let request = browser.request(Method::POST, "/login").header("x-forwarded-for", address);
    browser.send(request.header("accept", "text/html").form(&form)).await.status
}

/// From one address it stops there; from many it locks nobody out.
#[tokio::test]
async fn j21_a_flood_of_wrong_passwords_shuts_nobody_out() {
    let server = TestServer::start_with(BEHIND_A_PROXY).await;
    let mut held_back = false;
    for nth in 0..MOST {
        let email = format!("nobody-{nth}@acme.test");
        let status = sign_in_from(&server, "203.0.113.9", &email, "wrong").await;
        assert!(matches!(status, 400 | 429 | 503), "{status}");
        held_back = status == 429;
        if held_back {
            break;
        }
    }
    assert!(held_back, "{MOST} guesses, and nobody minds");
    let last = sign_in_from(&server, "203.0.113.9", "alice@acme.test", "alice-password").await;
    assert_eq!(last, 429, "the address has to wait");
    assert_eq!(
        sign_in_from(&server, "198.51.100.7", "alice@acme.test", "alice-password").await,
        303
    );

    // The same account from many addresses: each has its own count, so its owner still gets in.
    for nth in 0..60 {
        let address = format!("192.0.2.{nth}");
        let status = sign_in_from(&server, &address, "bob@acme.test", "wrong").await;
        assert_eq!(status, 400, "{address}");
    }
    assert_eq!(sign_in_from(&server, "198.51.100.8", "bob@acme.test", "bob-password").await, 303);
}

/// From ten thousand addresses, of which no single one is conspicuous: whoever has signed in with their browser
/// before gets in, and what needs no password notices nothing.
#[tokio::test]
async fn j21_a_flood_from_everywhere_keeps_out_nobody_who_is_known() {
    let server = TestServer::start_with(BEHIND_A_PROXY).await;
    let token = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
    let alice = server.browser();
    assert_eq!(alice.sign_in("alice@acme.test", "alice-password").await.status, 303);
    let over = AtomicBool::new(false);
    // A hundred at a time, without end: many more than there are hashes in the two seconds that one waits.
    let (next, shed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let flood = join_all((0..100).map(async |_| {
        while !over.load(Ordering::Relaxed) {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let address = format!("10.{}.{}.{}", nth / 60_000, nth / 240 % 250, nth % 240 + 1);
            let email = format!("nobody-{nth}@acme.test");
            let status = sign_in_from(&server, &address, &email, "wrong").await;
            assert!(matches!(status, 400 | 429 | 503), "{status}");
            shed.fetch_add(usize::from(status == 503), Ordering::Relaxed);
        }
    }));
    let others = async {
        let mut slowest = Duration::ZERO;
        for nth in 0..20 {
            let page = alice.open("/logout").await;
            let csrf = page.field("csrf").unwrap();
            alice.post_form("/logout", &[("csrf", &csrf)]).await;
            let answer = alice.sign_in("alice@acme.test", "alice-password").await;
            assert_eq!(answer.status, 303, "{nth}: {}", answer.body);
            let begun = Instant::now();
            assert_eq!(server.introspect(&token).await.json()["active"], json!(true));
            slowest = slowest.max(begun.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        slowest
    };
    let (_, slowest) = futures_util::join!(flood, others);
    assert!(slowest < Duration::from_secs(3), "introspection took {slowest:?}");
    assert!(shed.into_inner() > 0, "there was no flood");
}

/// As many hashes at once as there are cores: the rest wait their turn for two seconds or are told to come
/// back, and whoever needs no hash notices nothing.
#[tokio::test]
async fn i09_a_flood_of_passwords_costs_the_others_nothing() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let token = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
    let flood = join_all((0..160).map(|nth| {
        let server = &server;
        async move {
            let browser = server.browser();
            let page = browser.open("/login").await;
            let begun = Instant::now();
            let answer =
                browser.sign_in_on(&page, &format!("nobody-{nth}@acme.test"), "wrong").await;
            (answer.status, answer.header("retry-after").is_some(), begun.elapsed())
        }
    }));
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..40 {
            let begun = Instant::now();
            assert_eq!(server.introspect(&token).await.json()["active"], json!(true));
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let (answers, slowest) = futures_util::join!(flood, others);
    for (status, comes_back, took) in &answers {
        assert!(*status == 400 || (*status == 503 && *comes_back), "{status}");
        assert!(*took < Duration::from_secs(10), "{took:?}");
    }
    assert!(answers.iter().any(|(status, ..)| *status == 400), "{answers:?}");
    assert!(slowest < Duration::from_secs(3), "introspection took {slowest:?}");
}

/// Nothing is fetched for a key that nobody knows: there is nowhere to fetch it from.
#[tokio::test]
async fn i08_tokens_with_made_up_keys_are_refused_from_memory() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let before = server.db.count("SELECT count(*) FROM audit_events").await;
    let claims = APP.claims(&server, "user", "usr_alice").await;
    let begun = Instant::now();
    for nth in 0..300 {
        let kid = format!("{}-{nth}", understudy::crypto::random::secret());
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        let token = format!("{}.c2ln", APP.sign(&header, &claims).rsplit_once('.').unwrap().0);
        assert_eq!(server.userinfo(&token).await.status, 401);
        assert_eq!(server.introspect(&token).await.json(), json!({"active": false}));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(server.db.count("SELECT count(*) FROM audit_events").await, before);
    // An application with keys of its own: refused, and the keys that it has are still good.
    for _ in 0..50 {
        let kid = understudy::crypto::random::secret();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid});
        assert_eq!(APP.send(&server, &APP.sign(&header, &claims)).await.status, 400);
    }
    assert_eq!(APP.ask(&server, "enterprise", "org_acme").await.status, 200);
}
