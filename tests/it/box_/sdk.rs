//! Box's own SDKs, and the commands of the documents.
use super::proxies::{Kind, Proxy};
use super::*;
use crate::support::counterpart::{node, python, run, shell};
use tokio::process::Command;

/// With the audience that SDKs have built in, and nothing else.
async fn lives_its_life_here(sdk: Command) {
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
    run(sdk, &facts).await;
}

#[tokio::test]
async fn boxsdk_lives_its_life_here_unmodified() {
    lives_its_life_here(python("boxsdk_client.py")).await;
}

#[tokio::test]
async fn box_sdk_gen_lives_its_life_here_unmodified() {
    lives_its_life_here(python("box_sdk_gen_client.py")).await;
}

#[tokio::test]
async fn box_node_sdk_lives_its_life_here_unmodified() {
    let mut sdk = node("box_node.mjs");
    sdk.arg("box-node-sdk");
    lives_its_life_here(sdk).await;
}

#[tokio::test]
async fn box_typescript_sdk_gen_lives_its_life_here_unmodified() {
    let mut sdk = node("box_node.mjs");
    sdk.arg("box-typescript-sdk-gen");
    lives_its_life_here(sdk).await;
}

/// By curl, through nginx before the demo content API.
#[tokio::test]
async fn every_command_of_the_documents_works_with_the_host_replaced() {
    let server = TestServer::start().await;
    let proxy = Proxy::start(Kind::Nginx, &server).await;
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/box_/keys/app.pem");
    let mut curl = shell("documents.sh");
    curl.envs([
        ("API", proxy.browser.url.as_str()),
        ("ISSUER", server.url.as_str()),
        ("CLIENT_ID", APP.id),
        ("CLIENT_SECRET", APP.secret),
        ("KEY_ID", APP.kid),
        ("KEY_FILE", key),
        ("ENTERPRISE", "org_acme"),
        ("MANAGED_USER", "usr_alice"),
        ("MANAGED_EMAIL", "Alice@Acme.test"),
        ("GLOBAL_ID", "global"),
        ("GLOBAL_SECRET", "global-secret"),
        ("IMPERSONATOR", "usr_sam"),
        ("APPLICATION", "legacy"),
    ]);
    let made = run(curl, &Value::Null).await;
    let service = service_account(&server, APP).await;
    let trail = server.db.trail().await;
    let calls = |subject: &str| {
        let call = format!("impersonation.api_call {service}->{subject}");
        trail.iter().filter(|event| event.starts_with(&call)).count()
    };
    // At the content API and at ours.
    assert_eq!((calls(made.trim()), calls("usr_alice")), (2, 2), "{trail:?}");
}
