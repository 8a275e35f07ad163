//! Links and codes in an old session: the page asks for the password and goes on.
use super::applications::Filled;
use super::{button, signed_in};
use crate::support::{Browser, Page, TestServer};

const TWO_HOURS: &str = "UPDATE sessions SET authenticated_at = authenticated_at - interval '2 hours', \
                         created_at = created_at - interval '2 hours'";
const SESSIONS: &str = "SELECT count(*) FROM sessions WHERE impersonated";
const WAITING: &str = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";

#[track_caller]
fn asks(page: &Page) {
    assert!(page.body.contains("name=\"step_up_password\""), "{} {}", page.status, page.body);
    assert_eq!(page.header("location"), None);
}

/// Presses the button of the page, with a password where it asks for one.
async fn press(browser: &Browser, page: &Page, link: &str, password: Option<&str>) -> Page {
    let form = Filled::read(page, link);
    let form = match password {
        Some(password) => form.with("step_up_password", password),
        None => form.without("step_up_password"),
    };
    form.send(browser, link).await
}

#[tokio::test]
async fn k04_a_link_in_an_old_session_acts_only_with_the_password() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql(TWO_HOURS).await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    asks(&page);
    assert!(page.body.contains("Alice Chen"), "who and where are said as ever");
    let without = press(&sam, &page, &link, None).await;
    assert_eq!(without.status, 403, "{}", without.body);
    asks(&without);
    let wrong = press(&sam, &page, &link, Some("not-his-password")).await;
    assert_eq!(wrong.status, 403, "{}", wrong.body);
    asks(&wrong);
    assert!(wrong.body.contains("The password is wrong."), "{}", wrong.body);
    assert_eq!(server.db.count(SESSIONS).await, 0);
    assert_eq!(server.db.count(WAITING).await, 1, "nothing is burnt");
    let done = press(&sam, &wrong, &link, Some("sam-password")).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(done.location_param("code").is_some());
    assert_eq!(server.db.count(SESSIONS).await, 1);
    // The own session is renewed, so the next link goes at once.
    assert_eq!(sam.open("/account").await.status, 200);
    let next = server.link("orders").await;
    let page = sam.open(&next).await;
    assert!(!page.body.contains("step_up_password"), "{}", page.body);
    assert_eq!(press(&sam, &page, &next, None).await.status, 303);
    let told = "SELECT string_agg(type || coalesce(' ' || reason, ''), ', ' ORDER BY seq) FROM audit_events \
                WHERE subject = 'usr_sam' AND (reason LIKE '%step-up' OR detail ->> 'step_up' = 'true')";
    let expected = "login.failed wrong password at a step-up, login.succeeded";
    assert_eq!(server.db.text(told).await, expected);
}

#[tokio::test]
async fn k04_a_form_that_was_fresh_when_it_was_drawn_is_judged_when_it_is_sent() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    assert!(!page.body.contains("step_up_password"), "{}", page.body);
    server.db.sql(TWO_HOURS).await;
    let asked = press(&sam, &page, &link, None).await;
    asks(&asked);
    assert_eq!(press(&sam, &asked, &link, Some("sam-password")).await.status, 303);
}

#[tokio::test]
async fn k04_a_link_goes_on_after_a_password_in_another_tab_and_is_used_once() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql(TWO_HOURS).await;
    let (one, two) = (server.link("portal").await, server.link("orders").await);
    let (here, there) = (sam.open(&one).await, sam.open(&two).await);
    assert_eq!(press(&sam, &there, &two, Some("sam-password")).await.status, 303);
    assert_eq!(press(&sam, &here, &one, None).await.status, 303);
    let again = press(&sam, &here, &one, Some("sam-password")).await;
    // A second click within a minute leads on to where the first one led (K-15), and redeems nothing.
    assert_eq!(again.status, 303, "{}", again.body);
    assert_eq!(server.db.count(SESSIONS).await, 2);
    assert_eq!(sam.open("/account").await.status, 200);
}

#[tokio::test]
async fn k04_the_password_of_a_link_is_asked_of_its_actor_by_our_page_alone() {
    let server = TestServer::start().await;
    let (sam, riley) = (signed_in(&server, "sam").await, signed_in(&server, "riley").await);
    server.db.sql(TWO_HOURS).await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    // Somebody else with their own right password, and a form that is not ours.
    for (browser, password) in [(&riley, "riley-password"), (&server.browser(), "sam-password")] {
        let refused = press(browser, &page, &link, Some(password)).await;
        assert!(refused.header("location").is_none_or(|to| to.starts_with("/login")));
    }
    let forged = Filled::read(&page, &link).with("csrf", "x").with("step_up_password", "wrong");
    assert_eq!(forged.send(&sam, &link).await.status, 403);
    let failed = "SELECT count(*) FROM audit_events WHERE type = 'login.failed'";
    assert_eq!(server.db.count(failed).await, 0, "nothing to guess at with a forged form");
    assert_eq!(server.db.count(SESSIONS).await, 0);
    // A direct link is not redeemed by a form, with a password neither.
    let direct = server.link("legacy").await;
    let form = [("csrf", "x"), ("step_up_password", "sam-password")];
    assert_eq!(sam.post_form(&direct, &form).await.status, 405);
    assert_eq!(server.db.count(SESSIONS).await, 0);
    assert_eq!(server.db.count(WAITING).await, 2);
}

#[tokio::test]
async fn k04_guessing_on_a_link_is_held_back_like_at_the_sign_in() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql(TWO_HOURS).await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    let mut last = press(&sam, &page, &link, Some("wrong")).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = press(&sam, &page, &link, Some("wrong")).await;
    }
    assert_eq!(last.status, 429, "{}", last.body);
    assert!(last.header("retry-after").is_some());
    asks(&last);
    assert_eq!(press(&sam, &page, &link, Some("sam-password")).await.status, 429);
    assert_eq!(server.db.count(SESSIONS).await, 0);
    assert_eq!(server.db.count(WAITING).await, 1);
}

#[tokio::test]
async fn k04_a_rule_that_says_no_is_no_question_of_the_password() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql(TWO_HOURS).await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    let refused = sam.open(&link).await;
    assert!(refused.status == 403 && !refused.body.contains("step_up_password"));
    let refused = press(&sam, &page, &link, Some("sam-password")).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(server.db.count(SESSIONS).await, 0);
}

#[tokio::test]
async fn k04_a_link_at_the_edge_of_the_window_and_without_one() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.advance("4 minutes 57 seconds").await;
    let link = server.link("portal").await;
    assert!(!sam.open(&link).await.body.contains("step_up_password"));
    server.db.advance("4 seconds").await;
    asks(&sam.open(&link).await);
    let server = TestServer::start_with(&[("UNDERSTUDY_STEP_UP_MINUTES", "0")]).await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql(TWO_HOURS).await;
    let link = server.link("portal").await;
    let page = sam.open(&link).await;
    assert_eq!(press(&sam, &page, &link, None).await.status, 303);
}

#[tokio::test]
async fn k04_a_code_in_an_old_session_asks_for_the_password_and_goes_on_to_the_link() {
    let server = TestServer::start().await;
    let (sam, private) = (signed_in(&server, "sam").await, signed_in(&server, "sam").await);
    let here = "/console/users/usr_alice/sign-in-as";
    let action = format!("{here}/code");
    let csrf = button(&sam.open(&format!("{here}?application=portal")).await, &action);
    let shown = sam.post_form(&action, &[("csrf", &csrf), ("application", "portal")]).await;
    let code = shown.body.split("id=\"code\"").nth(1).unwrap().split_once('>').unwrap().1;
    let code = code.split('<').next().unwrap();
    server.db.sql(TWO_HOURS).await;
    let typed = Filled::read(&private.open("/go").await, "/go").with("code", code);
    let asked = typed.send(&private, "/go").await;
    assert_eq!(asked.status, 403, "{}", asked.body);
    asks(&asked);
    assert_eq!(Filled::read(&asked, "/go").get("code"), code, "nothing is lost");
    let wrong = press(&private, &asked, "/go", Some("wrong")).await;
    assert!(wrong.body.contains("The password is wrong."), "{}", wrong.body);
    assert_eq!(Filled::read(&wrong, "/go").get("code"), code);
    let on = press(&private, &wrong, "/go", Some("sam-password")).await;
    assert_eq!(on.status, 303, "{}", on.body);
    let link = on.location().to_owned();
    let page = private.open(&link).await;
    assert!(!page.body.contains("step_up_password"), "{}", page.body);
    assert_eq!(press(&private, &page, &link, None).await.status, 303);
    assert_eq!(server.db.count(SESSIONS).await, 1);
}
