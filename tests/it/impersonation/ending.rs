//! Stopping: who may, what dies with it, and where the actor comes back to.
use crate::support::TestServer;
use crate::support::protocols::{Demand, Spoken, each};
use reqwest::Method;

const STATUS: &str = "SELECT coalesce(string_agg(status || ':' || coalesce(end_reason, '-'), ' '), 'none') FROM impersonations";

#[tokio::test]
async fn a46_stop_kills_cookie_code_and_tokens_at_once() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let page = sam.open("/me/impersonation").await;
        assert!(page.body.contains("Alice Chen"), "{}", page.body);
        let direct = server.browser();
        server.is_answered(&direct.get(&server.link("legacy").await).await);
        server.is_answered(&server.sign_on(&direct, "legacy", Demand::Nothing).await);
        let given = match server.by {
            Spoken::Oauth2 => Some(code_and_token(&server).await),
            Spoken::Samlp | Spoken::Wsfed | Spoken::WsfedRms => None,
        };
        stop_all(&server).await;
        if let Some((code, access)) = given {
            assert_eq!(server.userinfo(&access).await.status, 401);
            assert_eq!(server.introspect(&access).await.body, r#"{"active":false}"#);
            let exchanged = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
            let error = exchanged.json()["error"].as_str().map(str::to_owned);
            assert_eq!((exchanged.status, error.as_deref()), (400, Some("invalid_grant")));
        }
        let gone = server.sign_on(&direct, "legacy", Demand::Nothing).await;
        assert!(!server.by.is_answer(&gone), "{}", gone.body);
        let own = server.sign_on(&sam, "portal", Demand::Nothing).await;
        let told = server.told("portal", &own).await;
        assert_eq!((told.email.as_str(), told.actor), ("sam@understudy.test", None));
    })
    .await;
}

/// A code that nobody has exchanged, and a token.
async fn code_and_token(server: &TestServer) -> (String, String) {
    let tokens = server.impersonated_tokens().await;
    let opened = server.browser().get(&server.link("legacy").await).await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    (opened.location_param("code").unwrap(), access)
}

/// An administrator ends whatever runs.
async fn stop_all(server: &TestServer) {
    for row in &server.db.rows("SELECT id FROM impersonations WHERE status = 'active'").await {
        let id: String = row.get(0);
        let browser = server.browser();
        let request = browser.request(Method::DELETE, &format!("/api/impersonations/{id}"));
        let request = request.bearer_auth(server.global_token().await);
        assert_eq!(browser.send(request).await.status, 204);
    }
}

#[tokio::test]
async fn stopping_by_the_page_brings_the_actor_back_to_their_own_session() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let page = sam.open("/me/impersonation").await;
        let (csrf, id) = (page.field("csrf").unwrap(), page.field("id").unwrap());
        // a12: whatever else is said about who to be is not read, and refused
        let form = [("csrf", csrf.as_str()), ("id", id.as_str()), ("user_id", "usr_ada")];
        assert_eq!(sam.post_form("/impersonation/stop", &form).await.status, 400);
        let stopped = sam.post_form("/impersonation/stop", &form[..2]).await;
        assert!(matches!(stopped.status, 200 | 303), "{}", stopped.body);
        assert_eq!(server.db.text(STATUS).await, "ended:stopped_by_actor");
        let account = sam.open("/account").await;
        assert!(account.body.contains("Sam Support"), "{}", account.body);
    })
    .await;
}

#[tokio::test]
async fn a12_stop_from_a_plain_session_changes_nothing() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let request = sam
        .request(Method::DELETE, "/me/impersonation?id=usr_ada")
        .header("x-requested-with", "fetch")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(sam.send(request).await.status, 409);
    assert!(sam.open("/account").await.body.contains("Sam Support"));
}

#[tokio::test]
async fn h02_nothing_stops_by_get() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        assert_eq!(sam.get("/impersonation/stop").await.status, 405);
        assert_eq!(server.db.text(STATUS).await, "active:-");
    })
    .await;
}

#[tokio::test]
async fn the_script_of_a_page_stops_by_delete() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let delete = |site: &'static str| {
            let request =
                sam.request(Method::DELETE, "/me/impersonation").header("sec-fetch-site", site);
            sam.send(request)
        };
        assert_eq!(delete("cross-site").await.status, 403);
        assert_eq!(delete("same-origin").await.status, 204);
        assert_eq!(server.db.text(STATUS).await, "ended:stopped_by_actor");
    })
    .await;
}

#[tokio::test]
async fn a48_logout_at_the_application_ends_only_the_impersonation() {
    let server = TestServer::start().await;
    let alice = server.browser();
    alice.sign_in("alice@acme.test", "alice-password").await;
    let sam = server.sam().await;
    let link = server.link("orders").await;
    let csrf = sam.open(&link).await.field("csrf").unwrap();
    sam.post_form(&link, &[("csrf", &csrf)]).await;
    let path = "/authorize?response_type=code&client_id=orders&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = sam.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let id_token = tokens["id_token"].as_str().unwrap();
    let logout = format!(
        "/oidc/logout?id_token_hint={id_token}&state=s&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F"
    );
    let left = sam.open(&logout).await;
    assert!(matches!(left.status, 302 | 303), "{} {}", left.status, left.body);
    assert_eq!(left.location(), "http://127.0.0.1:9/?state=s");
    assert_eq!(server.db.text(STATUS).await, "ended:logout");
    assert!(sam.open("/account").await.body.contains("Sam Support"), "Sam is still signed in");
    assert!(alice.open("/account").await.body.contains("Alice Chen"), "and so is Alice");
}

#[tokio::test]
async fn a19_signing_out_ends_what_the_session_stood_behind() {
    each(async |server| {
        let sam = server.sam_as_alice("portal").await;
        let csrf = sam.open("/logout").await.form("/logout").field("csrf").unwrap();
        let left = sam.post_form("/logout", &[("csrf", &csrf)]).await;
        assert!(matches!(left.status, 200 | 303), "{}", left.body);
        assert_eq!(server.db.text(STATUS).await, "ended:logout");
    })
    .await;
}

/// In another tab, at another device, by the account page, or by itself after twelve hours.
#[tokio::test]
async fn a19_when_the_actors_own_session_is_over_nothing_is_left_that_acts() {
    let own = "impersonation_id IS NULL AND user_id = 'usr_sam'";
    let ended = format!("UPDATE sessions SET ended_at = clock_now() WHERE {own}");
    let expired = format!("UPDATE sessions SET expires_at = clock_now() WHERE {own}");
    for change in [ended, expired] {
        each(async |server| {
            let sam = server.sam_as_alice("portal").await;
            let before = server.sign_on(&sam, "portal", Demand::Nothing).await;
            assert!(server.told("portal", &before).await.actor.is_some());
            server.db.sql(&change).await;
            let after = server.sign_on(&sam, "portal", Demand::Nothing).await;
            assert!(!server.by.is_answer(&after), "{change}: {}", after.body);
            assert_eq!(server.db.text(STATUS).await, "ended:logout", "{change}");
            let page = sam.open("/me/impersonation").await;
            assert!(!page.body.contains("Alice"), "{change}: {}", page.body);
        })
        .await;
    }
}

#[tokio::test]
async fn a_person_ends_what_is_theirs_and_an_administrator_ends_everything() {
    each(async |server| {
        server.act_directly().await;
        server.act_directly().await;
        let browser = server.browser();
        let token = server.global_token().await;
        let end_all = |body: serde_json::Value| {
            browser.send(
                browser
                    .request(Method::POST, "/api/impersonations/end-all")
                    .bearer_auth(&token)
                    .json(&body),
            )
        };
        assert_eq!(end_all(serde_json::json!({})).await.status, 400);
        assert_eq!(end_all(serde_json::json!({"user_id": "usr_carol"})).await.json()["ended"], 0);
        assert_eq!(end_all(serde_json::json!({"user_id": "usr_alice"})).await.json()["ended"], 2);
        assert_eq!(server.db.text(STATUS).await, "ended:stopped_by_admin ended:stopped_by_admin");
    })
    .await;
}

#[tokio::test]
async fn impersonations_are_listed_newest_first_page_by_page() {
    each(async |server| {
        for _ in 0..3 {
            server.act_directly().await;
        }
        let browser = server.browser();
        let token = server.global_token().await;
        let list = |query: String| {
            browser.send(
                browser
                    .request(Method::GET, &format!("/api/impersonations?{query}"))
                    .bearer_auth(&token),
            )
        };
        let first = list("limit=2&subject=usr_alice".into()).await.json();
        assert_eq!(first["entries"].as_array().unwrap().len(), 2);
        let next = first["next"].as_str().unwrap();
        let second = list(format!("limit=2&before={next}")).await.json();
        assert_eq!(second["entries"].as_array().unwrap().len(), 1);
        assert_eq!(second["entries"][0]["status"], "active");
        assert_eq!(list("limit=0".into()).await.status, 400);
        assert_eq!(list("status=lost".into()).await.status, 400);
        assert_eq!(list("nonsense=1".into()).await.status, 400);
    })
    .await;
}
