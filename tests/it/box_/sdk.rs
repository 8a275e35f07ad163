//! Box's own SDK, and the commands of its documents.
use super::*;
use crate::support::counterpart::{python, run, shell};

#[tokio::test]
async fn boxsdk_lives_its_life_here_unmodified() {
    let settings = [
        ("UNDERSTUDY_JWT_AUDIENCE_ALIASES", "https://api.box.com/oauth2/token"),
        ("UNDERSTUDY_RATE_LIMITS", "off"),
    ];
    let server = TestServer::start_with(&settings).await;
    let facts = json!({
        "issuer": server.url,
        "client_id": APP.id,
        "client_secret": APP.secret,
        "key_id": APP.kid,
        "private_key": APP.pem,
        "enterprise_id": "org_acme",
        "service_account": service_account(&server, APP).await,
        "managed_user": "usr_alice",
        "managed_login": "alice@acme.test",
    });
    run(python("boxsdk_client.py"), &facts).await;
}

#[tokio::test]
async fn every_command_of_the_documents_works_with_the_host_replaced() {
    let server = TestServer::start().await;
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/box_/keys/app.pem");
    let mut curl = shell("box.sh");
    curl.envs([
        ("ISSUER", server.url.as_str()),
        ("CLIENT_ID", APP.id),
        ("CLIENT_SECRET", APP.secret),
        ("KEY_ID", APP.kid),
        ("KEY_FILE", key),
        ("ENTERPRISE", "org_acme"),
        ("MANAGED_USER", "usr_alice"),
        ("MANAGED_EMAIL", "Alice@Acme.test"),
    ]);
    let made = run(curl, &Value::Null).await;
    let service = service_account(&server, APP).await;
    let trail = server.db.trail().await;
    let calls = |subject: &str| {
        let call = format!("impersonation.api_call {service}->{subject}");
        trail.iter().filter(|event| event.starts_with(&call)).count()
    };
    assert_eq!((calls(made.trim()), calls("usr_alice")), (1, 1), "{trail:?}");
}
