//! Signing out, asked for by a relying party and told to one.
use super::{Received, is_refused, sign_in};
use crate::support::{Browser, Page, TestServer};

const OUT: &str = "/wsfed/shop-wsfed?wa=wsignout1.0";
const CONFIRMED: &str = "/wsfed/sign-out/confirmed";

async fn confirm(browser: &Browser, question: &Page) -> Page {
    let form = question.form(CONFIRMED);
    let [csrf, client, wreply] =
        ["csrf", "client_id", "wreply"].map(|name| form.field(name).unwrap_or_default());
    let fields = [("csrf", csrf), ("client_id", client), ("wreply", wreply)];
    let given: Vec<(&str, &str)> =
        fields.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (*n, v.as_str())).collect();
    browser.post_form(CONFIRMED, &given).await
}

#[tokio::test]
async fn a_person_is_asked_and_then_everybody_who_was_told_hears_of_it() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    Received::of(&alice.open(&sign_in("")).await);
    let question = alice.open(&format!("{OUT}&wreply=http://127.0.0.1:9/bye")).await;
    assert_eq!(question.status, 200, "{}", question.body);
    let running = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.db.count(running).await, 1, "asking ends nothing");
    let parting = confirm(&alice, &question).await;
    assert_eq!(parting.status, 200, "{}", parting.body);
    let told = "data-src=\"http://127.0.0.1:9/wsfed?wa=wsignoutcleanup1.0\"";
    assert!(parting.body.contains(told), "{}", parting.body);
    assert!(parting.body.contains("href=\"http://127.0.0.1:9/bye\""), "{}", parting.body);
    assert_eq!(server.db.count(running).await, 0);
    assert_eq!(alice.open(&sign_in("")).await.status, 302, "signed out");
}

#[tokio::test]
async fn e03_after_a_sign_out_nobody_is_sent_to_a_place_that_is_not_registered() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for wreply in [
        "https://evil.test",
        "http://127.0.0.1:9/bye/",
        "http://127.0.0.1:9/bye?x",
        "//evil.test",
        "javascript:alert(1)",
        "/logout",
    ] {
        for path in [OUT, "/wsfed?wa=wsignout1.0&wtrealm=urn:test:wsfed"] {
            let page = alice.open(&format!("{path}&wreply={wreply}")).await;
            is_refused(&page);
            assert!(!page.body.contains("evil"));
        }
    }
    // Whoever is signed out already goes on at once, but no further than that.
    let nobody = server.browser();
    let page = nobody.open(&format!("{OUT}&wreply=http://127.0.0.1:9/bye")).await;
    assert_eq!((page.status, page.location()), (302, "http://127.0.0.1:9/bye"));
    let question = alice.open(&format!("{OUT}&wreply=http://127.0.0.1:9/bye")).await;
    let csrf = question.form(CONFIRMED).field("csrf").unwrap();
    let form =
        [("csrf", csrf.as_str()), ("client_id", "shop-wsfed"), ("wreply", "https://evil.test")];
    is_refused(&alice.post_form(CONFIRMED, &form).await);
    let forged = [("csrf", "x"), ("client_id", "shop-wsfed")];
    assert_eq!(alice.post_form(CONFIRMED, &forged).await.status, 403);
}

#[tokio::test]
async fn a_sign_out_without_more_leads_to_our_own_page() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let question = alice.open("/wsfed?wa=wsignout1.0").await;
    let done = confirm(&alice, &question).await;
    assert_eq!((done.status, done.location()), (303, "/logout"));
    let nobody = server.browser().open(OUT).await;
    assert_eq!((nobody.status, nobody.location()), (302, "/logout"));
    let form = [("wa", "wsignout1.0")];
    let posted = server.browser().post_form("/wsfed/shop-wsfed", &form).await;
    assert_eq!((posted.status, posted.location()), (303, OUT));
}

#[tokio::test]
async fn e14_a_clean_up_ends_nothing_of_ours_and_leads_nowhere() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    Received::of(&alice.open(&sign_in("")).await);
    for path in ["/wsfed", "/wsfed/shop-wsfed", "/rms/legacy-rms"] {
        let page =
            alice.open(&format!("{path}?wa=wsignoutcleanup1.0&wreply=https://evil.test/")).await;
        assert_eq!((page.status, page.header("location")), (200, None));
        assert_eq!(page.header("set-cookie"), None);
        assert_eq!(page.header("content-type"), Some("image/gif"));
    }
    assert_eq!(server.db.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await, 1);
    Received::of(&alice.open(&sign_in("")).await);
}

#[tokio::test]
async fn a_sign_out_from_where_an_actor_acts_ends_at_most_the_impersonation() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice_by("portal-wsfed", "wsfed").await;
    let page = sam.open("/wsfed/portal-wsfed?wa=wsignout1.0").await;
    assert_eq!((page.status, page.location()), (302, "/me/impersonation"));
}
