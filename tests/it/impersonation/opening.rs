//! Opening a link: what looks, what redeems, and who may.
use crate::support::protocols::{Spoken, Story, each, each_with};
use crate::support::{Page, TestServer};
use reqwest::Method;
use serde_json::{Value, json};
use understudy::domain::caller::Caller;

const WAITING: &str = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";
const SESSIONS: &str = "SELECT count(*) FROM sessions WHERE impersonated";

#[track_caller]
fn says(answer: &Page, words: &str) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.json(), json!({"error": "access_denied", "error_description": words}));
}

#[tokio::test]
async fn a_direct_link_signs_in_at_once_and_only_once() {
    each(async |server| {
        let link = server.link("legacy").await;
        let opened = server.browser().get(&link).await;
        server.is_answered(&opened);
        assert_eq!(server.by.state(&opened).as_deref(), Some("st ate"));
        if server.by == Spoken::Oauth2 {
            assert!(opened.location().starts_with("http://127.0.0.1:9/legacy?"), "{opened:?}");
            assert_eq!(opened.location_param("iss"), Some(server.url.clone()));
        } else {
            let to = format!("action=\"{}\"", server.by.return_url("legacy"));
            assert!(opened.body.contains(&to), "{}", opened.body);
        }
        assert_eq!(opened.header("cache-control"), Some("no-store"));
        // b01
        says(&server.browser().get(&link).await, "Impersonation - Link already used");
        assert_eq!(
            server.db.trail().await.last().unwrap(),
            "impersonation.link_rejected usr_sam->usr_alice (link already used)"
        );
    })
    .await;
}

#[tokio::test]
async fn b01_a_second_use_is_refused_and_written_down() {
    each(async |server| {
        let link = server.link("legacy").await;
        server.browser().get(&link).await;
        for _ in 0..3 {
            says(&server.browser().get(&link).await, "Impersonation - Link already used");
        }
        let rejected =
            "SELECT count(*) FROM audit_events WHERE type = 'impersonation.link_rejected'";
        assert_eq!(server.db.count(rejected).await, 3);
        assert_eq!(server.db.count(SESSIONS).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_actor_signs_in_confirms_and_is_sent_to_the_application() {
    each(async |server| {
        let link = server.link("orders").await;
        let browser = server.browser();
        let login = browser.open(&link).await;
        assert_eq!(login.status, 200);
        let back = browser.sign_in_on(&login, "sam@understudy.test", "sam-password").await;
        assert_eq!((back.status, back.location()), (303, link.as_str()));
        let page = browser.open(&link).await;
        let application =
            format!("SELECT name FROM clients WHERE id = '{}'", server.client("orders"));
        let application = server.db.text(&application).await;
        for name in ["Sam Support", "Alice Chen", application.as_str()] {
            assert!(page.body.contains(name), "{name} is not on the page");
        }
        assert_eq!(server.db.count(WAITING).await, 1);
        let csrf = page.field("csrf").unwrap();
        let done = browser.post_form(&link, &[("csrf", &csrf)]).await;
        assert_eq!(done.status, 303, "{}", done.body);
        assert!(done.location().starts_with("http://127.0.0.1:9/"), "{}", done.location());
        assert!(done.location().contains("initiate?"), "{}", done.location());
        assert_eq!(done.location_param("iss"), Some(server.url.clone()));
        assert_eq!(done.location_param("login_hint").as_deref(), Some("usr_alice"));
        assert_eq!(server.db.count(SESSIONS).await, 1);
    })
    .await;
}

#[tokio::test]
async fn b06_looking_ahead_uses_nothing_up() {
    each(async |server| {
        for client in ["orders", "legacy"] {
            let link = server.link(client).await;
            let browser = server.browser();
            for (name, value) in [
                ("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
                ("user-agent", "TelegramBot (like TwitterBot)"),
                ("sec-purpose", "prefetch;prerender"),
                ("purpose", "prefetch"),
                ("x-moz", "prefetch"),
            ] {
                if client == "legacy" && name == "user-agent" {
                    continue;
                }
                let request = browser.request(Method::GET, &link).header(name, value);
                let seen = browser.send(request).await;
                assert_eq!(seen.status, 200, "{name}: {value}");
                assert!(!seen.header("set-cookie").unwrap_or_default().contains("understudy_as"));
            }
            assert_eq!(browser.send(browser.request(Method::HEAD, &link)).await.status, 200);
        }
        assert_eq!(server.db.count(WAITING).await, 2);
        assert_eq!(server.db.count(SESSIONS).await, 0);
    })
    .await;
}

#[tokio::test]
async fn b07_whoever_presses_the_button_without_signing_in_gets_the_login_page() {
    each(async |server| {
        let link = server.link("orders").await;
        let pressed = server.browser().post_form(&link, &[("csrf", "x")]).await;
        assert_eq!(pressed.status, 200);
        assert!(pressed.body.contains("name=\"password\""));
        assert_eq!(server.db.count(WAITING).await, 1);
    })
    .await;
}

#[tokio::test]
async fn b08_a_forged_confirmation_is_refused_and_uses_nothing_up() {
    each(async |server| {
        let link = server.link("orders").await;
        let sam = server.sam().await;
        let csrf = sam.open(&link).await.field("csrf").unwrap();
        let other = server.sam().await.open(&link).await.field("csrf").unwrap();
        for form in [&[("csrf", "")][..], &[], &[("csrf", other.as_str())]] {
            assert_eq!(sam.post_form(&link, form).await.status, 403);
        }
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")] {
            let request = sam.request(Method::POST, &link).header(name, value);
            let forged = sam.send(request.form(&[("csrf", &csrf)])).await;
            assert_eq!(forged.status, 403, "{name}");
        }
        assert_eq!(server.db.count(WAITING).await, 1);
        assert_eq!(sam.post_form(&link, &[("csrf", &csrf)]).await.status, 303);
    })
    .await;
}

#[tokio::test]
async fn b09_every_changed_character_is_a_bad_mac() {
    each_with(&[("UNDERSTUDY_RATE_LIMITS", "off")], async |server| {
        let link = server.link("legacy").await;
        let start = link.find("bewit=").unwrap() + 6;
        for at in start..link.len() {
            let old = link.as_bytes()[at];
            let new = if old == b'A' { 'B' } else { 'A' };
            let mut changed = link.clone();
            changed.replace_range(at..=at, &new.to_string());
            says(&server.browser().get(&changed).await, "Impersonation - Bad mac");
        }
        server.is_answered(&server.browser().get(&link).await);
    })
    .await;
}

#[tokio::test]
async fn b10_a_link_lives_until_its_second() {
    each(async |server| {
        let link = server.link("orders").await;
        let sam = server.sam().await;
        server.db.advance("118 seconds").await;
        assert_eq!(sam.open(&link).await.status, 200);
        server.db.advance("3 seconds").await;
        says(&sam.get(&link).await, "Impersonation - Access expired");
    })
    .await;
}

#[tokio::test]
async fn b12_b13_a_link_is_good_for_exactly_its_url() {
    each(async |server| {
        let link = server.link("legacy").await;
        let moved = link.replace("usr_alice", "usr_carol");
        says(&server.browser().get(&moved).await, "Impersonation - Bad mac");
        says(&server.browser().get(&format!("/api{link}")).await, "Impersonation - Bad mac");
        for extra in ["&redirect_uri=https://evil.test", "&scope=admin", "&client_id=orders", "&x"]
        {
            says(&server.browser().get(&format!("{link}{extra}")).await, "Impersonation - Bad mac");
        }
        server.is_answered(&server.browser().get(&link).await);
    })
    .await;
}

#[tokio::test]
async fn b13_added_parameters_break_the_mac() {
    each(async |server| {
        let link = server.link("legacy").await;
        says(
            &server.browser().get(&format!("{link}&state=other")).await,
            "Impersonation - Bad mac",
        );
        assert_eq!(server.db.count(WAITING).await, 1);
    })
    .await;
}

#[tokio::test]
async fn b14_two_bewits_are_refused() {
    each(async |server| {
        let link = server.link("legacy").await;
        let bewit = link.split("bewit=").nth(1).unwrap();
        let answer = server.browser().get(&format!("{link}&bewit={bewit}")).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (400, Some("invalid_request"))
        );
    })
    .await;
}

#[tokio::test]
async fn b15_b16_other_methods_and_a_second_authentication_are_refused() {
    each(async |server| {
        let link = server.link("legacy").await;
        let browser = server.browser();
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = browser.send(browser.request(method, &link)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")));
        }
        let unknown = "/users/usr_alice/impersonate?bewit=unknown";
        let answer = browser.send(browser.request(Method::POST, unknown)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
        let both = browser.request(Method::GET, &link).bearer_auth("x");
        assert_eq!(browser.send(both).await.status, 400);
        assert_eq!(server.db.count(WAITING).await, 1);
    })
    .await;
}

#[tokio::test]
async fn b17_a_malformed_bewit_is_a_bad_mac() {
    let server = TestServer::start().await;
    let path = "/users/usr_alice/impersonate";
    for bewit in ["", "x", "%00", "YQ==", "YVxi", "%ff%fe", "a+b/c"] {
        let answer = server.browser().get(&format!("{path}?bewit={bewit}")).await;
        says(&answer, "Impersonation - Bad mac");
    }
    let long = "A".repeat(5000);
    says(&server.browser().get(&format!("{path}?bewit={long}")).await, "Impersonation - Bad mac");
}

#[tokio::test]
async fn b18_the_host_header_is_never_used() {
    each(async |server| {
        let browser = server.browser();
        for host in ["evil.test", "a:b:c", "[::1]:80", "under_score"] {
            let link = server.link("legacy").await;
            let request = browser.request(Method::GET, &link).header("host", host);
            let request = request
                .header("x-forwarded-host", "evil.test")
                .header("forwarded", "host=evil.test");
            let opened = browser.send(request).await;
            if opened.status != 400 {
                server.is_answered(&opened);
                assert!(!opened.body.contains("evil.test"), "{host}: {}", opened.body);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn b21_a_bewit_is_nothing_else_and_nothing_else_is_a_bewit() {
    each(async |server| {
        let link = server.link("legacy").await;
        let bewit = link.split("bewit=").nth(1).unwrap().to_owned();
        assert_eq!(server.userinfo(&bewit).await.status, 401);
        assert_eq!(
            server.exchange("legacy", &bewit, "http://127.0.0.1:9/legacy").await.status,
            400
        );
        let browser = server.browser();
        let cookie = format!("understudy={bewit}");
        let request = browser.request(Method::GET, "/account").header("cookie", cookie);
        assert_ne!(browser.send(request).await.status, 200);
        let token = server.global_token().await;
        let answer = browser.get(&format!("/users/usr_alice/impersonate?bewit={token}")).await;
        says(&answer, "Impersonation - Bad mac");
        assert_eq!(server.db.count(WAITING).await, 1);
    })
    .await;
}

#[tokio::test]
async fn b22_the_database_keeps_no_secret_of_a_link() {
    each(async |server| {
        let link = server.link("legacy").await;
        let opened = server.browser().get(&link).await;
        let cookie = opened.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap();
        let mut secrets = vec![link.split("bewit=").nth(1).unwrap().to_owned(), cookie.to_owned()];
        if server.by == Spoken::Oauth2 {
            let code = opened.location_param("code").unwrap();
            let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json();
            secrets.extend([code, tokens["access_token"].as_str().unwrap().to_owned()]);
        }
        secrets.extend(server.by.xml(&opened));
        for (table, rows) in server.db.contents().await {
            for secret in &secrets {
                assert!(!rows.contains(secret), "{table}");
            }
        }
        let hash = "SELECT min(length(ticket_hash))::bigint FROM impersonations";
        assert_eq!(server.db.count(hash).await, 32);
    })
    .await;
}

#[tokio::test]
async fn b26_b29_pages_of_a_link_are_not_kept_not_framed_and_tell_nobody() {
    each(async |server| {
        let sam = server.sam().await;
        let page = sam.open(&server.link("orders").await).await;
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        let csp = page.header("content-security-policy").unwrap();
        assert!(csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe"), "{csp}");
    })
    .await;
}

#[tokio::test]
async fn b28_a_revoked_link_is_dead() {
    each(async |server| {
        let link = server.link("legacy").await;
        let id = server.db.text("SELECT id FROM impersonations").await;
        let browser = server.browser();
        let request = browser.request(Method::DELETE, &format!("/api/impersonations/{id}"));
        let request = request.bearer_auth(server.global_token().await);
        assert_eq!(browser.send(request).await.status, 204);
        says(&browser.get(&link).await, "Impersonation - Link revoked");
    })
    .await;
}

/// Somebody else's browser is refused, learns nothing, and uses nothing up.
async fn is_not_for(email: &str, password: &str) {
    each(async |server| cannot_open(&server, email, password).await).await;
}

async fn cannot_open(server: &Story, email: &str, password: &str) {
    let link = server.link("orders").await;
    let other = server.browser();
    other.sign_in(email, password).await;
    let page = other.open(&link).await;
    assert_eq!(page.status, 403, "{email}");
    assert!(!page.body.contains("Sam"), "the page does not tell whose link it is");
    let account = other.open("/account").await;
    assert_eq!(account.status, 200, "their own session is untouched");
    assert_eq!(server.sam().await.open(&link).await.status, 200);
    assert_eq!(server.db.count(SESSIONS).await, 0);
}

#[tokio::test]
async fn b30_another_agent_cannot_open_the_link() {
    is_not_for("riley@acme.test", "riley-password").await;
}

#[tokio::test]
async fn b31_the_subject_cannot_open_the_link() {
    is_not_for("alice@acme.test", "alice-password").await;
}

/// After `change` the heart says no when the link is opened, and the link is used up by it.
async fn is_judged_again(change: &str) {
    each(async |server| is_refused_after(&server, change).await).await;
}

async fn is_refused_after(server: &Story, change: &str) {
    let link = server.link("legacy").await;
    server.db.sql(change).await;
    says(&server.browser().get(&link).await, "Impersonation - Not permitted");
    says(&server.browser().get(&link).await, "Impersonation - Link revoked");
    let trail = server.db.trail().await;
    let refused = |event: &String| event.starts_with("impersonation.refused usr_sam->usr_alice");
    assert!(trail.iter().any(refused), "{trail:?}");
}

#[tokio::test]
async fn a07_a_subject_promoted_after_the_request_is_refused() {
    is_judged_again("INSERT INTO user_roles VALUES ('usr_alice', 'admin')").await;
    is_judged_again("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    is_judged_again("UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'").await;
}

#[tokio::test]
async fn a17_an_actor_shut_out_after_the_request_is_refused() {
    is_judged_again("UPDATE users SET status = 'inactive' WHERE id = 'usr_sam'").await;
    is_judged_again("DELETE FROM user_roles WHERE user_id = 'usr_sam'").await;
}

#[tokio::test]
async fn b33_an_application_closed_after_the_request_is_refused() {
    is_judged_again("UPDATE clients SET status = 'inactive' WHERE id LIKE 'legacy%'").await;
    is_judged_again("UPDATE clients SET redirect_uris = '{}' WHERE id LIKE 'legacy%'").await;
    is_judged_again("UPDATE settings SET impersonation_enabled = false").await;
}

#[tokio::test]
async fn b20_links_of_a_rotated_key_work_while_they_live() {
    each(async |server| {
        let link = server.link("orders").await;
        let ctx = server.parts.context(1).unwrap();
        let mut conn = ctx.store.conn().await.unwrap();
        let keys = &server.parts.shared.keys;
        understudy::flows::operations::rotate_keys::rotate(
            &mut conn,
            keys,
            (None, &Caller::default()),
        )
        .await
        .unwrap();
        keys.reload(&conn).await.unwrap();
        let sam = server.sam().await;
        assert_eq!(sam.open(&link).await.status, 200);
        server
            .db
            .sql("UPDATE signing_keys SET retires_at = clock_now() WHERE state = 'retiring'")
            .await;
        keys.reload(&conn).await.unwrap();
        says(&sam.get(&link).await, "Impersonation - Bad mac");
    })
    .await;
}

#[tokio::test]
async fn b20_every_node_knows_the_next_key_before_a_link_is_signed_with_it() {
    let server = TestServer::start().await;
    let keys = &server.parts.shared.keys;
    let before = keys.ring().unwrap();
    let ctx = server.parts.context(1).unwrap();
    let mut conn = ctx.store.conn().await.unwrap();
    understudy::flows::operations::rotate_keys::rotate(&mut conn, keys, (None, &Caller::default()))
        .await
        .unwrap();
    let current = "SELECT id FROM signing_keys WHERE purpose = 'bewit' AND state = 'current'";
    let current = server.db.text(current).await;
    assert_ne!(before.link_signer().id(), current);
    assert!(before.link_key(&current).is_some());
}

#[tokio::test]
async fn b39_the_code_of_a_link_is_bound_like_any_other() {
    let server = TestServer::start().await;
    let code =
        server.browser().get(&server.link("legacy").await).await.location_param("code").unwrap();
    let other = server.exchange("orders", &code, "http://127.0.0.1:9/legacy").await;
    assert_eq!((other.status, other.json()["error"].as_str()), (400, Some("invalid_grant")));
    let code =
        server.browser().get(&server.link("legacy").await).await.location_param("code").unwrap();
    let moved = server.exchange("legacy", &code, "http://127.0.0.1:9/other").await;
    assert_eq!((moved.status, moved.json()["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn b37_the_state_comes_back_byte_for_byte() {
    each(async |server| {
        for state in ["\"><script>", "a b+c%20", "ü=&?#", &"x".repeat(2000)] {
            let mut body = server.asking("legacy");
            body["additionalParameters"] = json!({"state": state});
            let link = server.ask("usr_alice", body).await.body;
            let opened = server.browser().get(&link).await;
            assert_eq!(server.by.state(&opened).as_deref(), Some(state));
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_also_answers_by_fragment_and_by_form() {
    let server = TestServer::start().await;
    let ask = |mode: &str| -> Value {
        json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy",
            "additionalParameters": {"response_mode": mode, "state": "s"}})
    };
    let link = server.ask("usr_alice", ask("fragment")).await.body;
    let opened = server.browser().get(&link).await;
    assert!(opened.location().starts_with("http://127.0.0.1:9/legacy#"), "{}", opened.location());
    let link = server.ask("usr_alice", ask("form_post")).await.body;
    let opened = server.browser().get(&link).await;
    assert_eq!(opened.status, 200);
    assert!(opened.body.contains("action=\"http://127.0.0.1:9/legacy\""), "{}", opened.body);
    assert_eq!(opened.field("state").as_deref(), Some("s"));
    assert!(opened.field("code").is_some());
}
