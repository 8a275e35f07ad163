//! An application signs its user out; without proof the user is asked.
use super::forge::Forge;
use super::*;
use serde_json::json;

const AFTER: &str = "http://127.0.0.1:9/";

fn path(pairs: &Pairs<'_>) -> String {
    format!("/oidc/logout?{}", encode(pairs))
}

async fn is_signed_in(browser: &Browser) -> bool {
    let quiet = browser.get(&authorize(&[("prompt", "none")])).await;
    quiet.location_param("code").is_some()
}

/// Where a browser ends up on our own pages.
async fn follow(browser: &Browser, mut answer: Page) -> Page {
    for _ in 0..3 {
        let Some(to) = answer.header("location").map(str::to_owned) else { return answer };
        assert!(to.starts_with('/') && !to.starts_with("//"), "{to}");
        answer = browser.open(&to).await;
    }
    answer
}

/// The question whether to sign out, answered with yes.
async fn says_yes(browser: &Browser, page: &Page) -> Page {
    let fields = hidden_fields(page, "/logout");
    let form: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = browser.post_form("/logout", &form).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    follow(browser, answer).await
}

#[tokio::test]
async fn c57_with_proof_the_user_is_signed_out_and_sent_back() {
    let server = TestServer::start().await;
    for state in [None, Some("a b&c=%/ü")] {
        let alice = server.alice().await;
        let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
        let mut pairs = vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
        pairs.extend(state.map(|state| ("state", state)));
        let answer = alice.open(&path(&pairs)).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        assert!(answer.location().starts_with(AFTER), "{}", answer.location());
        assert_eq!(answer.location_param("state").as_deref(), state);
        assert_eq!(answer.location().contains("state"), state.is_some());
        assert!(!is_signed_in(&alice).await);
        assert_eq!(alice.open("/account").await.status, 302);
    }
}

#[tokio::test]
async fn a_sign_out_may_be_posted_and_ends_what_the_application_got() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let tokens = server.tokens_for(&alice, "openid offline_access").await;
    let form = [
        ("id_token_hint", text(&tokens, "id_token")),
        ("client_id", "orders"),
        ("post_logout_redirect_uri", AFTER),
    ];
    let answer = alice.post_form("/oidc/logout", &form).await;
    assert_eq!((answer.status, answer.location()), (303, AFTER));
    assert!(!is_signed_in(&alice).await);
    assert_eq!(server.userinfo(text(&tokens, "access_token")).await.status, 401);
}

#[tokio::test]
async fn c55_without_proof_the_user_is_asked_and_stays_with_us() {
    let server = TestServer::start().await;
    for pairs in [
        &[][..],
        &[("post_logout_redirect_uri", AFTER)],
        &[("state", "s")],
        &[("post_logout_redirect_uri", AFTER), ("state", "s")],
        &[("client_id", "orders")],
        &[("id_token_hint", "")],
        &[("id_token_hint", "x"), ("post_logout_redirect_uri", AFTER)],
    ] {
        let alice = server.alice().await;
        let first = alice.open(&path(pairs)).await;
        let question = follow(&alice, first).await;
        assert_eq!(question.status, 200, "{}", question.body);
        assert!(is_signed_in(&alice).await, "{pairs:?}: nothing ends silently");
        let done = says_yes(&alice, &question).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert!(done.body.contains("signed out"), "{}", done.body);
        assert!(!is_signed_in(&alice).await, "{pairs:?}");
    }
}

#[tokio::test]
async fn c55_a_page_of_somebody_else_signs_nobody_out() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let csrf = alice.open("/logout").await.field("csrf").unwrap();
    let elsewhere = server.alice().await.open("/logout").await.field("csrf").unwrap();
    for csrf in ["", "x", "x.y", elsewhere.as_str()] {
        assert_eq!(alice.post_form("/logout", &[("csrf", csrf)]).await.status, 403);
    }
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")] {
        let request = alice.request(reqwest::Method::POST, "/logout").header(name, value);
        assert_eq!(alice.send(request.form(&[("csrf", &csrf)])).await.status, 403);
    }
    assert!(is_signed_in(&alice).await);
}

#[tokio::test]
async fn c56_nobody_is_sent_to_a_place_that_is_not_registered() {
    let server = TestServer::start().await;
    for other in [
        "https://evil.test/",
        "http://127.0.0.1:9",
        "http://127.0.0.1:9/?x=1",
        "http://127.0.0.1:9/#x",
        "http://127.0.0.1:9//",
        "http://127.0.0.1:9/x",
        "http://127.0.0.1:9/../",
        "http://127.0.0.1:10/",
        "http://127.0.0.1:9@evil.test/",
        "http://localhost:9/",
        "HTTP://127.0.0.1:9/",
        "https://127.0.0.1:9/",
        "javascript:alert(1)",
        "//evil.test/",
        "http://127.0.0.1:9/callback",
        "http://127.0.0.1:9/spa",
    ] {
        let alice = server.alice().await;
        let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
        let pairs =
            [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", other), ("state", "s")];
        let answer = alice.open(&path(&pairs)).await;
        let page = follow(&alice, answer).await;
        assert!(matches!(page.status, 200 | 400), "{other}: {}", page.status);
        assert!(!is_signed_in(&alice).await || page.field("csrf").is_some(), "{other}");
    }
}

#[tokio::test]
async fn c51_a_forged_hint_is_no_proof_and_an_old_one_is() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let good = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
    let none = forge::encode(r#"{"alg":"none"}"#);
    let unsigned = format!("{none}.{}.", good.split('.').nth(1).unwrap());
    let (ours, other) = (Forge::of(&server).await, Forge::new("x"));
    let about = json!({"iss": server.url, "aud": "orders", "sub": "usr_alice"});
    let foreign = other.typed("JWT", &about);
    let logout = ours.typed("logout+jwt", &about);
    let elsewhere =
        ours.typed("JWT", &json!({"iss": "https://x.test", "aud": "orders", "sub": "usr_alice"}));
    for hint in [unsigned.as_str(), &foreign, &logout, &elsewhere, &good[..good.len() - 2]] {
        let pairs = [("id_token_hint", hint), ("post_logout_redirect_uri", AFTER)];
        let answer = alice.open(&path(&pairs)).await;
        follow(&alice, answer).await;
        assert!(is_signed_in(&alice).await);
    }
    let mismatch = [("id_token_hint", good.as_str()), ("client_id", "invoices")];
    alice.open(&path(&mismatch)).await;
    assert!(is_signed_in(&alice).await);
    server.db.advance("90 minutes").await;
    assert!(is_signed_in(&alice).await);
    let pairs = [("id_token_hint", good.as_str()), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(alice.open(&path(&pairs)).await.location(), AFTER);
    assert!(!is_signed_in(&alice).await);
}

#[tokio::test]
async fn a_hint_about_somebody_else_leaves_this_browser_alone() {
    let server = TestServer::start().await;
    let (alice, sam) = (server.alice().await, server.sam().await);
    let hint = text(&server.tokens_for(&alice, "openid").await, "id_token").to_owned();
    sam.open(&path(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER)])).await;
    assert!(is_signed_in(&sam).await);
}

#[tokio::test]
async fn the_other_logout_asks_and_goes_back_to_a_registered_place() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for pairs in [
        &[("client_id", "orders"), ("returnTo", "https://evil.test/")][..],
        &[("returnTo", AFTER)],
        &[("client_id", "unknown"), ("returnTo", AFTER)],
        &[("client_id", "spa"), ("returnTo", AFTER)],
    ] {
        stays_here(&alice.open(&format!("/v2/logout?{}", encode(pairs))).await);
        assert!(is_signed_in(&alice).await);
    }
    let pairs = [("client_id", "orders"), ("returnTo", AFTER)];
    let page = alice.open(&format!("/v2/logout?{}", encode(&pairs))).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(is_signed_in(&alice).await);
    let fields = hidden_fields(&page, "/v2/logout");
    let form: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = alice.post_form("/v2/logout", &form).await;
    assert_eq!((answer.status, answer.location()), (303, AFTER));
    assert!(!is_signed_in(&alice).await);
}
