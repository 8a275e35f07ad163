//! While a browser acts as somebody: what it is told, and how it stops.
use crate::support::{Page, TestServer};
use reqwest::Method;

const ACTIVE: &str = "SELECT count(*) FROM impersonations WHERE status = 'active'";

async fn stop(browser: &crate::support::Browser, on: &Page) -> Page {
    let form = on.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    browser.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await
}

#[tokio::test]
async fn h21_a41_every_page_names_both_and_stops_it() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    for path in ["/account", "/login", "/logout", "/login?return_to=%2Fconsent"] {
        let page = sam.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        let bar =
            page.body.split("class=\"bar\"").nth(1).unwrap().split("</aside>").next().unwrap();
        for words in ["Sam Support", "Alice Chen", "Portal", "29 min left"] {
            assert!(bar.contains(words), "{path}: no {words} in {bar}");
        }
        assert!(page.form("/impersonation/stop").field("csrf").is_some(), "{path}");
    }
}

#[tokio::test]
async fn stopping_says_who_is_back_and_the_old_cookie_is_dead() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let stopped = stop(&sam, &sam.open("/account").await).await;
    assert_eq!(stopped.status, 303);
    assert_eq!(stopped.header("clear-site-data"), Some("\"cache\""));
    assert!(stopped.header("set-cookie").unwrap().starts_with("understudy_as_"));
    let page = sam.open(stopped.location()).await;
    for words in ["Impersonation ended", "Alice Chen", "Portal", "You are back as", "Sam Support"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert_eq!(server.db.count(ACTIVE).await, 0);
    let changed = stopped.location().replace("id=imp_", "id=imp_0");
    assert_eq!(sam.open(&changed).await.location(), "/account", "only by its seal");
}

#[tokio::test]
async fn a47_stop_works_when_the_session_of_the_actor_is_gone() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let page = sam.open("/me/impersonation").await;
    server.db.sql("UPDATE sessions SET ended_at = clock_now() WHERE NOT impersonated").await;
    let stopped = stop(&sam, &page).await;
    assert_eq!(stopped.status, 303, "{}", stopped.body);
    let page = sam.open(stopped.location()).await;
    assert!(page.body.contains("Sign in again") && page.body.contains("href=\"/login\""));
    assert_eq!(server.db.count(ACTIVE).await, 0);
}

#[tokio::test]
async fn a12_the_stop_form_says_nothing_about_who_comes_back() {
    let server = TestServer::start().await;
    let plain = server.sam().await;
    let form = [("csrf", "x"), ("id", "admin"), ("user_id", "usr_ada")];
    assert_eq!(plain.post_form("/impersonation/stop?id=admin", &form).await.status, 409);
    let sam = server.sam_as_alice("portal").await;
    assert_eq!(sam.post_form("/impersonation/stop?id=admin", &form[..2]).await.status, 409);
    let own = sam.open("/me/impersonation").await.form("/impersonation/stop");
    let (csrf, id) = (own.field("csrf").unwrap(), own.field("id").unwrap());
    for forged in
        [&[("id", id.as_str())][..], &[("id", &id), ("csrf", "")], &[("id", &id), ("csrf", "a.b")]]
    {
        assert_eq!(sam.post_form("/impersonation/stop", forged).await.status, 403);
    }
    assert_eq!(server.db.count(ACTIVE).await, 1);
    let request = sam.request(Method::POST, "/impersonation/stop?user_id=usr_ada");
    let stopped = sam.send(request.form(&[("csrf", &csrf), ("id", &id)])).await;
    assert_eq!(stopped.status, 303);
    assert!(sam.open("/account").await.body.contains("Sam Support"));
}

#[tokio::test]
async fn h01_the_stop_token_of_another_session_is_refused() {
    let server = TestServer::start().await;
    let (sam, other) = (server.sam_as_alice("portal").await, server.sam_as_alice("orders").await);
    let theirs = other.open("/me/impersonation").await.field("csrf").unwrap();
    let id = sam.open("/me/impersonation").await.field("id").unwrap();
    let form = [("csrf", theirs.as_str()), ("id", id.as_str())];
    assert_eq!(sam.post_form("/impersonation/stop", &form).await.status, 403);
    assert_eq!(server.db.count(ACTIVE).await, 2);
}

#[tokio::test]
async fn a_program_reads_what_runs_and_ends_it() {
    let server = TestServer::start().await;
    let nobody = server.sam().await.get("/me/impersonation").await;
    assert_eq!(nobody.json(), serde_json::json!({"impersonated": false, "impersonations": []}));
    let sam = server.sam_as_alice("portal").await;
    let told = sam.get("/me/impersonation").await.json();
    let one = &told["impersonations"][0];
    assert_eq!(told["impersonated"], true);
    assert_eq!(one["subject"]["user_id"], "usr_alice");
    assert_eq!(
        one["impersonator"],
        serde_json::json!({"user_id": "usr_sam", "email": "sam@understudy.test"})
    );
    assert_eq!((&one["client_id"], &one["mode"]), (&"portal".into(), &"full".into()));
    assert!((1700..=1800).contains(&one["seconds_left"].as_i64().unwrap()), "{one}");
    let blind = sam.send(sam.request(Method::DELETE, "/me/impersonation")).await;
    assert_eq!(blind.status, 403, "a cookie alone is no proof");
    let request =
        || sam.request(Method::DELETE, "/me/impersonation").header("x-requested-with", "fetch");
    let strange = sam.send(
        sam.request(Method::DELETE, "/me/impersonation?id=imp_x")
            .header("x-requested-with", "fetch"),
    );
    assert_eq!(strange.await.status, 409);
    assert_eq!(sam.send(request()).await.status, 204);
    assert_eq!(server.db.count(ACTIVE).await, 0);
}

#[tokio::test]
async fn the_application_ends_it_with_the_token_of_the_impersonation() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let browser = server.browser();
    let ask = |method: Method, token: &str| {
        browser.send(browser.request(method, "/me/impersonation").bearer_auth(token))
    };
    let access = tokens["access_token"].as_str().unwrap();
    let told = ask(Method::GET, access).await.json();
    assert_eq!(told["impersonations"][0]["impersonator"]["user_id"], "usr_sam");
    assert_eq!(ask(Method::DELETE, "wrong").await.status, 401);
    assert_eq!(ask(Method::DELETE, &server.global_token().await).await.status, 409);
    assert_eq!(ask(Method::DELETE, access).await.status, 204);
    assert_eq!(ask(Method::DELETE, access).await.status, 401, "its token is dead with it");
    assert_eq!(server.db.count(ACTIVE).await, 0);
}

#[tokio::test]
async fn a39_a45_the_subject_sees_who_acted_as_them_and_is_not_acting_themselves() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let alice = server.browser();
    alice.sign_in("alice@acme.test", "alice-password").await;
    let account = alice.open("/account").await;
    assert!(account.body.contains("Sam Support") && account.body.contains("Running now"));
    assert!(!account.body.contains("/impersonation/stop"), "she is herself");
    stop(&sam, &sam.open("/account").await).await;
    let account = alice.open("/account").await;
    assert!(account.body.contains("Sam Support") && !account.body.contains("Running now"));
    // A link that nobody opened was no access.
    server.link("orders").await;
    assert!(!alice.open("/account").await.body.contains("Northwind Orders"));
}

#[tokio::test]
async fn a_browser_that_only_acts_sees_nobodys_account() {
    let server = TestServer::start().await;
    let browser = server.browser();
    assert_eq!(browser.get(&server.link("legacy").await).await.status, 302);
    assert_eq!(browser.open("/account").await.location(), "/me/impersonation");
    let page = browser.open("/me/impersonation").await;
    assert!(page.body.contains("Alice Chen") && page.body.contains("Legacy CRM"));
    assert_eq!(browser.open("/logout").await.location(), "/me/impersonation");
    assert_eq!(stop(&browser, &page).await.status, 303);
}

/// Both identities stand by themselves on the page of the decision, whatever is in their names.
#[tokio::test]
async fn h32_a_name_that_turns_its_surroundings_round_stays_within_itself() {
    let server = TestServer::start().await;
    let evil = format!("\u{202e}{} \u{2067}nimdA adA", "Very long ".repeat(40));
    server
        .db
        .sql(&format!("UPDATE users SET name = $e${evil}$e$ WHERE id IN ('usr_alice', 'usr_sam')"))
        .await;
    let sam = server.browser();
    sam.sign_in("sam@understudy.test", "sam-password").await;
    let link = server.link("portal").await;
    let confirm = sam.open(&link).await;
    let main = confirm.body.split("<main").nth(1).unwrap();
    let named = main.matches(&evil).count();
    assert!(named >= 2, "{main}");
    for before in main.split(&evil).take(named) {
        let tag = before.rsplit('<').next().unwrap();
        assert!(tag.starts_with("bdi") && tag.ends_with('>'), "{tag}");
    }
    assert!(main.contains("alice@acme.test"), "what cannot be made up stands beside it: {main}");
}
