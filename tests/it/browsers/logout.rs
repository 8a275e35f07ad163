//! K-28, K-33, K-44: who may end what without a question, and where people go on to.
use super::*;
use crate::support::protocols::{Demand, Spoken};

const AFTER: &str = "http://127.0.0.1:9/";
const AFTER_ESCAPED: &str = "http%3A%2F%2F127.0.0.1%3A9%2F";
const OWN_SESSIONS: &str =
    "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND NOT impersonated";

async fn id_token(server: &TestServer, browser: &Browser, client: &str) -> String {
    let asked = Spoken::Oauth2.asks(server, client, Demand::Nothing).await;
    let mut page = browser.open(&asked).await;
    if page.location().starts_with("/consent") {
        let form = browser.open(page.location()).await.form("/consent");
        let (csrf, to) = (form.field("csrf").unwrap(), form.field("return_to").unwrap());
        let fields = [("csrf", &*csrf), ("return_to", &*to), ("decision", "allow")];
        page = browser.open(browser.post_form("/consent", &fields).await.location()).await;
    }
    let code = page.location_param("code").unwrap_or_else(|| panic!("{page:?}"));
    let tokens = server.exchange(client, &code, &Spoken::Oauth2.return_url(client)).await.json();
    tokens["id_token"].as_str().unwrap().to_owned()
}

fn with_hint(hint: &str) -> String {
    format!("/oidc/logout?id_token_hint={hint}&post_logout_redirect_uri={AFTER_ESCAPED}&state=z")
}

/// The question, answered with its own form.
async fn says_yes(browser: &Browser, page: &Page) -> Page {
    assert_eq!(page.status, 200, "{page:?}");
    let form = page.form("/logout");
    let names = ["csrf", "client_id", "post_logout_redirect_uri", "state"];
    let fields: Vec<(&str, String)> =
        names.iter().filter_map(|name| Some((*name, form.field(name)?))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    browser.post_form("/logout", &fields).await
}

#[tokio::test]
async fn k28_a_hint_in_another_browser_ends_nothing() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let hint = id_token(&server, &sam, "orders").await;
    let link = server.link("portal").await;
    let csrf = sam.open(&link).await.form(&link).field("csrf").unwrap();
    sam.post_form(&link, &[("csrf", &csrf)]).await;
    let (nobody, riley) = (server.browser(), server.browser());
    riley.sign_in("riley@acme.test", "riley-password").await;
    let again = server.sam().await;
    for (browser, who) in [(&nobody, "nobody"), (&riley, "riley"), (&again, "another session")] {
        let before = server.db.count(OWN_SESSIONS).await;
        let request = browser.request(Method::GET, &with_hint(&hint));
        let page = browser
            .send(request.header("sec-fetch-site", "cross-site").header("accept", "text/html"))
            .await;
        assert_eq!(server.db.count(OWN_SESSIONS).await, before, "{who}");
        assert_eq!(server.db.count(NOTHING_RUNS).await, 1, "{who}");
        if who == "nobody" {
            assert_eq!(page.location(), format!("{AFTER}?state=z"));
        } else {
            assert!(page.body.contains("Sign out?"), "{who}: {}", page.body);
        }
    }
    // In its own browser it is the word of the application.
    let page = sam.open(&with_hint(&hint)).await;
    assert_eq!(page.location(), format!("{AFTER}?state=z"));
    assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
    assert_eq!(sam.open("/account").await.status, 302);
}

#[tokio::test]
async fn k28_an_application_of_somebody_else_ends_its_own_participation() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let theirs = id_token(&server, &alice, "stranger").await;
    let page = alice.open(&with_hint(&theirs)).await;
    assert!(matches!(page.status, 200 | 302), "{page:?}");
    assert_eq!(server.db.count(OWN_SESSIONS).await, 1);
    let left = "SELECT count(*) FROM authorization_codes WHERE client_id = 'stranger' \
                AND revoked_at IS NULL";
    assert_eq!(server.db.count(left).await, 0);
    // Nothing at all where the session is not.
    let other = id_token(&server, &alice, "stranger").await;
    server.browser().open(&with_hint(&other)).await;
    assert_eq!(server.db.count(left).await, 1);
}

#[tokio::test]
async fn k28_the_hint_of_an_impersonation_ends_that_one() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("orders").await;
    let hint = id_token(&server, &sam, "orders").await;
    let page = sam.open(&with_hint(&hint)).await;
    assert_eq!(page.location(), format!("{AFTER}?state=z"));
    assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
    assert_eq!(server.db.count(OWN_SESSIONS).await, 1);
}

#[tokio::test]
async fn k28_a_form_from_another_site_comes_back_with_its_cookies() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let hint = id_token(&server, &alice, "orders").await;
    let form =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER), ("state", "z")];
    // Without the `Lax` cookies.
    let bounced = server.browser().post_form("/oidc/logout", &form).await;
    assert_eq!(bounced.status, 303, "{bounced:?}");
    assert!(bounced.location().starts_with("/oidc/logout?"), "{bounced:?}");
    assert_eq!(server.db.count(OWN_SESSIONS).await, 1);
    let page = alice.open(bounced.location()).await;
    assert_eq!(page.location(), format!("{AFTER}?state=z"));
    assert_eq!(server.db.count(OWN_SESSIONS).await, 0);
}

#[tokio::test]
async fn k33_an_application_that_names_itself_is_come_back_to() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let hint = id_token(&server, &alice, "invoices").await;
    let named = format!("client_id=orders&post_logout_redirect_uri={AFTER_ESCAPED}&state=z");
    let nobody = server.browser().open(&format!("/oidc/logout?{named}")).await;
    assert_eq!(nobody.location(), format!("{AFTER}?state=z"));
    for more in [
        String::new(),
        "&ui_locales=de&logout_hint=alice".to_owned(),
        "&id_token_hint=broken".to_owned(),
        format!("&id_token_hint={hint}"),
    ] {
        let alice = server.alice().await;
        let before = server.db.count(OWN_SESSIONS).await;
        let question = alice.open(&format!("/oidc/logout?{named}{more}")).await;
        assert_eq!(server.db.count(OWN_SESSIONS).await, before, "never silently");
        let gone = says_yes(&alice, &question).await;
        assert_eq!((gone.status, gone.location()), (303, &*format!("{AFTER}?state=z")), "{more}");
        assert_eq!(server.db.count(OWN_SESSIONS).await, before - 1);
    }
    // Never to a place that this application has not registered.
    for other in ["http%3A%2F%2F127.0.0.1%3A9%2Fx", "https%3A%2F%2Fevil.test", "%2F%2Fevil.test"] {
        let alice = server.alice().await;
        let path = format!("/oidc/logout?client_id=orders&post_logout_redirect_uri={other}");
        let page = alice.open(&path).await;
        let page = alice.open(page.location()).await;
        let gone = says_yes(&alice, &page).await;
        assert_eq!(gone.location(), "/logout", "{other}");
        let path = format!("/logout?client_id=orders&post_logout_redirect_uri={other}");
        assert!(alice.open(&path).await.header("location").is_none());
    }
}

#[tokio::test]
async fn k44_a_sign_out_without_a_realm_goes_back_to_who_registered_the_address() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = "/wsfed?wa=wsignout1.0&wreply=http%3A%2F%2F127.0.0.1%3A9%2Fbye";
    let nobody = server.browser().open(path).await;
    assert_eq!(nobody.location(), "http://127.0.0.1:9/bye");
    let form = [("wa", "wsignout1.0"), ("wreply", "http://127.0.0.1:9/bye")];
    let posted = server.browser().post_form("/wsfed", &form).await;
    assert!(posted.location().starts_with("/wsfed?"), "{posted:?}");
    let question = alice.open(posted.location()).await;
    let form = question.form("/wsfed/sign-out/confirmed");
    let [csrf, client, wreply] =
        ["csrf", "client_id", "wreply"].map(|name| form.field(name).unwrap());
    let fields = [("csrf", &*csrf), ("client_id", &*client), ("wreply", &*wreply)];
    let gone = alice.post_form("/wsfed/sign-out/confirmed", &fields).await;
    assert_eq!((gone.status, gone.location()), (303, "http://127.0.0.1:9/bye"));
    // What nobody has registered leads nowhere, and the person is asked all the same.
    let alice = server.alice().await;
    for wreply in ["https%3A%2F%2Fevil.test", "http%3A%2F%2F127.0.0.1%3A9%2Fbye%2F", "%2Flogout"] {
        let question = alice.open(&format!("/wsfed?wa=wsignout1.0&wreply={wreply}")).await;
        assert_eq!(question.status, 200, "{}", question.body);
        assert!(question.form("/wsfed/sign-out/confirmed").field("wreply").is_none());
        assert!(!question.body.contains("evil"));
        let nobody = server.browser();
        let page = nobody.open(&format!("/wsfed?wa=wsignout1.0&wreply={wreply}")).await;
        assert_eq!(page.location(), "/logout");
    }
}
