//! Service providers of others, with every check of theirs on: they bring their metadata, and take ours.
use super::*;
use crate::support::counterpart::{node, python, run};
use crate::support::xmlsec::pem;
use serde_json::{Value, json};
use tokio::process::Command;

const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const INITIATE: &str = "http://127.0.0.1:9/initiate";

/// What a library is told, whatever the story.
fn facts(story: &str, name_id_format: &str) -> Value {
    let certificate = PROVIDER.signer.certificate();
    json!({
        "story": story,
        "entity_id": ENTITY,
        "acs": ACS,
        "certificate": certificate,
        "certificate_pem": pem("CERTIFICATE", certificate),
        "private_key": pem("PRIVATE KEY", &STANDARD.encode(&PROVIDER.pkcs8)),
        "name_id_format": name_id_format,
        "relay_state": "/cart?a=1&b=2",
        "subject": "usr_alice",
        "actor": "usr_sam",
        "initiate_login_uri": INITIATE,
    })
}

/// The three stories of one library, whose assertions are encrypted where it asks for that.
async fn stories(program: impl Fn() -> Command, name_id_format: &str) {
    let metadata = run(program(), &facts("metadata", name_id_format)).await;
    for story in ["normal", "impersonated", "unsolicited"] {
        let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
        let starts_itself = (story == "impersonated").then_some(INITIATE);
        let redeem = if story == "impersonated" { "confirm" } else { "direct" };
        let file = json!({"version": 1, "clients": [{
            "client_id": "sp", "kind": "saml", "saml": {"metadata": metadata},
            "initiate_login_uri": starts_itself,
            "impersonation": {"enabled": true, "redeem": redeem},
        }]});
        apply(&server, &file.to_string()).await;
        let body = json!({
            "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "sp",
            "additionalParameters": {"state": "/cart?a=1&b=2"},
        });
        let link = server.ask("usr_alice", body).await;
        assert_eq!(link.status, 200, "{}", link.body);
        let (email, password) = if story == "normal" {
            ("alice@acme.test", "alice-password")
        } else {
            ("sam@understudy.test", "sam-password")
        };
        let mut facts = facts(story, name_id_format);
        let more = json!({
            "issuer": server.url,
            "sso": format!("{}/samlp/sp", server.url),
            "metadata": server.browser().get("/samlp/metadata/sp").await.body,
            "link": link.body,
            "person": {"email": email, "password": password},
        });
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run(program(), &facts).await;
    }
}

#[tokio::test]
async fn node_saml_signs_in_and_sees_who_is_acting() {
    stories(|| node("node_saml.mjs"), "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")
        .await;
}

#[tokio::test]
async fn pysaml2_signs_in_and_sees_who_is_acting() {
    stories(|| python("pysaml2_client.py"), PERSISTENT).await;
}
