//! `FederationMetadata.xml`.
use super::{certificate, read};
use crate::support::TestServer;
use understudy::crypto::xml::{self, Name};

const PATH: &str = "FederationMetadata/2007-06/FederationMetadata.xml";
const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const FED: &str = "http://docs.oasis-open.org/wsfed/federation/200706";

#[tokio::test]
async fn e15_the_metadata_is_signed_and_says_where_to_go() {
    let server = TestServer::start().await;
    let browser = server.browser();
    for (path, endpoint) in [
        (format!("/{PATH}"), format!("{}/wsfed", server.url)),
        (format!("/wsfed/{PATH}"), format!("{}/wsfed", server.url)),
        (format!("/wsfed/shop-wsfed/{PATH}"), format!("{}/wsfed/shop-wsfed", server.url)),
    ] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.header("content-type"), Some("application/samlmetadata+xml"));
        assert!(!page.body.contains("<!DOCTYPE"));
        assert_eq!(
            page.body,
            browser.get(&path).await.body,
            "the same as long as it says the same"
        );
        let document = read(&page.body);
        let name = Name::new(MD, "EntityDescriptor");
        let entity = xml::verify(&document, &[certificate(&page.body)], name).unwrap();
        assert_eq!(entity.attribute("entityID"), Some(server.url.as_str()));
        let role = entity.required_child(Name::new(MD, "RoleDescriptor")).unwrap();
        let xsi = "http://www.w3.org/2001/XMLSchema-instance";
        assert_eq!(role.attribute_in(xsi, "type"), Some("fed:SecurityTokenServiceType"));
        let passive = role.required_child(Name::new(FED, "PassiveRequestorEndpoint")).unwrap();
        let wsa = "http://www.w3.org/2005/08/addressing";
        let reference = passive.required_child(Name::new(wsa, "EndpointReference")).unwrap();
        let address = reference.required_child(Name::new(wsa, "Address")).unwrap();
        assert_eq!(address.text().unwrap(), endpoint);
    }
    for path in [format!("/wsfed/legacy/{PATH}"), format!("/wsfed/nothing/{PATH}")] {
        assert_eq!(browser.get(&path).await.status, 404);
    }
}

#[tokio::test]
async fn e15_the_next_certificate_is_published_before_it_is_used() {
    let server = TestServer::start().await;
    let page = server.browser().get(&format!("/{PATH}")).await;
    let keys = server.db.count("SELECT count(*) FROM signing_keys WHERE purpose = 'xml'").await;
    let published = page.body.matches("<KeyDescriptor use=\"signing\">").count();
    assert_eq!(i64::try_from(published).unwrap(), keys);
    // Readers written for AD FS look for the names as AD FS writes them.
    for name in
        ["<EntityDescriptor xmlns=", "<RoleDescriptor ", "<KeyInfo xmlns=", "<X509Certificate>"]
    {
        assert!(page.body.contains(name), "{name}");
    }
}
