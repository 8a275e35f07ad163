//! From a user to being signed in as them: the check before the click, and the three ways on.
use super::{button, signed_in, verdict};
use crate::support::{Browser, Page, TestServer};
use reqwest::Method;

const HERE: &str = "/console/users/usr_alice/sign-in-as";
const RUNNING: &str = "SELECT count(*) FROM impersonations WHERE status = 'active'";

/// The form, filled in, and posted to where a button of it leads.
async fn press(browser: &Browser, subject: &str, way: &str, fields: &[(&str, &str)]) -> Page {
    let here = format!("/console/users/{subject}/sign-in-as");
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let page = browser.open(&format!("{here}?{}", query.join("&"))).await;
    let action = format!("{here}{way}");
    let csrf = button(&page, &action);
    let form: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post_form(&action, &form).await
}

#[tokio::test]
async fn one_click_lands_in_the_application_and_stopping_leads_back() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let fields =
        [("application", "orders"), ("reason", "call"), ("ticket", "T-7"), ("duration", "15")];
    let opened = press(&sam, "usr_alice", "", &fields).await;
    assert_eq!(opened.status, 303);
    assert!(
        opened.location().starts_with("http://127.0.0.1:9/initiate?iss="),
        "{}",
        opened.location()
    );
    assert_eq!(opened.location_param("login_hint").unwrap(), "usr_alice");
    let row = "SELECT concat_ws(' ', channel, actor_proof, actor_id, subject_id, requested_by, reason, ticket, \
               duration_seconds, status) FROM impersonations";
    assert_eq!(
        server.db.text(row).await,
        "console session usr_sam usr_alice usr_sam call T-7 900 active"
    );
    assert_eq!(
        server.db.trail().await.into_iter().filter(|it| it.contains("impersonation.")).count(),
        2,
        "issued and started"
    );
    let page = sam.open("/me/impersonation").await;
    let form = page.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    let stopped = sam.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await;
    let parting = sam.open(stopped.location()).await;
    assert!(parting.body.contains("href=\"/console/users/usr_alice\""), "{}", parting.body);
    assert_eq!(sam.open("/console/users/usr_alice").await.status, 200);
}

#[tokio::test]
async fn an_application_that_is_answered_at_once_gets_its_code_with_the_state() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let fields = [
        ("application", "portal"),
        ("state", "mine"),
        ("response_mode", "query"),
        ("scope", "openid"),
    ];
    let opened = press(&sam, "usr_alice", "", &fields).await;
    assert_eq!(opened.location_param("state").as_deref(), Some("mine"));
    let code = opened.location_param("code").unwrap();
    let tokens = server.exchange("portal", &code, "http://127.0.0.1:9/portal").await.json();
    assert!(tokens["id_token"].is_string(), "{tokens}");
}

#[tokio::test]
async fn a_deep_link_of_a_help_desk_fills_the_form() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let path = format!(
        "{HERE}?application=portal&ticket=T%3C1%3E&reason=a%20%22b%22&duration=60&mode=read_only"
    );
    let page = sam.open(&path).await;
    assert_eq!(page.field("ticket").as_deref(), Some("T<1>"));
    assert_eq!(page.field("reason").as_deref(), Some("a \"b\""));
    for chosen in
        ["value=\"portal\" selected", "value=\"60\" selected", "value=\"read_only\" checked"]
    {
        assert!(page.body.contains(chosen), "{chosen}");
    }
    assert!(verdict(&page).contains("Allowed"));
}

#[tokio::test]
async fn the_check_names_the_rule_before_the_click_and_writes_nothing() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql("INSERT INTO user_roles VALUES ('usr_carol', 'user-manager')").await;
    let before = server.db.contents().await;
    for (subject, query, words) in [
        ("usr_alice", "", "Allowed"),
        ("usr_carol", "", "higher_privileges"),
        ("usr_left", "", "subject_inactive"),
        ("usr_app", "", "app_user"),
        ("usr_service", "", "service_account"),
        ("usr_sam", "", "self_impersonation"),
        ("usr_alice", "?application=closed", "Not possible"),
        ("usr_alice", "?application=globex-shop", "Not possible"),
        ("usr_alice", "?application=spa", "Something is missing"),
        ("usr_alice", "?application=orders&target=https%3A%2F%2Fevil.test", "Something is missing"),
        ("usr_alice", "?application=orders&duration=99999999999999999999", "Something is missing"),
        ("usr_alice", "?application=orders&duration=9223372036854775807", "Something is missing"),
        ("usr_alice", "?application=orders&mode=god", "Something is missing"),
        ("usr_alice", "?application=portal&response_type=token", "Something is missing"),
        ("usr_alice", "?application=orders&reason=a%0Ab", "Something is missing"),
    ] {
        let page = sam.open(&format!("/console/users/{subject}/sign-in-as{query}")).await;
        assert_eq!(page.status, 200, "{subject}{query}: {}", page.body);
        let said = verdict(&page);
        assert!(said.contains(words), "{subject}{query}: {said}");
        assert_eq!(said.contains("Open now"), words == "Allowed", "{subject}{query}");
    }
    assert_eq!(server.db.contents().await, before, "a check is no attempt");
    let riley = signed_in(&server, "riley").await;
    server
        .db
        .sql("UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_acme'")
        .await;
    assert!(verdict(&riley.open(HERE).await).contains("impersonation_disabled"));
}

#[tokio::test]
async fn what_the_check_says_is_what_the_click_does() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let page = sam.open(&format!("{HERE}?application=portal")).await;
    let csrf = button(&page, HERE);
    // Between the check and the click the world changes.
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    let refused = sam.post_form(HERE, &[("csrf", &csrf), ("application", "portal")]).await;
    assert_eq!(refused.status, 403);
    assert!(verdict(&refused).contains("subject_inactive"));
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
    let refusals = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.refused' AND channel = 'console'";
    assert_eq!(server.db.count(refusals).await, 1, "an attempt is written down");
}

#[tokio::test]
async fn h01_nobody_else_presses_the_button() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let riley = signed_in(&server, "riley").await;
    let csrf = button(&sam.open(&format!("{HERE}?application=portal")).await, HERE);
    let foreign = button(&riley.open(&format!("{HERE}?application=portal")).await, HERE);
    let elsewhere = "/console/users/auth0%7Cbob/sign-in-as";
    let other = button(&sam.open(&format!("{elsewhere}?application=portal")).await, elsewhere);
    let before = server.db.contents().await;
    for way in ["", "/link", "/code"] {
        let path = format!("{HERE}{way}");
        for forged in ["", "x", "a.b", foreign.as_str(), other.as_str()] {
            let page = sam.post_form(&path, &[("csrf", forged), ("application", "portal")]).await;
            assert_eq!(page.status, 403, "{path} {forged}");
        }
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.test"),
        ] {
            let form = [("csrf", csrf.as_str()), ("application", "portal")];
            let request = sam.request(Method::POST, &path).header(name, value).form(&form);
            assert_eq!(sam.send(request).await.status, 403, "{path} {name}: {value}");
        }
    }
    assert_eq!(server.db.contents().await, before);
}

/// A session that is just over, and a program that names nobody.
#[tokio::test]
async fn a74_without_a_person_who_is_there_nothing_is_started() {
    let server = TestServer::start().await;
    let own = "WHERE user_id = 'usr_sam'";
    for ends in [
        format!("UPDATE sessions SET ended_at = clock_now() {own}"),
        format!("UPDATE sessions SET expires_at = clock_now() {own}"),
        format!("UPDATE sessions SET last_seen_at = clock_now() - interval '2 hours' {own}"),
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_sam'".to_owned(),
    ] {
        let sam = signed_in(&server, "sam").await;
        let page = sam.open(&format!("{HERE}?application=portal&reason=r")).await;
        let forms: Vec<_> = ["", "/link", "/code"]
            .map(|way| (format!("{HERE}{way}"), button(&page, &format!("{HERE}{way}"))))
            .into();
        server.db.sql(&ends).await;
        for (action, csrf) in forms {
            let form = [("application", "portal"), ("reason", "r"), ("csrf", csrf.as_str())];
            let answer = sam.post_form(&action, &form).await;
            assert_eq!(answer.status, 303, "{ends} {action}: {}", answer.body);
            assert!(answer.location().starts_with("/login"), "{ends} {}", answer.location());
        }
        server.db.sql("UPDATE users SET status = 'active' WHERE id = 'usr_sam'").await;
    }
    for actor in [None, Some(""), Some("machine"), Some("global")] {
        let mut body = serde_json::json!({"protocol": "oauth2", "client_id": "legacy"});
        if let Some(actor) = actor {
            body["impersonator_id"] = actor.into();
        }
        let answer = server.ask("usr_alice", body).await;
        assert!(matches!(answer.status, 400 | 403), "{actor:?}: {}", answer.body);
    }
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

#[tokio::test]
async fn h02_looking_starts_nothing() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let csrf = button(&sam.open(&format!("{HERE}?application=portal")).await, HERE);
    let before = server.db.contents().await;
    for way in ["", "/link", "/code"] {
        let page = sam.open(&format!("{HERE}{way}?application=portal&csrf={csrf}")).await;
        assert_eq!(page.status, if way.is_empty() { 200 } else { 405 }, "{way}");
        assert!(page.header("set-cookie").is_none());
    }
    assert_eq!(sam.open("/impersonation/stop").await.status, 405);
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn a_copied_link_is_confirmed_by_its_actor_and_by_nobody_else() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let page = press(&sam, "usr_alice", "/link", &[("application", "portal")]).await;
    assert_eq!(page.status, 200);
    let link = page.body.split("id=\"link\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
    let link = crate::support::browser::unescape(link.split('"').next().unwrap());
    let path = link.strip_prefix(&server.url).unwrap().to_owned();
    let riley = signed_in(&server, "riley").await;
    assert_eq!(riley.open(&path).await.status, 403);
    let confirm = sam.open(&path).await;
    let csrf = confirm.form(&path).field("csrf").unwrap();
    assert_eq!(sam.post_form(&path, &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(server.db.count(RUNNING).await, 1);
}

/// The code that the console shows for this application.
async fn code_of(browser: &Browser, application: &str) -> String {
    let page =
        press(browser, "usr_alice", "/code", &[("application", application), ("reason", "r")])
            .await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
        .split("id=\"code\"")
        .nth(1)
        .unwrap()
        .split_once('>')
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap()
        .to_owned()
}

async fn type_in(browser: &Browser, code: &str) -> Page {
    let csrf = browser.open("/go").await.field("csrf").unwrap();
    let page = browser.open("/go").await.form("/go");
    let csrf = page.field("csrf").unwrap_or(csrf);
    browser.post_form("/go", &[("csrf", &csrf), ("code", code)]).await
}

#[tokio::test]
async fn a_code_leads_the_same_person_to_the_confirmation_in_another_window_once() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let code = code_of(&sam, "portal").await;
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0, "no link yet");
    let stored = "SELECT row_to_json(c)::text FROM handover_codes c";
    assert!(!server.db.text(stored).await.contains(&code.replace('-', "")));
    let private = server.browser();
    assert_eq!(private.open("/go").await.location(), "/login?return_to=%2Fgo");
    let private = signed_in(&server, "sam").await;
    let went = type_in(&private, &code.to_lowercase()).await;
    assert_eq!(went.status, 303, "{}", went.body);
    let path = went.location().to_owned();
    let confirm = private.open(&path).await;
    for words in ["Alice Chen", "Portal", "Sam Support"] {
        assert!(confirm.body.contains(words), "{words}");
    }
    let csrf = confirm.form(&path).field("csrf").unwrap();
    assert_eq!(private.post_form(&path, &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(server.db.text("SELECT reason FROM impersonations").await, "r");
    assert_eq!(type_in(&private, &code).await.status, 400, "again");
}

#[tokio::test]
async fn b30_a_code_of_somebody_else_does_nothing_and_stays_good_for_its_owner() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let code = code_of(&sam, "portal").await;
    for name in ["riley", "ada", "alice"] {
        let other = signed_in(&server, name).await;
        let page = type_in(&other, &code).await;
        assert_eq!(page.status, 400, "{name}");
        assert!(!page.body.contains("Alice Chen") || name == "alice", "{name}: {}", page.body);
    }
    let alerts = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.link_rejected' \
                  AND reason = 'this code is for somebody else'";
    assert_eq!(server.db.count(alerts).await, 3);
    assert_eq!(type_in(&sam, &code).await.status, 303);
}

#[tokio::test]
async fn a_code_is_forgotten_after_five_minutes_and_by_changed_rules() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let late = code_of(&sam, "portal").await;
    server.db.advance("5 minutes").await;
    assert_eq!(type_in(&sam, &late).await.status, 400);
    let sam = signed_in(&server, "sam").await;
    let code = code_of(&sam, "portal").await;
    server.db.sql("UPDATE clients SET impersonation_enabled = false WHERE id = 'portal'").await;
    assert_eq!(type_in(&sam, &code).await.status, 403);
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
}

#[tokio::test]
async fn k04_an_old_session_uses_no_code_up() {
    let server = TestServer::start().await;
    let old = signed_in(&server, "sam").await;
    server.db.advance("5 minutes").await;
    let sam = signed_in(&server, "sam").await;
    let code = code_of(&sam, "portal").await;
    server.db.advance("10 seconds").await;
    let page = type_in(&old, &code).await;
    assert_ne!(page.status, 303, "{page:?}");
    assert_eq!(server.db.count("SELECT count(*) FROM impersonations").await, 0);
    assert_eq!(type_in(&sam, &code).await.status, 303, "it was not used up");
}

#[tokio::test]
async fn guessing_codes_is_throttled_for_the_guesser_alone() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let riley = signed_in(&server, "riley").await;
    let code = code_of(&sam, "portal").await;
    for nth in 0..10 {
        assert_eq!(type_in(&riley, &format!("AAAA-AAA{nth}")).await.status, 400);
    }
    let page = type_in(&riley, "AAAA-AAAA").await;
    assert_eq!((page.status, page.header("retry-after")), (429, Some("900")));
    assert_eq!(type_in(&sam, &code).await.status, 303, "their own code still works");
}
