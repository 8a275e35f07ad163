//! K-15, K-31, K-14: second clicks, second tabs, and forms whose answers lead on.
use super::*;
use crate::support::protocols::each;

const SIGN_INS: &str = "SELECT count(*) FROM audit_events WHERE type = 'login.succeeded'";

async fn sign_in(browser: &Browser, csrf: &str, email: &str) -> Page {
    let password = format!("{}-password", email.split('@').next().unwrap());
    let form =
        [("csrf", csrf), ("return_to", "/console"), ("email", email), ("password", &password)];
    browser.post_form("/login", &form).await
}

#[tokio::test]
async fn k15_a_second_click_and_a_second_tab_go_on_and_change_nothing() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let other = browser.open("/login").await.field("csrf").unwrap();
    let first = sign_in(&browser, &csrf, "sam@understudy.test").await;
    let own = cookie(&first, "understudy=");
    for csrf in [&csrf, &csrf, &other] {
        let again = sign_in(&browser, csrf, "sam@understudy.test").await;
        assert_eq!((again.status, again.location()), (303, "/console"));
        assert!(set_cookies(&again).is_empty(), "{again:?}");
    }
    assert_eq!(server.db.count(SIGN_INS).await, 1);
    assert_eq!(open_with(&server, &own, "/account").await.status, 200);
    // To sign in as somebody else is still to sign in, on a page that was opened for it.
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let switched = sign_in(&browser, &csrf, "riley@acme.test").await;
    assert_ne!(cookie(&switched, "understudy="), own);
}

#[tokio::test]
async fn k15_a_form_that_is_no_longer_good_is_shown_again_with_what_was_typed() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let old = browser.open("/login").await.field("csrf").unwrap();
    // The browser has forgotten its cookies, and is signed in to nothing.
    let fresh = server.browser();
    let again = sign_in(&fresh, &old, "sam@understudy.test").await;
    assert_eq!(again.field("email").as_deref(), Some("sam@understudy.test"), "{}", again.body);
    assert_eq!(again.field("return_to").as_deref(), Some("/console"));
    assert!(!again.body.contains("Nothing was done"));
    assert_eq!(server.db.count(SIGN_INS).await, 0);
    let csrf = again.field("csrf").unwrap();
    assert_eq!(sign_in(&fresh, &csrf, "sam@understudy.test").await.status, 303);
}

#[tokio::test]
async fn k15_questions_that_stood_open_are_asked_again() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let asked = "/authorize?client_id=stranger&response_type=code&scope=openid\
                 &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fstranger";
    let consent = alice.open(alice.open(asked).await.location()).await.form("/consent");
    let leave = alice.open("/logout").await.form("/logout");
    alice.sign_in("alice@acme.test", "alice-password").await;
    let to = consent.field("return_to").unwrap();
    let csrf = consent.field("csrf").unwrap();
    let fields = [("csrf", &*csrf), ("return_to", &*to), ("decision", "allow")];
    let again = alice.post_form("/consent", &fields).await;
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
    let csrf = again.form("/consent").field("csrf").unwrap();
    let fields = [("csrf", &*csrf), ("return_to", &*to), ("decision", "allow")];
    let on = alice.post_form("/consent", &fields).await;
    assert!(alice.open(on.location()).await.location_param("code").is_some());
    let csrf = leave.field("csrf").unwrap();
    let again = alice.post_form("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(alice.open("/account").await.status, 200, "nobody is signed out by an old form");
    let csrf = again.form("/logout").field("csrf").unwrap();
    assert_eq!(alice.post_form("/logout", &[("csrf", &csrf)]).await.status, 303);
}

#[tokio::test]
async fn k15_continue_as_pressed_twice_leads_on_to_the_same_impersonation() {
    each(async |server| {
        for twin in ["orders", "portal"] {
            let sam = server.sam().await;
            let link = server.link(twin).await;
            let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
            let first = sam.post_form(&link, &[("csrf", &csrf)]).await;
            let second = sam.post_form(&link, &[("csrf", &csrf)]).await;
            assert_eq!(first.status, second.status, "{}", second.body);
            if twin == "orders" {
                assert_eq!(first.location(), second.location());
            } else {
                server.is_answered(&second);
            }
            let me = sam.get("/me/impersonation").await.json();
            assert_eq!(me["impersonated"], true, "{me}");
            assert_eq!(me["impersonations"].as_array().unwrap().len(), 1);
            assert_eq!(server.db.count(NOTHING_RUNS).await, 1);
            // Not from another session, nor later, nor by a form of another link.
            let other = server.sam().await;
            assert_eq!(other.post_form(&link, &[("csrf", &csrf)]).await.status, 403);
            assert_eq!(sam.post_form(&link, &[("csrf", "x.y")]).await.status, 403);
            server.db.advance("2 minutes").await;
            assert_eq!(sam.post_form(&link, &[("csrf", &csrf)]).await.status, 403);
            sam.sign_in("sam@understudy.test", "sam-password").await;
        }
    })
    .await;
}

#[tokio::test]
async fn k15_a_confirmation_that_stood_open_is_shown_again() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let link = server.link("orders").await;
    let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
    sam.sign_in("sam@understudy.test", "sam-password").await;
    let again = sam.post_form(&link, &[("csrf", &csrf)]).await;
    assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
    let csrf = again.form(&link).field("csrf").unwrap();
    assert_eq!(sam.post_form(&link, &[("csrf", &csrf)]).await.status, 303);
}

#[tokio::test]
async fn k31_a_browser_that_says_only_null_signs_in() {
    let server = TestServer::start().await;
    let post = async |headers: &[(&str, &str)]| {
        let browser = server.browser();
        let csrf = browser.open("/login").await.field("csrf").unwrap();
        let form = [
            ("csrf", csrf.as_str()),
            ("return_to", "/account"),
            ("email", "alice@acme.test"),
            ("password", "alice-password"),
        ];
        let request = browser.request(Method::POST, "/login").form(&form);
        browser.send(headers.iter().fold(request, |r, (n, v)| r.header(*n, *v))).await.status
    };
    assert_eq!(post(&[("origin", "null")]).await, 303);
    for bad in [
        &[("origin", "null"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "null"), ("sec-fetch-site", "same-site")],
        &[("origin", "null"), ("origin", "null")],
        &[("origin", "https://evil.test")],
    ] {
        assert_eq!(post(bad).await, 403, "{bad:?}");
    }
    // What has only a cookie for a proof still needs a word of the browser.
    let sam = server.sam_as_alice("portal").await;
    let request = sam.request(Method::DELETE, "/me/impersonation").header("origin", "null");
    assert_eq!(sam.send(request).await.status, 403);
}

#[tokio::test]
async fn k14_no_policy_stops_a_form_whose_answer_leads_to_an_application() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let policy = |page: &Page| page.header("content-security-policy").unwrap().to_owned();
    let asked = "/authorize?client_id=orders&response_type=code&scope=openid\
                 &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let login = server.browser();
    let waiting = login.open(login.open(asked).await.location()).await;
    let posted = sam.open(&format!("{asked}&response_mode=form_post")).await;
    let consent = asked.replace("orders", "stranger").replace("callback", "stranger");
    let consent = sam.open(sam.open(&consent).await.location()).await;
    let confirm = sam.open(&server.link("orders").await).await;
    let form = sam.open("/console/users/usr_alice/sign-in-as").await;
    let out = format!("/v2/logout?client_id=orders&returnTo={}", "http%3A%2F%2F127.0.0.1%3A9%2F");
    let out = sam.open(&out).await;
    for page in [&waiting, &posted, &consent, &confirm, &form, &out] {
        let policy = policy(page);
        assert!(page.body.contains("<form"), "{}", page.body);
        assert!(!policy.contains("form-action"), "{policy}");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("base-uri 'none'"));
        assert!(policy.len() < 300, "{policy}");
    }
    for path in ["/login", "/account", "/logout", "/console"] {
        assert!(policy(&sam.open(path).await).contains("form-action 'self'"), "{path}");
    }
}
