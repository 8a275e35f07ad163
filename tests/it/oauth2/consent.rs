//! Somebody else's application asks the user first.
use super::*;
use reqwest::Method;

const STRANGER: &str = "http://127.0.0.1:9/stranger";

fn path(more: &Pairs<'_>) -> String {
    let mut all = vec![("client_id", "stranger"), ("redirect_uri", STRANGER)];
    all.extend(more);
    authorize(&all)
}

/// The consent page that a request leads to.
async fn asked_for(browser: &Browser, path: &str) -> Page {
    let answer = browser.open(path).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(answer.location().starts_with("/consent?"), "{}", answer.location());
    let page = browser.open(answer.location()).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

/// Goes through the consent page; the answer that the application gets.
pub(super) async fn decide(browser: &Browser, path: &str, decision: &str) -> Page {
    let page = asked_for(browser, path).await;
    let fields = hidden_fields(&page, "/consent");
    let mut form: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    form.push(("decision", decision));
    let back = browser.post_form("/consent", &form).await;
    assert_eq!(back.status, 303, "{}", back.body);
    browser.open(back.location()).await
}

#[tokio::test]
async fn a_yes_is_remembered_and_a_no_is_told() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let no = decide(&alice, &path(&[]), "deny").await;
    hears(&no, "access_denied");
    assert_eq!(no.location_param("state").as_deref(), Some("st"));
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
    let yes = decide(&alice, &path(&[]), "allow").await;
    assert!(yes.location_param("code").is_some(), "{}", yes.location());
    let again = alice.open(&path(&[])).await;
    assert!(again.location_param("code").is_some(), "{}", again.location());
}

#[tokio::test]
async fn our_own_applications_do_not_ask() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    alice.code(&[("scope", "openid profile email orders:read")]).await;
    let asked = alice.open(&authorize(&[("prompt", "consent")])).await;
    assert!(asked.location().starts_with("/consent?"), "{}", asked.location());
}

#[tokio::test]
async fn c63_a_forged_consent_is_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let page = asked_for(&alice, &path(&[])).await;
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let fields = hidden_fields(&page, "/consent");
    let (csrf, back) = (page.field("csrf").unwrap(), page.field("return_to").unwrap());
    let good = [("csrf", csrf.as_str()), ("return_to", back.as_str()), ("decision", "allow")];
    assert_eq!(fields.len(), 2);
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")] {
        let request = alice.request(Method::POST, "/consent").header(name, value).form(&good);
        assert_eq!(alice.send(request).await.status, 403, "{name}: {value}");
    }
    for csrf in ["", "x", "x.y"] {
        let form = [("csrf", csrf), ("return_to", back.as_str()), ("decision", "allow")];
        assert_eq!(alice.post_form("/consent", &form).await.status, 403);
    }
    assert_eq!(alice.post_form("/consent", &good[1..]).await.status, 403);
    // The token of another browser of the same user, and of another page.
    let elsewhere = asked_for(&server.alice().await, &path(&[])).await.field("csrf").unwrap();
    let sign_out = alice.open("/logout").await.field("csrf").unwrap();
    for csrf in [elsewhere, sign_out] {
        let form = [("csrf", csrf.as_str()), ("return_to", back.as_str()), ("decision", "allow")];
        assert_eq!(alice.post_form("/consent", &form).await.status, 403);
    }
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
    assert_eq!(alice.post_form("/consent", &good).await.status, 303);
}

#[tokio::test]
async fn c63_two_tabs_never_answer_for_each_other() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let small = asked_for(&alice, &path(&[("state", "one")])).await;
    let large =
        asked_for(&alice, &path(&[("state", "two"), ("scope", "openid email orders:read")])).await;
    let mixed = [
        ("csrf", small.field("csrf").unwrap()),
        ("return_to", large.field("return_to").unwrap()),
        ("decision", "allow".to_owned()),
    ];
    let form: Vec<_> = mixed.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(alice.post_form("/consent", &form).await.status, 403);
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
}

#[tokio::test]
async fn c64_more_than_was_allowed_is_asked_for_again() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    decide(&alice, &path(&[]), "allow").await;
    let wider = path(&[("scope", "openid email orders:read offline_access")]);
    let page = asked_for(&alice, &wider).await;
    for shown in ["Third Party", "alice@acme.test", "orders:read", "offline_access", "email"] {
        assert!(page.body.contains(shown), "{shown} is not on the page");
    }
    assert!(!page.body.contains(">unknown<"));
    let quiet = alice.get(&path(&[("scope", "openid email"), ("prompt", "none")])).await;
    hears(&quiet, "consent_required");
    decide(&alice, &wider, "allow").await;
    assert!(alice.get(&path(&[("scope", "openid email")])).await.location_param("code").is_some());
    // What was withdrawn is asked for again.
    server.db.sql("DELETE FROM consents").await;
    asked_for(&alice, &path(&[])).await;
}

#[tokio::test]
async fn a_consent_is_one_users_and_one_applications() {
    let server = TestServer::start().await;
    decide(&server.alice().await, &path(&[]), "allow").await;
    let carol = server.browser();
    carol.sign_in("carol@globex.test", "carol-password").await;
    asked_for(&carol, &path(&[])).await;
}

#[tokio::test]
async fn a_decision_that_is_none_and_a_request_that_is_none_are_refused() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let page = asked_for(&alice, &path(&[])).await;
    let (csrf, back) = (page.field("csrf").unwrap(), page.field("return_to").unwrap());
    for decision in ["", "maybe", "ALLOW"] {
        let form = [("csrf", csrf.as_str()), ("return_to", back.as_str()), ("decision", decision)];
        assert_eq!(alice.post_form("/consent", &form).await.status, 400);
    }
    for other in ["/consent", "/consent?return_to=/account", "/consent?return_to=https://evil.test"]
    {
        let answer = alice.open(other).await;
        assert_eq!(answer.status, 400, "{other}");
    }
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0);
}
