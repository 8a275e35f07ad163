//! K-27: what was checked once is good for an hour, in its browser, for the application as it was, and once.
use super::*;
use crate::support::protocols::{Demand, Spoken};

async fn posted(server: &TestServer, browser: &Browser) -> Page {
    let asked = Spoken::Samlp.asks(server, "orders", Demand::Nothing).await;
    let deflated = asked.split("SAMLRequest=").nth(1).unwrap();
    let message: String = url::form_urlencoded::parse(format!("m={deflated}").as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect();
    let form = [("SAMLRequest", message.as_str()), ("RelayState", "strangers")];
    browser.post_form("/samlp/orders-saml", &form).await
}

#[track_caller]
fn is_refused(page: &Page) {
    assert_eq!(page.status, 400, "{} {}", page.status, page.body);
    assert!(!page.body.contains("strangers") && page.field("SAMLResponse").is_none());
}

#[tokio::test]
async fn k27_a_request_is_answered_in_the_browser_that_made_it_and_once() {
    let server = TestServer::start().await;
    let stranger = server.browser();
    let bounced = posted(&server, &stranger).await;
    assert_eq!(bounced.status, 303, "{}", bounced.body);
    let url = bounced.location().to_owned();
    for _ in 0..2 {
        is_refused(&server.alice().await.open(&url).await);
        is_refused(&Browser::bare(&server.url).open(&url).await);
    }
    // Its own browser goes on, and where it goes on to is its own too.
    let login = stranger.open(&url).await;
    let page = stranger.open(login.location()).await;
    let back = page.field("return_to").unwrap();
    is_refused(&server.alice().await.open(&back).await);
    let entered = stranger.sign_in_on(&page, "alice@acme.test", "alice-password").await;
    assert_eq!(entered.location(), back);
    let answered = stranger.open(&back).await;
    assert_eq!(answered.field("RelayState").as_deref(), Some("strangers"), "{}", answered.body);
    is_refused(&stranger.open(&back).await);
}

#[tokio::test]
async fn k27_two_tabs_do_not_take_each_others_request() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let first = posted(&server, &browser).await.location().to_owned();
    let second = posted(&server, &browser).await.location().to_owned();
    let login = browser.open(browser.open(&first).await.location()).await;
    let other = browser.open(browser.open(&second).await.location()).await;
    let back = browser.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    assert!(browser.open(back.location()).await.field("SAMLResponse").is_some());
    let back = browser.sign_in_on(&other, "alice@acme.test", "alice-password").await;
    assert!(browser.open(back.location()).await.field("SAMLResponse").is_some());
}

#[tokio::test]
async fn k27_an_old_request_is_made_again() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let url = posted(&server, &browser).await.location().to_owned();
    let page = browser.open(browser.open(&url).await.location()).await;
    server.db.advance("61 minutes").await;
    let back = browser.sign_in_on(&page, "alice@acme.test", "alice-password").await;
    is_refused(&browser.open(back.location()).await);
}

#[tokio::test]
async fn k27_the_same_for_ws_federation() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let away = browser
        .open("/wsfed/orders-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Aorders-wsfed&wctx=strangers")
        .await;
    let page = browser.open(away.location()).await;
    let back = page.field("return_to").unwrap();
    assert!(back.starts_with("/continue?"), "{back}");
    is_refused(&server.alice().await.open(&back).await);
    browser.sign_in_on(&page, "alice@acme.test", "alice-password").await;
    assert!(browser.open(&back).await.field("wresult").is_some());
    is_refused(&browser.open(&back).await);
}

#[tokio::test]
async fn k27_a_url_that_was_kept_does_not_stand_for_a_fresh_sign_in() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let asked =
        format!("{}&prompt=login", Spoken::Oauth2.asks(&server, "orders", Demand::Nothing).await);
    let login = alice.open(alice.open(&asked).await.location()).await;
    let kept = login.field("return_to").unwrap();
    assert!(kept.contains("understudy_auth_after="), "{kept}");
    alice.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    assert!(alice.open(&kept).await.location_param("code").is_some());
    server.db.advance("61 minutes").await;
    assert!(alice.open(&kept).await.location().starts_with("/login"));
}

#[tokio::test]
async fn k27_the_page_after_a_stop_is_shown_for_an_hour() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    let form = sam.open("/me/impersonation").await.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    let fields = [("csrf", csrf.as_str()), ("id", id.as_str())];
    let to = sam.post_form("/impersonation/stop", &fields).await.location().to_owned();
    assert_eq!(sam.open(&to).await.status, 200);
    server.db.advance("61 minutes").await;
    assert_eq!(sam.open(&to).await.location(), "/account");
    let at = to.split("at=").nth(1).unwrap().split('&').next().unwrap();
    let younger = (at.parse::<i64>().unwrap() + 3_000_000).to_string();
    assert_eq!(sam.open(&to.replace(at, &younger)).await.location(), "/account");
}

#[tokio::test]
async fn k27_signed_requests_only_and_no_request_at_all_exclude_each_other() {
    let key = understudy::crypto::keys::generate(understudy::crypto::keys::Algorithm::Rs256);
    let at = |text: &str| text.parse().unwrap();
    let (from, to) = (at("2015-01-01T00:00:00Z"), at("2016-01-01T00:00:00Z"));
    let certificate =
        understudy::crypto::certificate::self_sign(&key.unwrap().private, "sp", from, to).unwrap();
    let lines = understudy::crypto::certificate::to_base64(&certificate);
    let text = |more: &str| {
        format!(
            "version: 1\nclients:\n  - client_id: sp\n    name: SP\n    kind: saml\n    saml: \
             {{entity_id: \"urn:x\", acs_urls: [\"https://sp.test/acs\"], certificates: [\"{lines}\"]{more}}}\n"
        )
    };
    for alone in [", idp_initiated: true", ", require_signed_requests: true"] {
        let read = provision::read(&text(alone), |_| None);
        assert!(read.is_ok(), "{:?}", read.err());
    }
    let both = text(", idp_initiated: true, require_signed_requests: true");
    let wrong = format!("{:?}", provision::read(&both, |_| None).err().unwrap());
    assert!(wrong.contains("require_signed_requests"), "{wrong}");
}
