//! Somebody acts as somebody else in a service provider.
use super::*;
use serde_json::json;

const MARK: &str = "http://schemas.auth0.com/impersonated";
const ACTOR: &str = "http://schemas.auth0.com/impersonator";
const ACTOR_EMAIL: &str = "http://schemas.auth0.com/impersonator_email";
const PORTAL: &str = "http://127.0.0.1:9/portal-saml";
const ORDERS: &str = "http://127.0.0.1:9/orders-saml";

async fn link(server: &TestServer, client: &str, parameters: serde_json::Value) -> String {
    let body = json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": client,
        "additionalParameters": parameters,
    });
    let answer = server.ask("usr_alice", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.strip_prefix(&server.url).unwrap().to_owned()
}

#[track_caller]
fn is_marked(told: &Told) {
    assert_eq!(told.name_id().1, "usr_alice");
    assert_eq!(told.attribute(MARK), ["true"]);
    assert_eq!(told.attribute(ACTOR), ["usr_sam"]);
    assert_eq!(told.attribute(ACTOR_EMAIL), ["sam@understudy.test"]);
    assert_eq!(told.context(), "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified");
    assert!(told.at(&["AuthnStatement"]).attribute("SessionNotOnOrAfter").is_some());
}

#[tokio::test]
async fn a_direct_link_leads_to_an_unsolicited_answer_with_marks() {
    let server = start("").await;
    let path = link(&server, "sp", json!({"state": "st ate"})).await;
    let browser = server.browser();
    let told = Told::read(&browser.get(&path).await, ACS);
    is_marked(&told);
    assert_eq!(told.relay_state.as_deref(), Some("st ate"));
    assert!(!told.xml.contains("InResponseTo"), "{}", told.xml);
    assert_eq!(browser.get(&path).await.status, 403);
    let trail = server.db.trail().await;
    assert!(
        trail.iter().any(|event| event.starts_with("impersonation.token_issued usr_sam")),
        "{trail:?}"
    );
    // To another registered address, and without a state.
    let path = link(&server, "sp", json!({"callback_url": SECOND_ACS, "state": ""})).await;
    let told = Told::read(&server.browser().get(&path).await, SECOND_ACS);
    is_marked(&told);
    assert_eq!(told.relay_state, None);
    let refused = json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp",
        "additionalParameters": {"callback_url": "https://evil.example/"},
    });
    let refused = server.ask("usr_alice", refused).await;
    assert_eq!(
        (refused.status, &refused.json()["error_code"]),
        (403, &json!("callback_url_mismatch"))
    );
    let long = json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp",
        "additionalParameters": {"state": "x".repeat(2049)},
    });
    assert_eq!(server.ask("usr_alice", long).await.status, 400);
}

#[tokio::test]
async fn a_confirmed_link_leads_to_an_unsolicited_answer_with_marks() {
    let server = start("").await;
    let path = link(&server, "portal-saml", json!({"state": "x"})).await;
    let sam = server.sam().await;
    let page = sam.open(&path).await;
    let csrf = page.field("csrf").unwrap();
    let told = Told::read(&sam.post_form(&path, &[("csrf", &csrf)]).await, PORTAL);
    is_marked(&told);
    assert_eq!(told.relay_state.as_deref(), Some("x"));
}

/// The request of `orders-saml`, which starts by itself.
async fn orders(server: &TestServer) -> String {
    let xml = server.request().await;
    let xml =
        xml.replace(ENTITY, "urn:test:orders-saml").replace("/samlp/sp", "/samlp/orders-saml");
    xml.replace(&format!("\"{ACS}\""), &format!("\"{ORDERS}\""))
}

async fn ask(browser: &Browser, xml: &str) -> Page {
    browser.open(&format!("/samlp/orders-saml?{}", query(xml, Some("the state")))).await
}

/// Sam, after the link led to the application's own login address.
async fn acting(server: &TestServer) -> Browser {
    let path = link(server, "orders-saml", json!({})).await;
    let sam = server.sam().await;
    let page = sam.open(&path).await;
    let csrf = page.field("csrf").unwrap();
    let onward = sam.post_form(&path, &[("csrf", &csrf)]).await;
    assert!(
        onward.location().starts_with("http://127.0.0.1:9/saml-initiate?"),
        "{}",
        onward.location()
    );
    sam
}

#[tokio::test]
async fn an_application_that_starts_by_itself_gets_the_subject_and_the_marks() {
    let server = start("").await;
    let sam = acting(&server).await;
    let xml = orders(&server).await;
    let told = Told::read(&ask(&sam, &xml).await, ORDERS);
    is_marked(&told);
    assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    // By POST a browser sends no cookie; then it comes back with one.
    let encoded = STANDARD.encode(&xml);
    let request = sam.request(reqwest::Method::POST, "/samlp/orders-saml");
    let request = request.header("cookie", "none=1").form(&[("SAMLRequest", &encoded)]);
    let page = sam.send(request).await;
    assert_eq!(page.status, 303, "{}", page.body);
    is_marked(&Told::read(&sam.open(page.location()).await, ORDERS));
    // In another application Sam is Sam.
    let own = Told::read(&by_redirect(&sam, &server.request().await).await, ACS);
    assert_eq!(own.name_id().1, "usr_sam");
    assert!(own.attribute(MARK).is_empty());
}

#[tokio::test]
async fn a42_a_context_stronger_than_a_password_is_never_met_by_an_impersonation() {
    let server = start("").await;
    let sam = acting(&server).await;
    let xml = orders(&server).await;
    let asking = |class: &str| {
        let classes = "urn:oasis:names:tc:SAML:2.0:ac:classes:";
        xml.replace(
            "</saml:Issuer>",
            &format!(
                "</saml:Issuer><samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{classes}{class}\
                 </saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
            ),
        )
    };
    for usual in ["PasswordProtectedTransport", "Password", "unspecified"] {
        is_marked(&Told::read(&ask(&sam, &asking(usual)).await, ORDERS));
    }
    for strong in ["MobileTwoFactorContract", "X509", "Kerberos", "nonsense"] {
        hears(&ask(&sam, &asking(strong)).await, ORDERS, ["Responder", "NoAuthnContext"]);
    }
}

#[tokio::test]
async fn a43_a_forced_sign_in_ends_the_impersonation() {
    let server = start("").await;
    let sam = acting(&server).await;
    let xml = orders(&server).await;
    let passive = xml.replace(" Version=", " ForceAuthn=\"true\" IsPassive=\"true\" Version=");
    hears(&ask(&sam, &passive).await, ORDERS, ["Responder", "NoPassive"]);
    is_marked(&Told::read(&ask(&sam, &xml).await, ORDERS));
    let forced = xml.replace(" Version=", " ForceAuthn=\"true\" Version=");
    let page = ask(&sam, &forced).await;
    assert_eq!(page.status, 302);
    assert!(page.location().starts_with("/login"), "{}", page.location());
    assert_eq!(
        server.db.count("SELECT count(*) FROM impersonations WHERE status = 'active'").await,
        0
    );
    // Sam's password signs Sam in, and nobody else.
    let login = sam.open(page.location()).await;
    let back = sam.sign_in_on(&login, "sam@understudy.test", "sam-password").await;
    let told = Told::read(&sam.open(back.location()).await, ORDERS);
    assert_eq!(told.name_id().1, "usr_sam");
    assert!(told.attribute(MARK).is_empty());
}

#[tokio::test]
async fn a59_the_marks_are_in_every_assertion_whatever_the_application_maps() {
    let server =
        start(&format!(", attributes: {{login: email, \"{MARK}\": nickname, \"{ACTOR}\": name}}"))
            .await;
    let told = Told::read(&server.browser().get(&link(&server, "sp", json!({})).await).await, ACS);
    is_marked(&told);
    assert_eq!(told.attribute("login"), ["alice@acme.test"]);
    // And nobody has them who is there themselves.
    let own = Told::read(&by_redirect(&server.alice().await, &server.request().await).await, ACS);
    assert!(own.attribute(MARK).is_empty() && own.attribute(ACTOR).is_empty());
    assert_eq!(own.attribute("login"), ["alice@acme.test"]);
}

#[tokio::test]
async fn nothing_is_valid_past_the_end_of_an_impersonation() {
    let server = start("").await;
    let body = json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp", "duration": 60,
    });
    let answer = server.ask("usr_alice", body).await;
    let path = answer.body.strip_prefix(&server.url).unwrap().to_owned();
    let told = Told::read(&server.browser().get(&path).await, ACS);
    let end = told.at(&["AuthnStatement"]).required("SessionNotOnOrAfter").unwrap().to_owned();
    let conditions = told.at(&["Conditions"]);
    assert_eq!(conditions.attribute("NotOnOrAfter"), Some(end.as_str()));
    let data = told.at(&["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
    assert_eq!(data.attribute("NotOnOrAfter"), Some(end.as_str()));
}

const DELEGATION: &str = "urn:oasis:names:tc:SAML:2.0:conditions:delegation";

#[tokio::test]
async fn the_actor_stands_in_a_condition_where_the_application_wants_it() {
    let server = start(", delegation_restriction: true").await;
    let told = Told::read(&server.browser().get(&link(&server, "sp", json!({})).await).await, ACS);
    is_marked(&told);
    let condition = told.at(&["Conditions", "Condition"]);
    let delegate = condition.required_child(Name::new(DELEGATION, "Delegate")).unwrap();
    let started = told.at(&["AuthnStatement"]).attribute("AuthnInstant");
    assert_eq!(delegate.attribute("DelegationInstant"), started);
    let name = delegate.required_child(Name::new(SAML, "NameID")).unwrap();
    assert_eq!(name.text().unwrap(), "usr_sam");
    let own = Told::read(&by_redirect(&server.alice().await, &server.request().await).await, ACS);
    assert!(missing(own.at(&["Conditions"]).required_child(Name::new(SAML, "Condition"))));
}

#[tokio::test]
async fn an_application_that_wants_addresses_hears_that_there_is_none_and_no_token_is_noted() {
    let server = start(", name_id_format: emailAddress").await;
    let path = link(&server, "sp", json!({})).await;
    server.db.sql("UPDATE users SET email_verified = false WHERE id = 'usr_alice'").await;
    let told = Told::read(&server.browser().get(&path).await, ACS);
    assert_eq!(told.status(), ["Responder", "InvalidNameIDPolicy"]);
    let trail = server.db.trail().await;
    assert!(!trail.iter().any(|event| event.contains("token_issued")), "{trail:?}");
}
