//! A backup is put back.
use crate::box_::APP;
use crate::support::node::run;
use crate::support::{Browser, TestServer};
use reqwest::cookie::CookieStore as _;

/// A JWT that an application holds for itself has a row only once it is revoked, and the backup is older than that.
#[tokio::test]
async fn m03_after_a_backup_was_put_back_a_revoked_token_of_an_application_stays_dead() {
    let server = TestServer::start().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("audience", "https://jobs.test/api"),
    ];
    let token = async |server: &TestServer| {
        let answer = server.browser().post_form("/oauth/token", &form).await.json();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let ask = async |server: &TestServer, path: &str, token: &str| {
        let form =
            [("client_id", "machine"), ("client_secret", "machine-secret"), ("token", token)];
        server.browser().post_form(path, &form).await
    };
    // In the backup nothing says that it is revoked.
    let revoked = token(&server).await;
    assert_eq!(ask(&server, "/oauth/introspect", &revoked).await.json()["active"], true);
    let said = run(&server.db.url, &["restored"]);
    assert!(said.success, "{said:?}");
    assert_eq!(ask(&server, "/oauth/introspect", &revoked).await.json()["active"], false);
    let new = token(&server).await;
    assert_eq!(ask(&server, "/oauth/introspect", &new).await.json()["active"], true);
}

#[tokio::test]
async fn i17_after_a_backup_was_put_back_nothing_that_was_handed_out_is_good() {
    let server = TestServer::start().await;
    let url = server.url.parse().unwrap();
    let (alice, jar) = Browser::with_jar(&server.url);
    assert_eq!(alice.sign_in("alice@acme.test", "alice-password").await.status, 303);
    let cookie = jar.cookies(&url).unwrap().to_str().unwrap().to_owned();
    let code =
        async || alice.get(crate::faults::load::AUTHORIZE).await.location_param("code").unwrap();
    let back = "http://127.0.0.1:9/callback";
    let own = server.exchange("orders", &code().await, back).await.json();
    let (code, link) = (code().await, server.link("legacy").await);
    let acting = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
    let app_token = APP.enterprise_token(&server).await;
    let jwks = server.browser().get("/.well-known/jwks.json").await.body;

    // The backup; what happens after it is lost: here, that Alice signs out and all of this is over.
    let backup = server.db.copy().await;
    let said = run(&backup.url, &["restored"]);
    assert!(said.success && said.out.contains("ended: 1 sessions, 2 impersonations"), "{said:?}");
    let again = run(&backup.url, &["restored"]);
    assert!(again.out.contains("ended: 0 sessions, 0 impersonations"), "{again:?}");

    let restored = TestServer::start_on(backup, &[]).await;
    let path = link.strip_prefix(&server.url).unwrap_or(&link);
    let browser = restored.browser();
    assert_eq!(browser.get(path).await.status, 403, "the link");
    assert_eq!(restored.exchange("orders", &code, back).await.json()["error"], "invalid_grant");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", own["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(browser.post_form("/oauth/token", &refresh).await.json()["error"], "invalid_grant");
    for token in [own["access_token"].as_str().unwrap(), &acting, &app_token] {
        assert_eq!(restored.userinfo(token).await.status, 401);
        assert_eq!(restored.introspect(token).await.json()["active"], false);
    }
    let bare = Browser::bare(&restored.url);
    let page = bare.request(reqwest::Method::GET, "/account").header("cookie", &cookie);
    assert!(bare.send(page).await.location().starts_with("/login"));
    let kinds = "SELECT string_agg(DISTINCT type, ' ' ORDER BY type) FROM audit_events WHERE type IN \
        ('backup.restored', 'impersonation.ended')";
    assert_eq!(restored.db.text(kinds).await, "backup.restored impersonation.ended");

    // People, applications and keys are as they were.
    assert_eq!(browser.get("/.well-known/jwks.json").await.body, jwks);
    assert_eq!(browser.sign_in("alice@acme.test", "alice-password").await.status, 303);
    assert_eq!(APP.ask(&restored, "enterprise", "org_acme").await.status, 200);
    assert!(restored.impersonated_tokens().await["access_token"].is_string());
}
