//! K-06, K-32: the cookies of an impersonation count beside the actor's own, and no cookie spoils another.
use super::*;
use crate::support::protocols::{Demand, each};

/// Sam signs in and confirms a link by hand; their own cookie and that of the impersonation.
async fn begin(server: &TestServer, link: &str) -> (Browser, String, String) {
    let sam = server.browser();
    let entered = sam.sign_in("sam@understudy.test", "sam-password").await;
    let csrf = sam.open(link).await.form(link).field("csrf").unwrap();
    let confirmed = sam.post_form(link, &[("csrf", &csrf)]).await;
    for line in confirmed.headers.get_all("set-cookie") {
        let line = line.to_str().unwrap().to_ascii_lowercase();
        assert!(!line.contains("max-age") && !line.contains("expires"), "{line}");
    }
    (sam, cookie(&entered, "understudy="), cookie(&confirmed, "understudy_as_"))
}

#[tokio::test]
async fn k06_an_impersonation_counts_only_beside_the_session_that_redeemed_it() {
    each(async |server| {
        let link = server.link("orders").await;
        let (_, own, acting) = begin(&server, &link).await;
        let asks = server.by.asks(&server, "orders", Demand::Nothing).await;
        let together = open_with(&server, &format!("{own}; {acting}"), &asks).await;
        let told = server.told("orders", &together).await;
        assert_eq!(told.email, "alice@acme.test");
        assert_eq!(told.actor.unwrap().0, "usr_sam");
        // The browser was closed and kept what it should not have.
        let asks = server.by.asks(&server, "orders", Demand::Nothing).await;
        let alone = open_with(&server, &acting, &asks).await;
        assert!(alone.location().starts_with("/login"), "{alone:?}");
        let me = Browser::bare(&server.url);
        let request = me.request(Method::GET, "/me/impersonation").header("cookie", &acting);
        assert_eq!(me.send(request).await.json()["impersonated"], false);
        // Somebody else, or the actor in another session.
        for (email, password) in
            [("riley@acme.test", "riley-password"), ("sam@understudy.test", "sam-password")]
        {
            let entered = server.browser().sign_in(email, password).await;
            let other = format!("{}; {acting}", cookie(&entered, "understudy="));
            let asks = server.by.asks(&server, "orders", Demand::Nothing).await;
            let page = open_with(&server, &other, &asks).await;
            let told = server.told("orders", &page).await;
            assert_eq!((told.email.as_str(), told.actor), (email, None));
            let account = open_with(&server, &other, "/account").await;
            assert!(!account.body.contains("class=\"bar\""), "no bar: {}", account.body);
        }
    })
    .await;
}

#[tokio::test]
async fn k06_a_new_cookie_of_the_same_session_still_counts() {
    let server = TestServer::start().await;
    let link = server.link("orders").await;
    let (_, _, acting) = begin(&server, &link).await;
    // What a step-up does.
    let new = "B".repeat(43);
    let change = format!("UPDATE sessions SET token_hash = sha256('{new}') WHERE NOT impersonated");
    server.db.sql(&change).await;
    let cookies = format!("understudy={new}; {acting}");
    let asks = crate::support::protocols::Spoken::Oauth2;
    let path = asks.asks(&server, "orders", Demand::Nothing).await;
    let page = open_with(&server, &cookies, &path).await;
    let code = page.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let claims = crate::support::words::claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&"usr_alice".into(), &"usr_sam".into()));
}

#[tokio::test]
async fn k06_whoever_signs_in_ends_and_removes_all_that_the_browser_held() {
    each(async |server| {
        for (email, password) in
            [("riley@acme.test", "riley-password"), ("sam@understudy.test", "sam-password")]
        {
            let sam = server.sam_as_alice("orders").await;
            server.is_answered(&server.sign_on(&sam, "orders", Demand::Nothing).await);
            // And a direct link, which has no session behind it.
            server.is_answered(&sam.get(&server.link("legacy").await).await);
            assert_eq!(server.db.count(NOTHING_RUNS).await, 2);
            let entered = sam.sign_in(email, password).await;
            let gone = set_cookies(&entered);
            let gone = gone
                .iter()
                .filter(|(name, value)| name.starts_with("understudy_as_") && value.is_empty());
            assert_eq!(gone.count(), 2, "{entered:?}");
            assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
            let ended = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.ended'";
            assert!(server.db.count(ended).await >= 2);
            let page = server.sign_on(&sam, "orders", Demand::Nothing).await;
            let told = server.told("orders", &page).await;
            assert_eq!((told.email.as_str(), told.actor), (email, None));
        }
    })
    .await;
}

#[tokio::test]
async fn k06_a_cookie_that_is_left_alone_ends_with_the_next_sign_in() {
    let server = TestServer::start().await;
    let link = server.link("orders").await;
    let (_, _, acting) = begin(&server, &link).await;
    let browser = Browser::bare(&server.url);
    let login = open_with(&server, &acting, "/login").await;
    let form_cookie = cookie(&login, "understudy_form=");
    let csrf = login.field("csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("return_to", "/account"),
        ("email", "riley@acme.test"),
        ("password", "riley-password"),
    ];
    let request = browser.request(Method::POST, "/login").header("accept", "text/html");
    let request = request.header("cookie", format!("{acting}; {form_cookie}")).form(&form);
    assert_eq!(browser.send(request).await.status, 303);
    assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
}

#[tokio::test]
async fn k32_one_odd_byte_in_a_neighbours_cookie_spoils_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::bare(&server.url);
    let login = browser.open("/login").await;
    let (csrf, form) = (login.field("csrf").unwrap(), cookie(&login, "understudy_form="));
    let odd: [&[u8]; 3] = [b"n=M\xfcller; ", b"M\xfc=1; ", b"%FF=%; a b; =\xff; "];
    for neighbour in odd {
        let line = [neighbour, form.as_bytes()].concat();
        let value = reqwest::header::HeaderValue::from_bytes(&line).unwrap();
        let fields = [
            ("csrf", csrf.as_str()),
            ("return_to", "/account"),
            ("email", "alice@acme.test"),
            ("password", "alice-password"),
        ];
        let request = browser.request(Method::POST, "/login").header("cookie", value);
        let entered = browser.send(request.form(&fields)).await;
        assert_eq!(entered.status, 303, "{neighbour:?}: {}", entered.body);
        let own = cookie(&entered, "understudy=");
        let line = [neighbour, own.as_bytes(), b"; n=\xfe"].concat();
        let value = reqwest::header::HeaderValue::from_bytes(&line).unwrap();
        let request = browser.request(Method::GET, "/logout").header("cookie", value);
        let question = browser.send(request.header("accept", "text/html")).await;
        assert!(question.body.contains("Sign out?"), "{}", question.body);
    }
}
