//! One user, and what applications would be told of them.
use super::signed_in;
use crate::support::TestServer;
use crate::support::browser::unescape;
use crate::support::protocols::{Demand, Spoken};
use serde_json::Value;

#[tokio::test]
async fn the_page_of_a_user_says_who_they_are_and_who_acted_as_them() {
    let server = TestServer::start().await;
    let acting = server.sam_as_alice("portal").await;
    drop(acting);
    let ada = signed_in(&server, "ada").await;
    let page = ada.open("/console/users/usr_alice").await;
    for words in ["Alice Chen", "alice@acme.test", "Acme", "Sam Support", "Portal", "Running"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let sam = ada.open("/console/users/usr_sam").await;
    assert!(sam.body.contains("Impersonated others") && sam.body.contains("Alice Chen"));
    assert!(sam.body.contains("support"), "{}", sam.body);
}

#[tokio::test]
async fn a_session_is_ended_by_whoever_may_and_leaves_an_event() {
    let server = TestServer::start().await;
    let alice = signed_in(&server, "alice").await;
    let ada = signed_in(&server, "ada").await;
    let page = ada.open("/console/users/usr_alice").await;
    let action = page
        .body
        .split("action=\"")
        .find(|rest| rest.starts_with("/console/users/usr_alice/sessions/"));
    let action = action.unwrap().split('"').next().unwrap().to_owned();
    let csrf = page.form(&action).field("csrf").unwrap();
    assert_eq!(ada.post_form(&action, &[("csrf", "x")]).await.status, 403);
    let ended = ada.post_form(&action, &[("csrf", &csrf)]).await;
    assert_eq!((ended.status, ended.location()), (303, "/console/users/usr_alice?done=ended"));
    assert!(alice.open("/account").await.location().starts_with("/login"));
    let event = "SELECT actor || ' ' || subject FROM audit_events WHERE type = 'logout'";
    assert_eq!(server.db.text(event).await, "usr_ada usr_alice");
    // Again: it is over, and that is no mistake.
    assert_eq!(ada.post_form(&action, &[("csrf", &csrf)]).await.status, 303);
}

#[tokio::test]
async fn h13_nobody_ends_the_session_of_a_superior_or_of_somebody_elses_user() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let max = signed_in(&server, "max").await;
    let page = max.open("/console/users/usr_ada").await;
    assert!(page.body.contains("Sessions") && !page.body.contains("/end\""), "{}", page.body);
    // A token of another person's form fits no other user.
    let own = max.open("/console/users/usr_max").await;
    let action = own
        .body
        .split("action=\"")
        .find(|rest| rest.starts_with("/console/users/usr_max/sessions/"));
    let action = action.unwrap().split('"').next().unwrap().to_owned();
    let csrf = own.form(&action).field("csrf").unwrap();
    let session = "SELECT id FROM sessions WHERE user_id = 'usr_ada'";
    let other = format!("/console/users/usr_ada/sessions/{}/end", server.db.text(session).await);
    assert_eq!(max.post_form(&other, &[("csrf", &csrf)]).await.status, 403);
    assert_eq!(ada.open("/account").await.status, 200);
}

/// The JSON of a `<pre>`.
fn shown(body: &str, id: &str) -> Value {
    let text = body.split(&format!("<pre id=\"{id}\"")).nth(1).unwrap();
    let text = text.split_once('>').unwrap().1.split("</pre>").next().unwrap();
    serde_json::from_str(&unescape(text)).unwrap()
}

#[tokio::test]
async fn the_preview_says_what_the_tokens_then_say_and_makes_none() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let before = server.db.contents().await;
    let path =
        "/console/users/usr_alice/preview?application=orders&scope=openid+profile+email+phone";
    let page = sam.open(path).await;
    let (id_token, userinfo) = (shown(&page.body, "id-token"), shown(&page.body, "userinfo"));
    assert_eq!(server.db.contents().await, before);
    for name in ["impersonated", "impersonator", "act"] {
        assert!(id_token.get(name).is_none() && userinfo.get(name).is_none(), "{name}");
    }
    let alice = signed_in(&server, "alice").await;
    let path = "/authorize?response_type=code&client_id=orders&scope=openid+profile+email+phone\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = alice.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let real = claims(tokens["id_token"].as_str().unwrap());
    let names = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&id_token), names(&real));
    for (name, value) in real.as_object().unwrap() {
        if !["iat", "exp", "auth_time", "sid", "at_hash"].contains(&name.as_str()) {
            assert_eq!(&id_token[name], value, "{name}");
        }
    }
    let bearer = tokens["access_token"].as_str().unwrap();
    let asked = alice.request(reqwest::Method::GET, "/userinfo").bearer_auth(bearer);
    assert_eq!(userinfo, alice.send(asked).await.json());
}

#[tokio::test]
async fn the_preview_of_an_assertion_says_what_the_assertion_then_says() {
    let server = TestServer::start().await;
    let (sam, alice) = (signed_in(&server, "sam").await, signed_in(&server, "alice").await);
    for by in [Spoken::Samlp, Spoken::Wsfed, Spoken::WsfedRms] {
        let (application, protocol) = (by.client("orders"), by.name());
        let before = server.db.contents().await;
        let path = "/console/users/usr_alice/preview";
        let page = sam.open(&format!("{path}?application={application}&protocol={protocol}")).await;
        assert_eq!(server.db.contents().await, before, "{protocol}");
        let rows = rows(&page.body);
        let answer = alice.open(&by.asks(&server, "orders", Demand::Nothing).await).await;
        assert_eq!(rows[1..], by.attributes(&answer), "{protocol}");
        let (kind, name) = &rows[0];
        let element = format!("<saml:{kind} ");
        let xml = by.xml(&answer).unwrap();
        let told = xml.split(&element).nth(1).unwrap().split_once('>').unwrap().1;
        assert!(told.starts_with(&format!("{name}<")), "{protocol}: {name} {told}");
    }
}

/// The names and values of an answer that is shown.
fn rows(body: &str) -> Vec<(String, String)> {
    let list = body.split("id=\"answer\">").nth(1).unwrap().split("</dl>").next().unwrap();
    let row = |part: &str| {
        let (name, rest) = part.split_once("</dt>").unwrap();
        let value = rest.split("<bdi>").nth(1).unwrap().split("</bdi>").next().unwrap();
        (unescape(name), unescape(value))
    };
    list.split("<dt>").skip(1).map(row).collect()
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn h15_the_preview_is_for_readers_of_users_and_of_applications_open_to_them() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let page = sam.open("/console/users/usr_alice/preview?application=globex-shop").await;
    assert!(!page.body.contains("Globex Shop"), "{}", page.body);
    for scope in ["openid+%22", "email"] {
        let path = format!("/console/users/usr_alice/preview?application=orders&scope={scope}");
        assert!(!sam.open(&path).await.body.contains("<pre"), "{scope}");
    }
}

#[tokio::test]
async fn the_account_leads_to_the_console_and_back_for_whoever_may_enter() {
    let server = TestServer::start().await;
    let link = "href=\"/console\">Open the console";
    assert!(!signed_in(&server, "alice").await.open("/account").await.body.contains(link));
    let sam = signed_in(&server, "sam").await;
    assert!(sam.open("/account").await.body.contains(link));
    assert!(sam.open("/console/users").await.body.contains("href=\"/account\""));
}
