//! When the login page is shown, and when it must not be.
use super::forge::Forge;
use super::*;
use crate::support::words::claims;
use serde_json::json;

async fn auth_time(server: &TestServer, code: &str) -> i64 {
    let tokens = server.redeem(code).await.json();
    claims(text(&tokens, "id_token"))["auth_time"].as_i64().unwrap()
}

/// Follows a request to the login page, signs in, and comes back with a code.
async fn sign_in_again(browser: &Browser, path: &str) -> String {
    let asked = browser.open(path).await;
    assert!(asked.location().starts_with("/login?"), "{}", asked.location());
    let login = browser.open(asked.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let answer = browser.open(back.location()).await;
    answer.location_param("code").unwrap_or_else(|| panic!("{}", answer.location()))
}

#[tokio::test]
async fn c49_prompt_none_shows_nothing_to_anybody() {
    let server = TestServer::start().await;
    let none = ("prompt", "none");
    hears(&server.browser().get(&authorize(&[none])).await, "login_required");
    let alice = server.alice().await;
    alice.code(&[none]).await;
    let stranger =
        [none, ("client_id", "stranger"), ("redirect_uri", "http://127.0.0.1:9/stranger")];
    hears(&alice.get(&authorize(&stranger)).await, "consent_required");
    for mixed in ["none login", "login none", "none consent", "none select_account"] {
        hears(&alice.get(&authorize(&[("prompt", mixed)])).await, "invalid_request");
        hears(&server.browser().get(&authorize(&[("prompt", mixed)])).await, "invalid_request");
    }
    hears(&alice.get(&authorize(&[("prompt", "sometimes")])).await, "invalid_request");
    let sam = server.sam().await;
    let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
    hears(&sam.get(&authorize(&[none, ("id_token_hint", &hint)])).await, "login_required");
    alice.code(&[none, ("id_token_hint", &hint)]).await;
    server.db.advance("13 hours").await;
    hears(&alice.get(&authorize(&[none])).await, "login_required");
}

#[tokio::test]
async fn c50_prompt_login_asks_for_the_password_again() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let first = auth_time(&server, &alice.code(&[]).await).await;
    server.db.advance("1 minute").await;
    assert_eq!(auth_time(&server, &alice.code(&[]).await).await, first);
    let path = authorize(&[("prompt", "login")]);
    let code = sign_in_again(&alice, &path).await;
    assert!(auth_time(&server, &code).await > first);
    // And every time anew.
    let again = alice.open(&path).await;
    assert!(again.location().starts_with("/login?"), "{}", again.location());
}

#[tokio::test]
async fn c50_whoever_goes_back_without_signing_in_gets_no_code() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for more in [("prompt", "login"), ("max_age", "0"), ("prompt", "select_account")] {
        let asked = alice.open(&authorize(&[more])).await;
        let login = alice.open(asked.location()).await;
        let back = login.field("return_to").unwrap();
        let answer = alice.open(&back).await;
        assert!(answer.location().starts_with("/login?"), "{more:?}: {}", answer.location());
        server.db.advance("10 seconds").await;
    }
}

#[tokio::test]
async fn c50_max_age_is_counted_from_the_sign_in() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let first = auth_time(&server, &alice.code(&[]).await).await;
    server.db.advance("2 seconds").await;
    let same = auth_time(&server, &alice.code(&[("max_age", "10000")]).await).await;
    assert_eq!(same, first);
    let code = sign_in_again(&alice, &authorize(&[("max_age", "1")])).await;
    assert!(auth_time(&server, &code).await > first);
    hears(&alice.get(&authorize(&[("max_age", "0"), ("prompt", "none")])).await, "login_required");
    for bad in ["-1", "x", "1.5", "1e3", "99999999999999999999", " 1", "+1"] {
        hears(&alice.get(&authorize(&[("max_age", bad)])).await, "invalid_request");
    }
}

#[tokio::test]
async fn c51_a_hint_names_the_user_that_is_wanted() {
    let server = TestServer::start().await;
    let (alice, sam) = (server.alice().await, server.sam().await);
    let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
    alice.code(&[("id_token_hint", &hint)]).await;
    hears(&sam.get(&authorize(&[("id_token_hint", &hint)])).await, "login_required");
    server.db.advance("2 hours").await;
    let alice = server.alice().await;
    alice.code(&[("id_token_hint", &hint)]).await;
}

#[tokio::test]
async fn c51_a_forged_hint_leads_nowhere() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, "openid").await;
    let good = text(&tokens, "id_token");
    let mut parts: Vec<&str> = good.split('.').collect();
    let none = forge::encode(r#"{"alg":"none"}"#);
    let unsigned = format!("{none}.{}.", parts[1]);
    let other = forge::encode(json!({"sub": "usr_sam"}).to_string());
    parts[1] = &other;
    let changed = parts.join(".");
    let stolen_key = Forge::of(&server).await;
    let about = |aud: &str| json!({"iss": server.url, "aud": aud, "sub": "usr_alice"});
    let foreign = Forge::new(&stolen_key.kid).typed("JWT", &about("orders"));
    let for_another = stolen_key.typed("JWT", &about("invoices"));
    let access = stolen_key.typed("at+jwt", &about("orders"));
    for hint in
        [unsigned.as_str(), &changed, &foreign, &for_another, &access, "x", "a.b.c", "a.b.c.d.e"]
    {
        stays_here(&alice.open(&authorize(&[("id_token_hint", hint)])).await);
    }
}

#[tokio::test]
async fn an_application_of_one_organization_is_not_for_another() {
    let server = TestServer::start().await;
    let path =
        authorize(&[("client_id", "globex-shop"), ("redirect_uri", "http://127.0.0.1:9/globex")]);
    hears(&server.alice().await.get(&path).await, "access_denied");
    let carol = server.browser();
    carol.sign_in("carol@globex.test", "carol-password").await;
    assert!(carol.get(&path).await.location_param("code").is_some());
}
