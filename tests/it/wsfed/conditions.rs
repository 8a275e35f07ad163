//! What a token says, for whom, and how long.
use super::{AUTH0, REALM, REPLY, Received, Token, XMLSOAP, certificate, sign_in};
use crate::support::TestServer;
use chrono::{DateTime, Utc};

fn time(token: &Token, path: &[&'static str], name: &str) -> DateTime<Utc> {
    token.at(path).required(name).unwrap().parse().unwrap()
}

#[tokio::test]
async fn e12_a_token_is_for_one_realm_and_for_ten_minutes_at_most() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let answer = Received::of(&alice.open(&sign_in("")).await);
    assert_eq!(answer.action, REPLY);
    assert_eq!(answer.wresult.matches("<saml:Assertion").count(), 1);
    assert!(answer.wresult.contains("<t:RequestedSecurityToken><saml:Assertion "));
    assert!(answer.wresult.contains("</saml:Assertion></t:RequestedSecurityToken>"));
    let token = answer.token();
    token.verify(certificate(&answer.wresult));
    let audience = ["Conditions", "AudienceRestrictionCondition", "Audience"];
    assert_eq!(token.at(&audience).text().unwrap(), REALM);
    assert_eq!(token.root().attribute("Issuer"), Some(server.url.as_str()));
    let (from, until) =
        (time(&token, &["Conditions"], "NotBefore"), time(&token, &["Conditions"], "NotOnOrAfter"));
    assert!((until - from).num_seconds() <= 600, "{from} {until}");
    assert!(answer.assertion().contains("xmldsig-more#rsa-sha256"));
    assert!(!answer.assertion().contains("rsa-sha1") && !answer.assertion().contains("dsig#sha1"));
    assert!(answer.assertion().ends_with("</ds:Signature></saml:Assertion>"));
    let no_realm = alice.open("/wsfed/shop-wsfed?wa=wsignin1.0").await;
    super::is_refused(&no_realm);
}

#[tokio::test]
async fn e12_a_token_says_when_they_signed_in_and_how() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    server.db.advance("20 minutes").await;
    let token = Received::of(&alice.open(&sign_in("")).await).token();
    let statement = ["AuthenticationStatement"];
    let ago = time(&token, &[], "IssueInstant") - time(&token, &statement, "AuthenticationInstant");
    assert_eq!(ago.num_minutes(), 20);
    let method = token.at(&statement).attribute("AuthenticationMethod");
    assert_eq!(method, Some("urn:oasis:names:tc:SAML:1.0:am:password"));
    let confirmation = ["AuthenticationStatement", "Subject", "SubjectConfirmation"];
    let confirmed = token.at(&[confirmation.as_slice(), &["ConfirmationMethod"]].concat());
    assert_eq!(confirmed.text().unwrap(), "urn:oasis:names:tc:SAML:1.0:cm:bearer");
    for statement in ["AuthenticationStatement", "AttributeStatement"] {
        let name = token.at(&[statement, "Subject", "NameIdentifier"]).text().unwrap();
        assert_eq!(name, "usr_alice");
    }
}

#[tokio::test]
async fn the_claims_have_the_names_that_relying_parties_know() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let claims = Received::of(&alice.open(&sign_in("")).await).token().claims();
    for (name, value) in [
        ("nameidentifier", "usr_alice"),
        ("emailaddress", "alice@acme.test"),
        ("name", "Alice Chen"),
        ("givenname", "Alice"),
        ("surname", "Chen"),
        ("upn", "alice@acme.test"),
    ] {
        assert_eq!(claims[&format!("{XMLSOAP}{name}")], value);
    }
    assert_eq!(claims[&format!("{AUTH0}nickname")], "ali");
    assert!(!claims.keys().any(|name| name.contains("impersonat") || name.contains("actor")));
}

#[tokio::test]
async fn a59_no_mapping_forges_a_mark_or_hides_one() {
    let server = TestServer::start().await;
    // No file brings this into the database.
    let forged = "UPDATE clients SET wsfed = jsonb_set(wsfed, \
                  '{attributes,http://schemas.auth0.com/impersonator}', '\"name\"') \
                  WHERE id = 'mapped-wsfed'";
    server.db.sql(forged).await;
    let alice = server.alice().await;
    let path = "/wsfed/mapped-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Amapped";
    let own = Received::of(&alice.open(path).await).token().claims();
    let told: Vec<_> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("http://schemas.auth0.com/role", "Alice"),
        ("https://shop.test/claims/login", "alice@acme.test"),
    ];
    assert_eq!(told, expected);
    let link = server.link_by("mapped-wsfed", "wsfed").await;
    let acted = Received::of(&server.browser().open(&link).await).token().claims();
    assert_eq!(acted[&format!("{AUTH0}impersonated")], "true");
    assert_eq!(acted[&format!("{AUTH0}impersonator")], "usr_sam");
    assert_eq!(acted["https://shop.test/claims/login"], "alice@acme.test");
}

#[tokio::test]
async fn e05_a_name_of_any_letters_arrives_as_it_is() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for name in
        ["\"A\" & <B> 'C' ]]>", "a\u{2028}b", "line\r\nline\tx", "&amp;&#38;", "Zoë 🎈 <!-- -->"]
    {
        let quoted = name.replace('\'', "''");
        server.db.sql(&format!("UPDATE users SET name = '{quoted}' WHERE id = 'usr_alice'")).await;
        let answer = Received::of(&alice.open(&sign_in("")).await);
        let token = answer.token();
        token.verify(certificate(&answer.wresult));
        assert_eq!(token.claims()[&format!("{XMLSOAP}name")], name);
    }
}

#[tokio::test]
async fn what_xml_cannot_carry_is_no_token() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    server.db.sql("UPDATE users SET name = E'a\\x01b' WHERE id = 'usr_alice'").await;
    let page = alice.open(&sign_in("")).await;
    assert_eq!(page.status, 500, "{}", page.body);
    assert!(!page.body.contains("wresult"));
}
