//! Tokens in the spelling that relying parties look for, and requests in the spellings that they send.
use super::{Received, certificate, is_refused, sign_in};
use crate::support::TestServer;

const SAML20: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const CLASSES: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes";

/// `wreq` that asks for a token of SAML 2.0.
fn saml20() -> String {
    let wreq = format!(
        "<t:RequestSecurityToken xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\">\
         <t:TokenType>{SAML20}</t:TokenType></t:RequestSecurityToken>"
    );
    format!("&wreq={}", url::form_urlencoded::byte_serialize(wreq.as_bytes()).collect::<String>())
}

#[tokio::test]
async fn k37_certificates_are_named_as_ad_fs_and_auth0_name_them() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let metadata =
        server.browser().get("/wsfed/FederationMetadata/2007-06/FederationMetadata.xml").await;
    let (first, second) = (sign_in(""), sign_in(&saml20()));
    let mut documents = vec![metadata.body];
    for path in [first, second] {
        let received = Received::of(&alice.open(&path).await);
        received.token().verify(certificate(received.assertion()));
        documents.push(received.wresult);
    }
    for text in documents {
        let plain =
            "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>";
        assert!(text.contains(plain), "{text}");
        assert!(text.contains("<ds:SignatureValue>"), "{text}");
        for prefixed in ["<ds:KeyInfo", "<ds:X509Data", "<ds:X509Certificate"] {
            assert!(!text.contains(prefixed), "{text}");
        }
    }
    // Responses of SAML 2.0 stay as they were.
    let saml = server.browser().get("/samlp/metadata").await.body;
    assert!(saml.contains("<ds:X509Certificate>"), "{saml}");
}

#[tokio::test]
async fn k49_only_names_that_are_read_are_given_once() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    for more in ["&x=1&x=2", "&x=%zz", "&%zz=1&%zz=2", "&utm_source=a&utm_source=b&wctx=c"] {
        Received::of(&alice.open(&sign_in(more)).await);
    }
    for more in
        ["&wctx=1&wctx=1", "&wtrealm=urn%3Atest%3Awsfed", "&wfresh=1&wfres%68=2", "&wctx=%zz"]
    {
        is_refused(&alice.open(&sign_in(more)).await);
    }
    let many = "&x=1".repeat(300);
    is_refused(&alice.open(&sign_in(&many)).await);
    let form = [("wa", "wsignin1.0"), ("wtrealm", "urn:test:wsfed"), ("y", "1"), ("y", "2")];
    Received::of(&alice.post_form("/wsfed", &form).await);
}

#[tokio::test]
async fn k55_the_way_to_sign_in_that_is_asked_for_is_what_the_token_says() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let escaped = |text: &str| text.replace(':', "%3A");
    for class in ["PasswordProtectedTransport", "Password", "unspecified"] {
        let class = format!("{CLASSES}:{class}");
        let path = sign_in(&format!("&wauth={}{}", escaped(&class), saml20()));
        let token = Received::of(&alice.open(&path).await).token();
        let said = token.at(&["AuthnStatement", "AuthnContext", "AuthnContextClassRef"]);
        assert_eq!(said.text().unwrap(), class);
    }
    for method in [
        "urn:oasis:names:tc:SAML:1.0:am:password",
        "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    ] {
        let page = alice.open(&sign_in(&format!("&wauth={}", escaped(method)))).await;
        let token = Received::of(&page).token();
        let said = token.at(&["AuthenticationStatement"]);
        assert_eq!(said.attribute("AuthenticationMethod"), Some(method));
    }
    let plain = Received::of(&alice.open(&sign_in("")).await).token();
    let said = plain.at(&["AuthenticationStatement"]).attribute("AuthenticationMethod");
    assert_eq!(said, Some("urn:oasis:names:tc:SAML:1.0:am:password"));
    is_refused(&alice.open(&sign_in(&format!("&wauth={CLASSES}:X509"))).await);
}

#[tokio::test]
async fn k45_the_time_of_a_relying_party_is_that_of_xml_schema() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let now = "SELECT to_char(clock_now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')";
    let now = server.db.text(now).await;
    for time in [now.clone(), format!("{now}Z"), format!("{now}.5%2B00:00"), format!("%20{now}Z")] {
        Received::of(&alice.open(&sign_in(&format!("&wct={time}"))).await);
    }
    for time in [now.replace('T', "%20"), now.replace('T', "t"), format!("{now}z"), "now".into()] {
        is_refused(&alice.open(&sign_in(&format!("&wct={time}"))).await);
    }
}
