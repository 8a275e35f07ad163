//! The login page: whom it lets in, whom it slows down, and what it does not tell.
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use std::time::{Duration, Instant};
use understudy::crypto::{hash, password};

const PROXIED: &[(&str, &str)] = &[("UNDERSTUDY_TRUSTED_PROXIES", "127.0.0.1/32")];

/// The value of a cookie that an answer sets.
fn cookie(answer: &Page, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let mut named = set.filter_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    named.next().map(|rest| rest.split(';').next().unwrap().to_owned())
}

/// One attempt from a fresh browser, with more headers.
async fn attempt(server: &TestServer, email: &str, password: &str, headers: &Pairs<'_>) -> Page {
    let browser = server.browser();
    let page = browser.open("/login").await;
    let csrf = page.field("csrf").unwrap();
    let form =
        [("csrf", csrf.as_str()), ("return_to", ""), ("email", email), ("password", password)];
    let mut request = browser.request(Method::POST, "/login").form(&form);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request).await
}

#[tokio::test]
async fn c45_after_a_password_the_browser_does_not_post_again() {
    let server = TestServer::start().await;
    let alice = server.browser();
    let signed_in = alice.sign_in("alice@acme.test", "alice-password").await;
    assert_eq!((signed_in.status, signed_in.location()), (303, "/account"));
    let page = alice.open("/account").await;
    assert!(page.body.contains("Alice Chen"));
    let csrf = alice.open("/logout").await.field("csrf").unwrap();
    assert_eq!(alice.post_form("/logout", &[("csrf", &csrf)]).await.status, 303);
    let login = alice.open(&format!("/login?{}", encode(&[("return_to", &authorize(&[]))]))).await;
    let back = alice.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    assert_eq!((back.status, back.location()), (303, authorize(&[]).as_str()));
}

#[tokio::test]
async fn the_cookie_of_a_session_is_for_this_host_and_no_script() {
    let server = TestServer::start().await;
    let answer = server.browser().sign_in("ALICE@acme.test", "alice-password").await;
    let set: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    let own = set.iter().find(|cookie| cookie.starts_with("understudy=")).unwrap();
    for part in ["HttpOnly", "Path=/", "SameSite=Lax"] {
        assert!(own.contains(part), "{own}");
    }
    assert!(!own.contains("Domain") && !own.contains("Secure"), "plain http on a loopback address");
}

#[tokio::test]
async fn c61_a_planted_cookie_is_replaced_at_the_sign_in() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let planted = "planted-by-somebody-else-0123456789-abcdefg";
    let request = browser.request(Method::GET, "/login").header("accept", "text/html");
    let page = browser.send(request.header("cookie", format!("understudy={planted}"))).await;
    let form_cookie = cookie(&page, "understudy_form").unwrap();
    let csrf = page.field("csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("return_to", ""),
        ("email", "alice@acme.test"),
        ("password", "alice-password"),
    ];
    let cookies = format!("understudy={planted}; understudy_form={form_cookie}");
    let request = browser.request(Method::POST, "/login").header("cookie", cookies).form(&form);
    let signed_in = browser.send(request).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    let session = cookie(&signed_in, "understudy").unwrap();
    assert_ne!(session, planted);
    let with = |value: String| {
        let request = browser.request(Method::GET, "/account").header("accept", "text/html");
        let request = request.header("cookie", format!("understudy={value}"));
        let browser = &browser;
        async move { browser.send(request).await.status }
    };
    assert_eq!(with(planted.to_owned()).await, 302);
    assert_eq!(with(session).await, 200);
}

#[tokio::test]
async fn c61_every_sign_in_has_a_session_of_its_own_and_ends_the_one_before() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let first = browser.sign_in("alice@acme.test", "alice-password").await;
    let second = browser.sign_in("sam@understudy.test", "sam-password").await;
    let (first, second) =
        (cookie(&first, "understudy").unwrap(), cookie(&second, "understudy").unwrap());
    assert_ne!(first, second);
    let request = browser.request(Method::GET, "/account").header("accept", "text/html");
    let old = browser.send(request.header("cookie", format!("understudy={first}"))).await;
    assert_eq!(old.status, 302, "Alice's is over");
}

#[tokio::test]
async fn c62_a_login_form_is_good_in_its_own_browser_only() {
    let server = TestServer::start().await;
    let (attacker, victim) = (server.browser(), server.browser());
    let prepared = attacker.open("/login").await;
    victim.open("/login").await;
    let answer = victim.sign_in_on(&prepared, "alice@acme.test", "alice-password").await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    let stranger =
        server.browser().sign_in_on(&prepared, "alice@acme.test", "alice-password").await;
    assert_eq!(stranger.status, 403);
    assert_eq!(server.db.count("SELECT count(*) FROM sessions").await, 0);
    // The victim signs in on an address that the attacker prepared: the attacker learns nothing.
    let path = authorize(&[("state", "attacker")]);
    let login = victim.open(victim.open(&path).await.location()).await;
    victim.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    assert_eq!(attacker.open("/account").await.status, 302);
    let answer = attacker.open(&path).await;
    assert!(answer.location().starts_with("/login?"), "{}", answer.location());
}

#[tokio::test]
async fn a_forged_login_is_refused() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let good =
        [("csrf", csrf.as_str()), ("email", "alice@acme.test"), ("password", "alice-password")];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
    ] {
        let request = browser.request(Method::POST, "/login").header(name, value).form(&good);
        assert_eq!(browser.send(request).await.status, 403, "{name}: {value}");
    }
    assert_eq!(browser.post_form("/login", &good[1..]).await.status, 403);
    let twice = [good[0], good[1], good[2], ("email", "sam@understudy.test")];
    assert_eq!(browser.post_form("/login", &twice).await.status, 400);
    assert_eq!(browser.post_json("/login", serde_json::json!({"email": "x"})).await.status, 415);
    assert_eq!(server.db.count("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn h20_a_login_leads_nowhere_else() {
    let server = TestServer::start().await;
    for to in
        ["https://evil.test", "//evil.test", "/\\evil.test", "/login", "javascript:x", "/unknown"]
    {
        let browser = server.browser();
        let login = browser.open(&format!("/login?{}", encode(&[("return_to", to)]))).await;
        let answer = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
        assert_eq!((answer.status, answer.location()), (303, "/account"), "{to}");
    }
}

/// The text of a page without what differs from one showing to the next.
fn told(page: &Page, email: &str) -> String {
    let csrf = page.field("csrf").unwrap();
    page.body.replace(&csrf, "CSRF").replace(email, "EMAIL")
}

#[tokio::test]
async fn c88_nothing_tells_which_accounts_exist() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let app_user = "UPDATE users SET email = 'app@acme.test', email_canonical = 'app@acme.test' WHERE id = 'usr_app'";
    server.db.sql(app_user).await;
    let first = attempt(&server, "nobody@acme.test", "wrong", &[]).await;
    for email in [
        "alice@acme.test",
        "left@acme.test",
        "app@acme.test",
        "unverified@understudy.test",
        "nobody@x",
        "",
        "x",
        "alice@acme.test ",
        "' OR 1=1",
    ] {
        let answer = attempt(&server, email, "wrong", &[]).await;
        assert_eq!(answer.status, first.status, "{email}");
        let plain = |page: &Page, email: &str| {
            if email.len() < 3 { String::new() } else { told(page, email) }
        };
        if email.len() > 3 && !email.contains(['\'', ' ']) {
            assert_eq!(plain(&answer, email), told(&first, "nobody@acme.test"), "{email}");
        }
    }
    // The right password of an account without a login is told no more than a wrong one.
    assert_eq!(server.db.count("SELECT count(*) FROM sessions").await, 0);
    let inactive = attempt(&server, "left@acme.test", "lefty-password", &[]).await;
    assert_eq!(inactive.status, 403, "only its owner hears that it is not active");
}

#[tokio::test]
async fn c88_somebody_unknown_costs_as_much_as_somebody_known() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let emails = ["alice@acme.test", "nobody@acme.test"];
    let mut taken: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    // By turns, so that whatever else this machine does falls on both.
    for _ in 0..9 {
        for (email, taken) in emails.iter().zip(&mut taken) {
            let begun = Instant::now();
            attempt(&server, email, "wrong", &[]).await;
            taken.push(begun.elapsed());
        }
    }
    let medians = taken.map(|mut taken| {
        taken.sort_unstable();
        taken[4]
    });
    // A hash takes some twenty milliseconds, and everything else a few: without one it would be a fifth.
    assert!(medians[1] * 2 > medians[0] && medians[0] * 2 > medians[1], "{medians:?}");
}

#[tokio::test]
async fn failures_slow_down_the_guesser_and_not_the_owner() {
    let server = TestServer::start_with(PROXIED).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    for email in ["alice@acme.test", "nobody@acme.test"] {
        for _ in 0..10 {
            let answer = attempt(&server, email, "wrong", &from("6.6.6.6")).await;
            assert_eq!(answer.status, 400, "{}", answer.body);
        }
        let held_back = attempt(&server, email, "alice-password", &from("6.6.6.6")).await;
        assert_eq!(
            held_back.status, 429,
            "the same for an account that there is and one that is not"
        );
        assert!(held_back.header("retry-after").is_some());
        assert!(cookie(&held_back, "understudy").is_none());
    }
    let owner = attempt(&server, "alice@acme.test", "alice-password", &from("7.7.7.7")).await;
    assert_eq!(owner.status, 303, "{}", owner.body);
    let other = attempt(&server, "sam@understudy.test", "sam-password", &from("6.6.6.6")).await;
    assert_eq!(other.status, 303, "another account from that address");
    server.db.advance("16 minutes").await;
    let later = attempt(&server, "alice@acme.test", "alice-password", &from("6.6.6.6")).await;
    assert_eq!(later.status, 303);
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_is_slowed_down_too() {
    let server = TestServer::start().await;
    let address = "127.0.0.1";
    let key = STANDARD.encode(hash::hash_secret(&format!("login\0{address}")));
    let sql = format!(
        "INSERT INTO login_failures (key_hash) SELECT decode('{key}', 'base64') FROM generate_series(1, 100)"
    );
    server.db.sql(&sql).await;
    assert_eq!(attempt(&server, "alice@acme.test", "alice-password", &[]).await.status, 429);
}

#[tokio::test]
async fn c81_an_address_that_somebody_made_up_does_not_count() {
    let server = TestServer::start().await;
    for nth in 0..10 {
        let made_up = format!("9.9.9.{nth}");
        let headers = [
            ("x-forwarded-for", made_up.as_str()),
            ("x-real-ip", &made_up),
            ("forwarded", "for=1.1.1.1"),
        ];
        assert_eq!(attempt(&server, "alice@acme.test", "wrong", &headers).await.status, 400);
    }
    let again =
        attempt(&server, "alice@acme.test", "wrong", &[("x-forwarded-for", "8.8.8.8")]).await;
    assert_eq!(again.status, 429);
    // Behind a proxy of ours: what it has written itself counts, at the right.
    let server = TestServer::start_with(PROXIED).await;
    for nth in 0..10 {
        let hops = format!("9.9.9.{nth}, 6.6.6.6");
        let answer =
            attempt(&server, "alice@acme.test", "wrong", &[("x-forwarded-for", &hops)]).await;
        assert_eq!(answer.status, 400);
    }
    let again =
        attempt(&server, "alice@acme.test", "wrong", &[("x-forwarded-for", "8.8.8.8, 6.6.6.6")])
            .await;
    assert_eq!(again.status, 429);
    let addresses = "SELECT count(DISTINCT ip) FROM audit_events WHERE type = 'login.failed'";
    assert_eq!(server.db.count(addresses).await, 1);
}

#[tokio::test]
async fn c89_a_password_may_be_long_and_is_taken_as_it_is() {
    let server = TestServer::start_with(LIMITS_OFF).await;
    let long = "ü 🔑 x".repeat(300);
    assert!(long.len() > 2000 && long.len() < 4096);
    for password in [&"p".repeat(64), &long, "pass\0word", " spaces ", "Å"] {
        let phc = password::hash(password).unwrap();
        server
            .db
            .sql(&format!(
                "UPDATE credentials SET password_hash = '{phc}' WHERE user_id = 'usr_alice'"
            ))
            .await;
        let answer = attempt(&server, "alice@acme.test", password, &[]).await;
        assert_eq!(answer.status, 303, "{password:.20}: {}", answer.body);
    }
    // Two spellings of one text are one password (NIST SP 800-63B §5.1.1.2, K-52).
    assert_eq!(attempt(&server, "alice@acme.test", "A\u{30a}", &[]).await.status, 303);
    assert_eq!(attempt(&server, "alice@acme.test", "A", &[]).await.status, 400);
    let before =
        server.db.count("SELECT count(*) FROM audit_events WHERE type = 'login.failed'").await;
    assert_eq!(attempt(&server, "alice@acme.test", &"x".repeat(4097), &[]).await.status, 400);
    let after =
        server.db.count("SELECT count(*) FROM audit_events WHERE type = 'login.failed'").await;
    assert_eq!(before, after, "not even tried");
    let huge = attempt(&server, "alice@acme.test", &"x".repeat(1 << 20), &[]).await;
    assert!(matches!(huge.status, 400 | 413), "{}", huge.status);
    assert_eq!(attempt(&server, &"x".repeat(400), "x", &[]).await.status, 400);
    assert_eq!(attempt(&server, "a\0b@x.test", "x", &[]).await.status, 400);
}

#[tokio::test]
async fn c92_no_other_secret_is_a_session() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let code = sam.code(&[]).await;
    let page = server.browser().open("/login").await;
    let form_cookie = cookie(&page, "understudy_form").unwrap();
    let csrf = page.field("csrf").unwrap();
    let link = server.link("legacy").await;
    let opened = server.browser().get(&link).await;
    let set = opened.header("set-cookie").unwrap();
    let acting = set.split(['=', ';']).nth(1).unwrap();
    let own = server.browser().sign_in("sam@understudy.test", "sam-password").await;
    let own = cookie(&own, "understudy").unwrap();
    let ids: String = server.db.text("SELECT id FROM sessions LIMIT 1").await;
    let name = set.split('=').next().unwrap();
    let browser = server.browser();
    for value in ["st", &code, &form_cookie, &csrf, acting, &ids, "usr_sam", "", &"x".repeat(5000)]
    {
        let request = browser.request(Method::GET, "/account").header("accept", "text/html");
        let answer = browser.send(request.header("cookie", format!("understudy={value}"))).await;
        assert_eq!(answer.status, 302, "{value:.40}");
    }
    // Nor does one's own session open what an impersonated one would.
    let path = authorize(&[
        ("client_id", "legacy"),
        ("redirect_uri", "http://127.0.0.1:9/legacy"),
        ("prompt", "none"),
    ]);
    let request = browser.request(Method::GET, &path).header("cookie", format!("{name}={own}"));
    hears(&browser.send(request).await, "login_required");
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    server.db.advance("119 minutes").await;
    assert_eq!(alice.open("/account").await.status, 200);
    server.db.advance("121 minutes").await;
    assert_eq!(alice.open("/account").await.status, 302);
    let alice = server.alice().await;
    for _ in 0..7 {
        server.db.advance("100 minutes").await;
        assert_eq!(alice.open("/account").await.status, 200);
    }
    server.db.advance("21 minutes").await;
    assert_eq!(alice.open("/account").await.status, 302);
}
