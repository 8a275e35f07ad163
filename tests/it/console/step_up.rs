//! Whoever signed in long ago shows once more that it is them, before they act as anybody.
use super::applications::Filled;
use super::{button, signed_in};
use crate::support::{Browser, Page, TestServer};
use reqwest::cookie::CookieStore as _;

const HERE: &str = "/console/users/usr_alice/sign-in-as";
const FILLED: &[(&str, &str)] = &[
    ("application", "portal"),
    ("reason", "a \"call\" <1>"),
    ("ticket", "T-7"),
    ("duration", "15"),
    ("state", "mine"),
];

async fn press(browser: &Browser, way: &str) -> Page {
    let page = browser.open(&format!("{HERE}?application=portal")).await;
    let action = format!("{HERE}{way}");
    let csrf = button(&page, &action);
    let form: Vec<_> = FILLED.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post_form(&action, &form).await
}

/// The page's own form, with a password typed in: it leads where the button led.
async fn prove(browser: &Browser, page: &Page, way: &str, password: &str) -> Page {
    let action = format!("{HERE}{way}");
    let form = Filled::read(page, &action);
    for (name, value) in FILLED {
        assert_eq!(form.get(name), *value, "{name} is lost");
    }
    form.with("step_up_password", password).send(browser, &action).await
}

const RUNNING: &str = "SELECT count(*) FROM impersonations";

#[tokio::test]
async fn h19_after_five_minutes_the_password_is_asked_for_and_nothing_filled_in_is_lost() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("4 minutes 59 seconds").await;
    assert_eq!(press(&sam, "").await.status, 303, "not yet");
    server.db.sql("DELETE FROM sessions WHERE impersonated; DELETE FROM impersonations").await;
    server.db.advance("2 seconds").await;
    for way in ["", "/link", "/code"] {
        let asked = press(&sam, way).await;
        assert_eq!(asked.status, 403, "{way}");
        assert!(asked.body.contains("Confirm your password"), "{}", asked.body);
        let wrong = prove(&sam, &asked, way, "not-his-password").await;
        assert_eq!(wrong.status, 403);
        assert!(wrong.body.contains("The password is wrong."));
    }
    assert_eq!(
        server.db.count(RUNNING).await
            + server.db.count("SELECT count(*) FROM handover_codes").await,
        0
    );
    let asked = press(&sam, "").await;
    let opened = prove(&sam, &asked, "", "sam-password").await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    assert_eq!(opened.location_param("state").as_deref(), Some("mine"));
    let row = "SELECT concat_ws('|', status, reason, ticket, duration_seconds) FROM impersonations";
    assert_eq!(server.db.text(row).await, "active|a \"call\" <1>|T-7|900");
    // Proven now: the next one goes at once, also by a link and a code.
    assert_eq!(press(&sam, "/link").await.status, 200);
    let told = "SELECT string_agg(type || coalesce(' ' || reason, ''), ', ' ORDER BY seq) FROM audit_events \
                WHERE subject = 'usr_sam' AND (reason LIKE '%step-up' OR detail ->> 'step_up' = 'true')";
    let wrong = "login.failed wrong password at a step-up";
    assert_eq!(server.db.text(told).await, format!("{wrong}, {wrong}, {wrong}, login.succeeded"));
}

#[tokio::test]
async fn h19_links_and_codes_go_on_as_well() {
    let server = TestServer::start().await;
    for (way, words) in [("/link", "id=\"link\""), ("/code", "id=\"code\"")] {
        let sam = signed_in(&server, "sam").await;
        server.db.advance("6 minutes").await;
        let asked = press(&sam, way).await;
        let done = prove(&sam, &asked, way, "sam-password").await;
        assert_eq!(done.status, 200, "{way}: {}", done.body);
        assert!(done.body.contains(words), "{way}");
    }
}

#[tokio::test]
async fn h19_the_operator_says_how_long_or_never() {
    let server = TestServer::start_with(&[("UNDERSTUDY_STEP_UP_MINUTES", "0")]).await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("110 minutes").await;
    assert_eq!(press(&sam, "").await.status, 303);
    let server = TestServer::start_with(&[("UNDERSTUDY_STEP_UP_MINUTES", "60")]).await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("59 minutes").await;
    assert_eq!(press(&sam, "").await.status, 303);
    server.db.advance("2 minutes").await;
    assert_eq!(press(&sam, "").await.status, 403);
}

#[tokio::test]
async fn c61_showing_it_once_more_renews_the_session() {
    let server = TestServer::start().await;
    let (sam, jar) = Browser::with_jar(&server.url);
    sam.sign_in("sam@understudy.test", "sam-password").await;
    let url = server.url.parse().unwrap();
    let cookie = || jar.cookies(&url).unwrap().to_str().unwrap().to_owned();
    let before = cookie();
    let expires = server.db.text("SELECT expires_at::text FROM sessions").await;
    server.db.advance("6 minutes").await;
    let asked = press(&sam, "/code").await;
    assert_eq!(prove(&sam, &asked, "/code", "sam-password").await.status, 200);
    assert_ne!(cookie(), before);
    let old = Browser::bare(&server.url);
    let request = old
        .request(reqwest::Method::GET, "/account")
        .header("cookie", before)
        .header("accept", "text/html");
    assert!(old.send(request).await.location().starts_with("/login"), "the old cookie is dead");
    assert_eq!(sam.open("/account").await.status, 200);
    assert_eq!(
        server.db.text("SELECT expires_at::text FROM sessions").await,
        expires,
        "it lives no longer"
    );
    let fresh = "SELECT authenticated_at > clock_now() - interval '1 minute' FROM sessions";
    assert!(server.db.rows(fresh).await[0].get::<_, bool>(0), "auth_time is now");
}

#[tokio::test]
async fn c84_guessing_there_is_held_back_like_at_the_sign_in() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("6 minutes").await;
    let asked = press(&sam, "").await;
    let mut last = prove(&sam, &asked, "", "wrong").await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = prove(&sam, &asked, "", "wrong").await;
    }
    assert_eq!((last.status, last.header("retry-after")), (429, Some("900")));
    assert_eq!(prove(&sam, &asked, "", "sam-password").await.status, 429, "the right one too");
    let elsewhere = server.browser().sign_in("sam@understudy.test", "sam-password").await;
    assert_eq!(elsewhere.status, 429, "one count for both places");
    assert_eq!(server.db.count(RUNNING).await, 0);
}

#[tokio::test]
async fn a_rule_is_still_asked_after_the_password() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("6 minutes").await;
    let asked = press(&sam, "").await;
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    let refused = prove(&sam, &asked, "", "sam-password").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("subject_inactive"), "{}", refused.body);
    assert_eq!(sam.open("/account").await.status, 200, "and the renewed session lives");
}
