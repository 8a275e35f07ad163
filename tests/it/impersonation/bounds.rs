//! How far a link and what came of it reach: in time, in rights, in one browser, in a race.
use crate::support::words::claims;
use crate::support::{Browser, Page, TestServer};
use serde_json::{Value, json};
use understudy::crypto::bewit;

fn asking(client: &str, more: &Value) -> Value {
    let mut body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": client});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// Confirms a link; the answer.
async fn confirm(browser: &Browser, link: &str) -> Page {
    let csrf = browser.open(link).await.form(link).field("csrf").unwrap();
    browser.post_form(link, &[("csrf", &csrf)]).await
}

#[tokio::test]
async fn b11_a_link_that_says_it_lives_for_an_hour_is_over_after_five_minutes() {
    let server = TestServer::start().await;
    let body = asking("portal", &json!({"ttl": 300}));
    let link = server.ask("usr_alice", body).await.body;
    let link = link.strip_prefix(&server.url).unwrap();
    let (made, rest) = bewit::read(link).unwrap();
    let ring = server.parts.shared.keys.ring().unwrap();
    let key = ring.link_signer();
    let late = made.expires_at + 3600;
    let path = rest.trim_end_matches('&');
    let base = &server.parts.shared.canonical;
    let minted = format!("{path}&bewit={}", bewit::make(key, base, path, late, &made.ext));
    let sam = server.sam().await;
    assert_eq!(sam.open(&minted).await.status, 200, "one of our keys made it");
    let longer = "UPDATE impersonations SET link_expires_at = created_at + interval '301 seconds'";
    server.db.refuses(longer).await;
    server.db.advance("301 seconds").await;
    let seen = sam.get(&minted).await;
    assert_eq!(seen.status, 403);
    assert_eq!(seen.json()["error_description"], "Impersonation - Access expired");
    assert_eq!(server.db.count("SELECT count(*) FROM sessions WHERE impersonated").await, 0);
}

#[tokio::test]
async fn b36_a_scope_beyond_that_of_the_application_is_not_given() {
    let server = TestServer::start().await;
    let scope =
        "openid crm:read admin root_readwrite impersonate users:write jobs:run offline_access";
    let wanted = json!({"additionalParameters": {"scope": scope, "response_type": "code"}});
    let answer = server.ask("usr_alice", asking("legacy", &wanted)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let opened = server.browser().get(&answer.body).await;
    let code = opened.location_param("code").unwrap();
    let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
    assert_eq!(tokens["scope"], "openid crm:read");
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(id_token["act"]["sub"], "usr_sam");
    let access = server.introspect(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(access["scope"], "openid crm:read");
}

#[tokio::test]
async fn b40_whatever_is_asked_for_a_link_has_at_most_2000_characters() {
    let server = TestServer::start().await;
    let id = "|".repeat(255);
    let sql = format!(
        "INSERT INTO users (id, organization_id, email, email_canonical) \
         VALUES ('{id}', 'org_acme', 'long@acme.test', 'long@acme.test')"
    );
    server.db.sql(&sql).await;
    let long = |length: usize| "ü".repeat(length);
    let more = json!({
        "reason": long(500), "ticket": long(100),
        "additionalParameters": {"state": long(1000), "nonce": long(255), "scope": "openid profile email"},
    });
    for subject in ["usr_alice", id.as_str()] {
        let answer = server.ask(subject, asking("legacy", &more)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.len() <= 2000, "{}", answer.body.len());
        assert!(answer.body.is_ascii() && !answer.body.contains("state"), "{}", answer.body);
        let opened = server.browser().get(&answer.body).await;
        assert_eq!(opened.location_param("state"), Some(long(1000)));
    }
}

#[tokio::test]
async fn b44_a_direct_link_lives_a_minute_works_once_and_is_warned_of() {
    let server = TestServer::start().await;
    let body = asking("legacy", &json!({"ttl": 300}));
    let link = server.ask("usr_alice", body.clone()).await.body;
    let long = "SELECT count(*) FROM impersonations WHERE link_expires_at > created_at + interval '60 seconds'";
    assert_eq!(server.db.count(long).await, 0);
    assert_eq!(server.browser().get(&link).await.status, 302);
    assert_eq!(server.browser().get(&link).await.status, 403, "once");
    let late = server.ask("usr_alice", body).await.body;
    server.db.advance("61 seconds").await;
    assert_eq!(server.browser().get(&late).await.status, 403);
    let told = "SELECT count(*) FROM audit_events WHERE detail ->> 'redeem' = 'direct' \
                AND type IN ('impersonation.link_issued', 'impersonation.started')";
    assert_eq!(server.db.count(told).await, 3);
    let sam = server.sam().await;
    let warning =
        "A link to this application signs in whoever opens it, and lasts a minute at most.";
    for (client, warned) in [("legacy", true), ("portal", false)] {
        let path = format!("/console/users/usr_alice/sign-in-as?application={client}");
        assert_eq!(sam.open(&path).await.body.contains(warning), warned, "{client}");
    }
}

#[tokio::test]
async fn b47_an_application_that_sends_people_back_to_the_link_makes_no_loop() {
    let server = TestServer::start().await;
    let (direct, confirmed) = (server.link("legacy").await, server.link("portal").await);
    let sam = server.sam().await;
    assert_eq!(sam.get(&direct).await.status, 302);
    assert_eq!(confirm(&sam, &confirmed).await.status, 303);
    for link in [&direct, &confirmed] {
        for browser in [&sam, &server.browser()] {
            for _ in 0..3 {
                let page = browser.open(link).await;
                assert_eq!(page.status, 403, "{}", page.body);
                assert_eq!(page.header("location"), None);
                assert!(page.body.contains("This link was used already"), "{}", page.body);
            }
        }
        // As the way back after a sign-in: there, and no further.
        let other = server.browser();
        let path: String = url::form_urlencoded::byte_serialize(link.as_bytes()).collect();
        let login = other.open(&format!("/login?return_to={path}")).await;
        let hop = other.sign_in_on(&login, "sam@understudy.test", "sam-password").await;
        assert_eq!((hop.status, other.open(hop.location()).await.header("location")), (303, None));
    }
}

#[tokio::test]
async fn a65_a_browser_with_somebody_elses_session_keeps_both_apart() {
    let server = TestServer::start().await;
    let sql = "SELECT string_agg(id || user_id || token_hash::text, ' ' ORDER BY id) FROM sessions WHERE NOT impersonated";
    for (email, password, name) in [
        ("alice@acme.test", "alice-password", "Alice Chen"),
        ("riley@acme.test", "riley-password", "Riley"),
    ] {
        let browser = server.browser();
        browser.sign_in(email, password).await;
        let before = server.db.text(sql).await;
        let refused = browser.open(&server.link("portal").await).await;
        assert_eq!(refused.status, 403, "{email}");
        assert!(refused.body.contains("This link is for somebody else"), "{}", refused.body);
        let opened = browser.get(&server.link("legacy").await).await;
        assert_eq!(opened.status, 302, "a program's link asks for nobody's session");
        let cookie = opened.header("set-cookie").unwrap();
        assert!(cookie.starts_with("understudy_as_"), "{cookie}");
        assert_eq!(server.db.text(sql).await, before, "{email}: their own session is as it was");
        let own = browser.open("/logout").await;
        assert!(own.body.contains(name) && own.body.contains("class=\"bar\""), "{}", own.body);
    }
    let acting = "SELECT count(*) FROM sessions s JOIN impersonations i ON i.id = s.impersonation_id \
                  WHERE s.impersonated AND s.user_id = 'usr_alice' AND i.actor_id = 'usr_sam'";
    assert_eq!(server.db.count(acting).await, 2);
}

#[tokio::test]
async fn a66_the_agents_own_session_goes_on_beside_and_after() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let own = "SELECT string_agg(id || token_hash::text, ' ') FROM sessions \
               WHERE NOT impersonated AND ended_at IS NULL";
    let before = server.db.text(own).await;
    for path in ["/console/users", "/console/users/usr_alice", "/console/impersonations"] {
        let page = sam.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        let side = page.body.split("class=\"me-name\"").nth(1).unwrap();
        assert!(side.split("</a>").next().unwrap().contains("Sam Support"), "{path}");
    }
    let form = sam.open("/me/impersonation").await.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    let stopped = sam.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await;
    assert_eq!(stopped.status, 303);
    assert_eq!(sam.open("/console/users").await.status, 200);
    assert_eq!(server.db.text(own).await, before);
}

#[tokio::test]
async fn a76_two_starts_and_a_stop_at_once_leave_what_was_not_stopped() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        let sam = server.sam_as_alice("portal").await;
        let form = sam.open("/me/impersonation").await.form("/impersonation/stop");
        let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
        let (one, two) = (server.link("portal").await, server.link("orders").await);
        let of = async |link: &str| sam.open(link).await.form(link).field("csrf").unwrap();
        let (first, second) = (of(&one).await, of(&two).await);
        let (one_form, two_form) = ([("csrf", first.as_str())], [("csrf", second.as_str())]);
        let stop_form = [("csrf", csrf.as_str()), ("id", id.as_str())];
        let (a, b, c) = tokio::join!(
            sam.post_form(&one, &one_form),
            sam.post_form(&two, &two_form),
            sam.post_form("/impersonation/stop", &stop_form),
        );
        assert_eq!(
            (a.status, b.status, c.status),
            (303, 303, 303),
            "{} {} {}",
            a.body,
            b.body,
            c.body
        );
        let state = format!("SELECT status FROM impersonations WHERE id = '{id}'");
        assert_eq!(server.db.text(&state).await, "ended");
        // To each that runs one session, and to none that is over.
        let sessions = "SELECT count(*) FROM impersonations i WHERE (i.status = 'active')::int <> \
            (SELECT count(*) FROM sessions s WHERE s.impersonation_id = i.id AND s.ended_at IS NULL)";
        assert_eq!(server.db.count(sessions).await, 0);
        assert_eq!(
            server.db.count("SELECT count(*) FROM impersonations WHERE status = 'active'").await,
            2
        );
        server.db.sql("DELETE FROM sessions; UPDATE impersonations SET status = 'ended', ended_at = clock_now(), \
            end_reason = 'logout' WHERE status <> 'ended'").await;
    }
}

#[tokio::test]
async fn a41_stop_works_on_every_page_whatever_state_the_subject_is_in() {
    let server = TestServer::start().await;
    server
        .db
        .sql(
            "UPDATE users SET email_verified = false WHERE id = 'usr_alice'; \
        DELETE FROM credentials WHERE user_id = 'usr_alice'",
        )
        .await;
    for path in [
        "/account",
        "/login",
        "/logout",
        "/go",
        "/me/impersonation",
        "/console/users",
        "/console/users/usr_alice/sign-in-as",
    ] {
        let sam = server.sam_as_alice("portal").await;
        let page = sam.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        let form = page.form("/impersonation/stop");
        let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
        let stopped = sam.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await;
        assert_eq!(stopped.status, 303, "{path}");
        assert_eq!(
            server.db.count("SELECT count(*) FROM impersonations WHERE status = 'active'").await,
            0
        );
    }
}
