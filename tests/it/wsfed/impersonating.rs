//! Acting as somebody at a relying party: at once, with a question, and when it starts by itself.
use super::{AUTH0, Received, Token, XMLSOAP, certificate};
use crate::support::{Browser, Page, TestServer};
use chrono::{DateTime, Utc};
use serde_json::json;

const ACTOR: &str = "http://schemas.xmlsoap.org/ws/2009/09/identity/claims/actor";
const PROTOCOLS: [(&str, &str); 2] = [("wsfed", "wsfed"), ("wsfed-rms", "rms")];

#[track_caller]
fn names_the_actor(token: &Token) {
    let claims = token.claims();
    assert_eq!(claims[&format!("{XMLSOAP}nameidentifier")], "usr_alice");
    assert_eq!(claims[&format!("{AUTH0}impersonated")], "true");
    assert_eq!(claims[&format!("{AUTH0}impersonator")], "usr_sam");
    assert_eq!(claims[&format!("{AUTH0}impersonator_email")], "sam@understudy.test");
    assert_eq!(claims[ACTOR], "usr_sam");
    let statement = token.at(&["AuthenticationStatement"]);
    let method = statement.attribute("AuthenticationMethod");
    assert_eq!(method, Some("urn:oasis:names:tc:SAML:1.0:am:unspecified"));
}

async fn confirm(sam: &Browser, link: &str) -> Page {
    let csrf = sam.open(link).await.field("csrf").unwrap();
    sam.post_form(link, &[("csrf", &csrf)]).await
}

#[tokio::test]
async fn e13_a_direct_link_posts_the_token_at_once() {
    let server = TestServer::start().await;
    for (protocol, suffix) in PROTOCOLS {
        let link = server.link_by(&format!("legacy-{suffix}"), protocol).await;
        let answer = Received::of(&server.browser().get(&link).await);
        assert_eq!(answer.wctx.as_deref(), Some("st ate"));
        let token = answer.token();
        token.verify(certificate(&answer.wresult));
        names_the_actor(&token);
        let again = server.browser().get(&link).await;
        assert_eq!(again.json()["error_description"], "Impersonation - Link already used");
    }
    let events: Vec<String> = server.db.trail().await;
    let told = events.iter().filter(|it| it.starts_with("impersonation.token_issued")).count();
    assert_eq!(told, 2, "{events:?}");
}

#[tokio::test]
async fn e13_a_confirmed_link_posts_the_token_and_asks_first() {
    let server = TestServer::start().await;
    for (protocol, suffix) in PROTOCOLS {
        let link = server.link_by(&format!("portal-{suffix}"), protocol).await;
        let sam = server.sam().await;
        let question = sam.open(&link).await;
        assert!(question.body.contains("Alice Chen") && !question.body.contains("wresult"));
        names_the_actor(&Received::of(&confirm(&sam, &link).await).token());
    }
}

#[tokio::test]
async fn e13_a_relying_party_that_starts_by_itself_gets_the_subject_by_its_own_request() {
    let server = TestServer::start().await;
    for (protocol, suffix) in PROTOCOLS {
        let client = format!("orders-{suffix}");
        let sam = server.sam().await;
        let onward = confirm(&sam, &server.link_by(&client, protocol).await).await;
        assert_eq!(onward.status, 303, "{}", onward.body);
        assert!(
            onward.location().starts_with(&format!("http://127.0.0.1:9/{suffix}-initiate?iss="))
        );
        let path = if suffix == "rms" { "rms" } else { "wsfed" };
        let asked =
            format!("/{path}/{client}?wa=wsignin1.0&wtrealm=urn%3Atest%3A{client}&wctx=own");
        let answer = Received::of(&sam.open(&asked).await);
        assert_eq!(answer.wctx.as_deref(), Some("own"));
        names_the_actor(&answer.token());
        // In every other application it is Sam.
        let elsewhere = "/wsfed/shop-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed";
        let himself = Received::of(&sam.open(elsewhere).await).token().claims();
        assert_eq!(himself[&format!("{XMLSOAP}nameidentifier")], "usr_sam");
        assert!(!himself.contains_key(ACTOR));
    }
}

#[tokio::test]
async fn a43_a_fresh_sign_in_is_never_had_by_impersonation() {
    let server = TestServer::start().await;
    for wfresh in ["0", "10"] {
        let sam = server.sam_as_alice_by("portal-wsfed", "wsfed").await;
        let path = "/wsfed/portal-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Aportal-wsfed";
        names_the_actor(&Received::of(&sam.open(path).await).token());
        let asked = sam.open(&format!("{path}&wfresh={wfresh}")).await;
        assert_eq!(asked.status, 302, "{}", asked.body);
        assert!(asked.location().starts_with("/login?"), "{}", asked.location());
        let running = "SELECT count(*) FROM impersonations WHERE status = 'active'";
        assert_eq!(server.db.count(running).await, 0, "the impersonation is over");
        let login = sam.open(asked.location()).await;
        let wrong = sam.sign_in_on(&login, "alice@acme.test", "sam-password").await;
        assert_ne!(wrong.status, 303, "the agent's password is not the user's");
    }
}

#[tokio::test]
async fn a_token_never_outlives_the_impersonation() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let mut body =
        json!({"protocol": "wsfed", "impersonator_id": "usr_sam", "client_id": "portal-wsfed"});
    body["duration"] = json!(60);
    let link = server.ask("usr_alice", body).await.body;
    let answer = Received::of(&confirm(&sam, link.strip_prefix(&server.url).unwrap()).await);
    let token = answer.token();
    let until: DateTime<Utc> =
        token.at(&["Conditions"]).required("NotOnOrAfter").unwrap().parse().unwrap();
    let ends = "SELECT ceil(extract(epoch FROM ends_at) * 1000)::bigint FROM impersonations";
    assert!(until.timestamp_millis() <= server.db.count(ends).await);
    let issued: DateTime<Utc> = token.root().required("IssueInstant").unwrap().parse().unwrap();
    assert!((until - issued).num_seconds() <= 60);
}

#[tokio::test]
async fn the_end_of_an_impersonation_is_told_to_the_relying_party() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice_by("portal-wsfed", "wsfed").await;
    let page = sam.open("/me/impersonation").await;
    let form = page.form("/impersonation/stop");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap_or_default());
    let parting = sam.post_form("/impersonation/stop", &[("csrf", &csrf), ("id", &id)]).await;
    let told = "http://127.0.0.1:9/portal-wsfed?wa=wsignoutcleanup1.0";
    assert!(parting.body.contains(told), "{} {}", parting.status, parting.body);
}

#[tokio::test]
async fn e18_rights_management_gets_a_principal_name_at_its_one_address() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = "/rms/legacy-rms?wa=wsignin1.0&wtrealm=urn%3Atest%3Alegacy-rms";
    let answer = Received::of(&alice.open(path).await);
    assert_eq!(answer.action, "http://127.0.0.1:9/legacy-rms");
    let token = answer.token();
    let name = token.at(&["AuthenticationStatement", "Subject", "NameIdentifier"]);
    assert_eq!(name.text().unwrap(), "alice@acme.test");
    assert_eq!(name.attribute("Format"), Some("http://schemas.xmlsoap.org/claims/UPN"));
    let claims = token.claims();
    for claim in ["upn", "emailaddress"] {
        assert_eq!(claims[&format!("{XMLSOAP}{claim}")], "alice@acme.test");
    }
    Received::of(&alice.open(&format!("{path}&wreply=http://127.0.0.1:9/legacy-rms")).await);
    // The second address is registered, and is still not the cluster's.
    super::is_refused(&alice.open(&format!("{path}&wreply=http://127.0.0.1:9/rms-too")).await);
    let body = json!({"protocol": "wsfed-rms", "impersonator_id": "usr_sam", "client_id": "legacy-rms",
        "additionalParameters": {"callback_url": "http://127.0.0.1:9/rms-too"}});
    assert_eq!(server.ask("usr_alice", body).await.status, 400);
    let wreq = "%3Ct:RequestSecurityToken%20xmlns:t='http://schemas.xmlsoap.org/ws/2005/02/trust'%3E\
        %3Ct:TokenType%3Eurn:oasis:names:tc:SAML:2.0:assertion%3C/t:TokenType%3E%3C/t:RequestSecurityToken%3E";
    let always = Received::of(&alice.open(&format!("{path}&wreq={wreq}")).await);
    assert!(always.assertion().contains("urn:oasis:names:tc:SAML:1.0:assertion"));
}

#[tokio::test]
async fn e18_who_has_no_address_has_no_name_at_rights_management() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    // Today everybody who signs in has one.
    server.db.sql("ALTER TABLE users DROP CONSTRAINT users_check").await;
    server.db.sql("UPDATE users SET email = NULL WHERE id = 'usr_alice'").await;
    let page = alice.open("/rms/legacy-rms?wa=wsignin1.0&wtrealm=urn%3Atest%3Alegacy-rms").await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("e-mail"), "{}", page.body);
    let body =
        json!({"protocol": "wsfed-rms", "impersonator_id": "usr_sam", "client_id": "legacy-rms"});
    let asked = server.ask("usr_alice", body).await;
    assert_eq!((asked.status, asked.json()["error"].as_str()), (400, Some("invalid_request")));
}
