//! How a user is called.
use super::*;

const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

fn wanting(xml: &str, policy: &str) -> String {
    xml.replace(
        "</saml:Issuer>",
        &format!("</saml:Issuer><samlp:NameIDPolicy AllowCreate=\"true\" {policy}/>"),
    )
}

fn format(uri: &str) -> String {
    format!("Format=\"{uri}\"")
}

#[tokio::test]
async fn d17_a_user_is_called_by_what_they_cannot_change() {
    let server = start("").await;
    let alice = server.alice().await;
    let xml = server.request().await;
    let named = async |xml: &str| Told::read(&by_redirect(&alice, xml).await, ACS).name_id();
    assert_eq!(named(&xml).await, (UNSPECIFIED.into(), "usr_alice".into()));
    assert_eq!(named(&wanting(&xml, &format(UNSPECIFIED))).await.1, "usr_alice");
    let before = named(&wanting(&xml, &format(PERSISTENT))).await;
    server.db.sql("UPDATE users SET email = 'root@understudy.test', email_canonical = 'root@understudy.test' WHERE id = 'usr_alice'").await;
    assert_eq!(named(&xml).await.1, "usr_alice");
    assert_eq!(named(&wanting(&xml, &format(PERSISTENT))).await, before);
    // By address only if it is verified.
    assert_eq!(
        named(&wanting(&xml, &format(EMAIL))).await,
        (EMAIL.into(), "root@understudy.test".into())
    );
    server.db.sql("UPDATE users SET email_verified = false WHERE id = 'usr_alice'").await;
    let told = server.db.count("SELECT count(*) FROM session_participants").await;
    let page = by_redirect(&alice, &wanting(&xml, &format(EMAIL))).await;
    hears(&page, ACS, ["Responder", "InvalidNameIDPolicy"]);
    assert_eq!(server.db.count("SELECT count(*) FROM session_participants").await, told);
}

#[tokio::test]
async fn d27_each_format_is_what_it_says_and_others_are_refused() {
    let server = start(", name_id_format: emailAddress").await;
    apply(&server, "version: 1\nclients:\n  - {client_id: other, kind: saml, saml: {entity_id: \"urn:test:other\", acs_urls: [\"http://127.0.0.1:9/other-acs\"]}}").await;
    let (alice, xml) = (server.alice().await, server.request().await);
    let named = async |xml: &str| Told::read(&by_redirect(&alice, xml).await, ACS).name_id();
    assert_eq!(named(&xml).await, (EMAIL.into(), "alice@acme.test".into()));
    // Another one at each sign-in.
    let transient = wanting(&xml, &format(TRANSIENT));
    let (first, second) = (named(&transient).await, named(&transient).await);
    assert_eq!(first.0, TRANSIENT);
    assert_ne!(first.1, second.1);
    // The same for one application, another for another, and nothing of the user in it.
    let persistent = wanting(&xml, &format(PERSISTENT));
    let told = Told::read(&by_redirect(&alice, &persistent).await, ACS);
    let name = told.at(&["Subject", "NameID"]);
    assert_eq!(name.attribute("NameQualifier"), Some(server.url.as_str()));
    assert_eq!(name.attribute("SPNameQualifier"), Some(ENTITY));
    assert_eq!(named(&persistent).await, told.name_id());
    let other = persistent.replace(ENTITY, "urn:test:other").replace("/samlp/sp", "/samlp/other");
    let other = other.replace(ACS, "http://127.0.0.1:9/other-acs");
    let page = alice.open(&format!("/samlp/other?{}", query(&other, None))).await;
    let others = Told::read(&page, "http://127.0.0.1:9/other-acs").name_id().1;
    assert_ne!(others, told.name_id().1);
    assert!(!others.contains("alice"));
    for policy in [
        format("urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"),
        format("urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"),
        format("persistent"),
        format!("{} SPNameQualifier=\"urn:test:affiliation\"", format(PERSISTENT)),
    ] {
        let page = by_redirect(&alice, &wanting(&xml, &policy)).await;
        hears(&page, ACS, ["Requester", "InvalidNameIDPolicy"]);
    }
    let own = wanting(&xml, &format!("{} SPNameQualifier=\"{ENTITY}\"", format(PERSISTENT)));
    assert_eq!(named(&own).await.0, PERSISTENT);
}

#[tokio::test]
async fn d28_an_assertion_has_an_attribute_although_the_user_has_none_of_those_wanted() {
    let server = start(", attributes: {phone: phone_number, picture: picture}").await;
    apply(&server, "version: 1\nclients:\n  - {client_id: bare, kind: saml, saml: {entity_id: \"urn:test:bare\", acs_urls: [\"http://127.0.0.1:9/bare-acs\"], attributes: {\"http://schemas.auth0.com/impersonated\": email}}}").await;
    let (alice, xml) = (server.alice().await, server.request().await);
    let told = Told::read(&by_redirect(&alice, &xml).await, ACS);
    assert_eq!(told.attribute("phone"), ["+15550100"]);
    server.db.sql("UPDATE users SET phone_number = NULL WHERE id = 'usr_alice'").await;
    let told = Told::read(&by_redirect(&alice, &xml.replace("_r1", "_r2")).await, ACS);
    assert_eq!(told.at(&["AttributeStatement"]).children().count(), 1, "{}", told.xml);
    assert_eq!(told.attribute("picture"), ["https://acme.test/alice.png"]);
    server.db.sql("UPDATE users SET picture = NULL WHERE id = 'usr_alice'").await;
    let told = Told::read(&by_redirect(&alice, &xml.replace("_r1", "_r3")).await, ACS);
    assert_eq!(told.at(&["AttributeStatement"]).children().count(), 1, "{}", told.xml);
    assert_eq!(told.attribute("phone"), [""]);
    // A name that is kept for marks stands for nothing else.
    let other = xml.replace(ENTITY, "urn:test:bare").replace("/samlp/sp", "/samlp/bare");
    let other = other.replace(ACS, "http://127.0.0.1:9/bare-acs");
    let page = alice.open(&format!("/samlp/bare?{}", query(&other, None))).await;
    let told = Told::read(&page, "http://127.0.0.1:9/bare-acs");
    assert!(!told.xml.contains("AttributeStatement"), "{}", told.xml);
}
