//! While it runs: the rules are asked again at every use, and other applications see nothing.
use crate::support::TestServer;
use crate::support::protocols::{Demand, Spoken, Story, each};
use base64::Engine as _;
use reqwest::Method;
use serde_json::json;

const AUTHORIZE: &str = "/authorize?response_type=code&scope=openid+profile+email&state=s&nonce=n";

fn authorize(client: &str, path: &str, more: &str) -> String {
    format!("{AUTHORIZE}&client_id={client}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F{path}{more}")
}

/// After `change` a live impersonation is over at its next use, with its token and its code.
async fn ends(change: &str, reason: &str) {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let opened = server.browser().get(&server.link("legacy").await).await;
    let code = opened.location_param("code").unwrap();
    assert_eq!(server.userinfo(access).await.status, 200);
    server.db.sql(change).await;
    assert_eq!(server.userinfo(access).await.status, 401, "{change}");
    assert_eq!(server.introspect(access).await.body, r#"{"active":false}"#, "{change}");
    let exchanged = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
    assert_eq!(exchanged.status, 400, "{change}: {}", exchanged.body);
    let reasons = "SELECT string_agg(DISTINCT end_reason, ' ') FROM impersonations";
    assert_eq!(server.db.text(reasons).await, reason, "{change}");
    each(async |server| is_let_go(&server, change, reason).await).await;
}

/// The same for an application that asks again who is there, whatever it speaks.
async fn is_let_go(server: &Story, change: &str, reason: &str) {
    let sam = server.sam_as_alice("portal").await;
    let before = server.sign_on(&sam, "portal", Demand::Nothing).await;
    assert!(server.told("portal", &before).await.actor.is_some());
    server.db.sql(change).await;
    let after = server.sign_on(&sam, "portal", Demand::Nothing).await;
    if server.by.is_answer(&after) {
        let told = server.told("portal", &after).await;
        assert_eq!((told.email.as_str(), told.actor), ("sam@understudy.test", None), "{change}");
    }
    let reasons =
        "SELECT coalesce(string_agg(DISTINCT end_reason, ' '), 'none') FROM impersonations";
    assert_eq!(server.db.text(reasons).await, reason, "{change}");
}

#[tokio::test]
async fn a08_a_subject_who_is_promoted_meanwhile_is_let_go() {
    ends("INSERT INTO user_roles VALUES ('usr_alice', 'admin')", "subject_changed").await;
}

#[tokio::test]
async fn a18_an_actor_who_loses_the_right_is_out_at_once() {
    ends("UPDATE users SET status = 'inactive' WHERE id = 'usr_sam'", "actor_revoked").await;
    ends("DELETE FROM user_roles WHERE user_id = 'usr_sam'", "actor_revoked").await;
}

#[tokio::test]
async fn a20_a_subject_who_is_shut_out_takes_the_impersonation_along() {
    ends("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'", "subject_changed").await;
    ends("UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'", "subject_changed")
        .await;
}

#[tokio::test]
async fn a63_a_switch_that_goes_off_ends_what_runs() {
    ends("UPDATE settings SET impersonation_enabled = false", "feature_off").await;
    ends("UPDATE organizations SET impersonation_enabled = false", "feature_off").await;
    let closed = "UPDATE clients SET impersonation_enabled = false WHERE impersonation_enabled";
    ends(closed, "client_changed").await;
}

#[tokio::test]
async fn a50_activity_does_not_move_the_hard_end() {
    each(async |server| {
        let browser = server.browser();
        server.is_answered(&browser.get(&server.link("legacy").await).await);
        for _ in 0..9 {
            server.is_answered(&server.sign_on(&browser, "legacy", Demand::Nothing).await);
            server.db.advance("65 seconds").await;
        }
        server.is_answered(&server.sign_on(&browser, "legacy", Demand::Nothing).await);
        server.db.advance("15 seconds").await;
        let late = server.sign_on(&browser, "legacy", Demand::Nothing).await;
        assert!(!server.by.is_answer(&late), "asserted: ten minutes");
    })
    .await;
}

#[tokio::test]
async fn an_idle_impersonation_is_over_before_its_hard_end() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        server.is_answered(&server.sign_on(&sam, "portal", Demand::Nothing).await);
        server.db.advance("11 minutes").await;
        let after = server.sign_on(&sam, "portal", Demand::Nothing).await;
        let reason = "SELECT coalesce(end_reason, 'none') FROM impersonations";
        assert_eq!(server.db.text(reason).await, "idle");
        let told = server.told("portal", &after).await;
        assert_eq!(told.email, "sam@understudy.test", "Sam's own session answers");
    })
    .await;
}

#[tokio::test]
async fn a64_another_application_sees_only_the_actor() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let here = server.sign_on(&sam, "portal", Demand::Nothing).await;
        let here = server.told("portal", &here).await;
        assert_eq!(here.email, "alice@acme.test");
        assert_eq!(here.actor.unwrap().0, "usr_sam");
        let there = server.sign_on(&sam, "orders", Demand::Nothing).await;
        let there = server.told("orders", &there).await;
        assert_eq!((there.email.as_str(), there.actor), ("sam@understudy.test", None));
    })
    .await;
}

#[tokio::test]
async fn a70_several_run_side_by_side_and_end_one_by_one() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let link = server.link("orders").await;
        let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
        let answer = sam.post_form(&link, &[("csrf", &csrf)]).await;
        assert!(matches!(answer.status, 200 | 303), "{}", answer.body);
        let page = sam.open("/me/impersonation").await;
        let mut ended = String::new();
        for row in server.db.rows("SELECT id FROM impersonations ORDER BY created_at").await {
            ended = row.get(0);
            assert!(page.body.contains(&ended), "{}", page.body);
        }
        let request = sam
            .request(Method::DELETE, &format!("/me/impersonation?id={ended}"))
            .header("sec-fetch-site", "same-origin");
        assert_eq!(sam.send(request).await.status, 204);
        let left = "SELECT client_id FROM impersonations WHERE status = 'active'";
        assert_eq!(server.db.text(left).await, server.client("portal"));
    })
    .await;
}

#[tokio::test]
async fn a43_a_demand_for_a_fresh_login_is_never_met_by_an_impersonation() {
    for more in ["&prompt=login", "&max_age=0", "&max_age=3600"] {
        let server = TestServer::start().await;
        let sam = server.sam_as_alice("portal").await;
        let answer = sam.open(&authorize("portal", "portal", more)).await;
        assert!(matches!(answer.status, 302 | 303), "{more}: {}", answer.body);
        let ended = "SELECT coalesce(end_reason, 'none') FROM impersonations";
        assert_eq!(server.db.text(ended).await, "superseded", "{more}");
    }
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let quiet = sam.get(&authorize("portal", "portal", "&prompt=none&max_age=60")).await;
    assert_eq!(quiet.location_param("error").as_deref(), Some("login_required"));
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let asked = server.sign_on(&sam, "portal", Demand::Fresh).await;
        assert!(!server.by.is_answer(&asked), "{}", asked.body);
        assert!(asked.location().starts_with("/login?"), "{}", asked.location());
        let ended = "SELECT coalesce(end_reason, 'none') FROM impersonations";
        assert_eq!(server.db.text(ended).await, "superseded");
    })
    .await;
}

#[tokio::test]
async fn a42_a_stronger_context_is_never_met_by_an_impersonation() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let answer =
        sam.get(&authorize("portal", "portal", "&acr_values=urn:mace:incommon:iap:silver")).await;
    assert_eq!(
        answer.location_param("error").as_deref(),
        Some("unmet_authentication_requirements")
    );
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let refused = server.sign_on(&sam, "portal", Demand::Stronger).await;
        if server.by == Spoken::Samlp {
            // The application is told, and that by a Response without an assertion.
            assert!(!refused.body.contains("name=\"wresult\""));
            let answer = refused.field("SAMLResponse").unwrap();
            let xml = base64::engine::general_purpose::STANDARD.decode(answer).unwrap();
            let xml = String::from_utf8(xml).unwrap();
            assert!(xml.contains("NoAuthnContext") && !xml.contains("<saml:Assertion"), "{xml}");
        } else {
            assert!(!server.by.is_answer(&refused), "{}", refused.body);
        }
    })
    .await;
}

#[tokio::test]
async fn a32_an_impersonation_leaves_no_consent_behind() {
    let server = TestServer::start().await;
    let body = json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "stranger",
        "additionalParameters": {"scope": "openid orders:read"}});
    let link = server.ask("usr_alice", body).await.body;
    let opened = server.browser().get(&link).await;
    assert_eq!(opened.status, 302, "{}", opened.body);
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
}

#[tokio::test]
async fn a38_an_impersonated_token_reaches_no_api_of_ours() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let browser = server.browser();
    for (method, path) in [
        (Method::GET, "/api/impersonations"),
        (Method::POST, "/api/impersonations"),
        (Method::POST, "/api/impersonations/end-all"),
        (Method::POST, "/users/usr_carol/impersonate"),
    ] {
        let request = browser.request(method, path).bearer_auth(access).json(&json!({}));
        assert_eq!(browser.send(request).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a11_no_loop_leads_to_a_session_without_a_mark() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        // Alice is made support staff meanwhile: then the impersonation is over, so no loop can begin.
        server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'support')").await;
        let answer = server.sign_on(&sam, "portal", Demand::Nothing).await;
        let ended = "SELECT end_reason FROM impersonations";
        assert_eq!(server.db.text(ended).await, "subject_changed");
        let told = server.told("portal", &answer).await;
        assert_eq!(told.email, "sam@understudy.test", "what answers is Sam's own session");
    })
    .await;
}

#[tokio::test]
async fn a13_a_cookie_of_ones_own_making_is_nobody() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for cookie in [
        "understudy=usr_ada",
        "understudy={\"impersonator\":\"usr_ada\"}",
        "understudy_as_x=usr_alice",
        "understudy=; understudy=x",
    ] {
        let request = browser.request(Method::GET, "/account").header("cookie", cookie);
        let request = request.header("accept", "text/html");
        assert_ne!(browser.send(request).await.status, 200, "{cookie}");
    }
}

#[tokio::test]
async fn a45_the_subject_signs_in_as_usual_meanwhile() {
    each(async |server| {
        server.sam_as_alice("portal").await;
        let alice = server.browser();
        alice.sign_in("alice@acme.test", "alice-password").await;
        let account = alice.open("/account").await;
        assert!(account.body.contains("Alice Chen"));
        assert!(
            !account.body.contains("/impersonation/stop"),
            "no bar, no way out of what is not hers"
        );
        let answer = server.sign_on(&alice, "portal", Demand::Nothing).await;
        assert_eq!(server.told("portal", &answer).await.actor, None);
    })
    .await;
}

#[tokio::test]
async fn a49_the_subject_sees_who_was_there() {
    each(async |server| {
        server.act_directly().await;
        let account = server.alice().await.open("/account").await;
        let client = "SELECT name FROM clients WHERE id = (SELECT client_id FROM impersonations)";
        for words in ["Sam Support", &server.db.text(client).await] {
            assert!(account.body.contains(words), "{words}: {}", account.body);
        }
    })
    .await;
}

#[tokio::test]
async fn a37_an_impersonated_token_cannot_be_washed_by_an_exchange() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", tokens["access_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("client_id", "legacy"),
        ("client_secret", "legacy-secret"),
    ];
    let answer = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("invalid_request")),
        "nobody exchanges without an actor"
    );
}
