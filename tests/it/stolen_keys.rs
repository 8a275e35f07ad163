//! The drill for a stolen signing key: `understudy keys replace --compromised`.
use crate::support::node::{run, until};
use crate::support::{Browser, TestServer};
use std::collections::BTreeSet;

const COMMAND: &[&str] = &["keys", "replace", "--compromised"];

async fn published(server: &TestServer) -> BTreeSet<String> {
    let keys = server.browser().get("/.well-known/jwks.json").await.json();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The certificates of a metadata document.
async fn certificates(server: &TestServer, path: &str) -> BTreeSet<String> {
    let text = server.browser().get(path).await.body;
    let found = text.split("X509Certificate>").skip(1).step_by(2);
    found.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == 200
}

/// Alice's own tokens, a refresh token among them.
async fn tokens_of_alice(server: &TestServer, alice: &Browser) -> serde_json::Value {
    let to = "http%3A%2F%2F127.0.0.1%3A9%2Flegacy";
    let asked = "/authorize?response_type=code&scope=openid+offline_access&client_id=legacy";
    let answer = alice.get(&format!("{asked}&redirect_uri={to}")).await;
    let code = answer.location_param("code").unwrap();
    server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await.json()
}

#[tokio::test]
async fn d39_after_a_theft_no_key_session_link_or_token_from_before_is_worth_anything() {
    let server = TestServer::start().await;
    let metadata = ["/samlp/metadata", "/FederationMetadata/2007-06/FederationMetadata.xml"];
    let mut old = BTreeSet::new();
    for path in metadata {
        old.extend(certificates(&server, path).await);
    }
    assert_eq!(old.len(), 2, "the current one and the next");
    let (alice, sam) = (server.alice().await, server.sam_as_alice("orders").await);
    let own = tokens_of_alice(&server, &alice).await;
    let acted = server.impersonated_tokens().await;
    let waiting = server.link("legacy").await;
    let global = server.global_token().await;
    let token = |tokens: &serde_json::Value| tokens["access_token"].as_str().unwrap().to_owned();

    let said = run(&server.db.url, COMMAND);
    assert!(said.success, "{said:?}");
    // From the commit on, whatever the nodes know: sessions, tokens, impersonations, links.
    assert!(!is_signed_in(&alice).await && !is_signed_in(&sam).await);
    for token in [token(&own), token(&acted)] {
        assert_eq!(server.userinfo(&token).await.status, 401);
        assert_eq!(server.introspect(&token).await.json(), serde_json::json!({"active": false}));
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "legacy"),
        ("client_secret", "legacy-secret"),
        ("refresh_token", own["refresh_token"].as_str().unwrap()),
    ];
    let refreshed = server.browser().post_form("/oauth/token", &form).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant", "{}", refreshed.body);
    assert_eq!(server.browser().get(&waiting).await.status, 403);
    let body = serde_json::json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
    assert_eq!(server.ask_with(&global, "usr_alice", body).await.status, 401);
    for (table, live) in [("sessions", "ended_at IS NULL"), ("impersonations", "ended_at IS NULL")]
    {
        let left = format!("SELECT count(*) FROM {table} WHERE {live}");
        assert_eq!(server.db.count(&left).await, 0, "{table}");
    }
    // Applications check with our metadata: nothing in them is of the old keys, the next one neither.
    for path in metadata {
        let fresh = async || certificates(&server, path).await.is_disjoint(&old);
        until("the metadata change", 5, fresh).await;
        assert_eq!(certificates(&server, path).await.len(), 2);
    }
    let told = "SELECT count(*) FROM audit_events WHERE type = 'key.replaced' \
        AND detail -> 'retired' ? (SELECT min(id) FROM signing_keys WHERE state = 'retired')";
    assert_eq!(server.db.count(told).await, 1);
    let ended = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.ended'";
    assert_eq!(server.db.count(ended).await, 3);
    // And everything works again, with keys of now.
    assert!(is_signed_in(&server.alice().await).await);
    let new = token(&server.impersonated_tokens().await);
    assert_eq!(server.userinfo(&new).await.status, 200);
}

#[tokio::test]
async fn i06_a_token_of_a_removed_key_is_refused_although_no_row_knows_it() {
    let server = TestServer::start().await;
    let old = published(&server).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "machine"),
        ("client_secret", "machine-secret"),
        ("audience", "https://jobs.test/api"),
    ];
    let jwt = server.browser().post_form("/oauth/token", &form).await.json();
    let jwt = jwt["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.introspect(&jwt).await.json()["active"], true);
    let rows = "SELECT count(*) FROM access_tokens WHERE client_id = 'machine'";
    assert_eq!(server.db.count(rows).await, 0, "its signature is all there is");

    assert!(run(&server.db.url, COMMAND).success);
    let refused = async || server.introspect(&jwt).await.json()["active"] == false;
    until("it is refused", 5, refused).await;
    // The token is over with the commit; the nodes follow the keys within a second.
    let followed = async || published(&server).await.is_disjoint(&old);
    until("the keys change", 5, followed).await;
    let answer = server.browser().get("/.well-known/jwks.json").await;
    // Who caches the keys asks again within ten minutes.
    assert_eq!(answer.header("cache-control"), Some("max-age=300"));
    let new = published(&server).await;
    assert!(new.is_disjoint(&old) && new.len() == old.len(), "{old:?} {new:?}");
}

#[tokio::test]
async fn replacing_every_key_has_to_be_meant() {
    let server = TestServer::start().await;
    let before = server.db.contents().await;
    let said = run(&server.db.url, &["keys", "replace"]);
    assert!(!said.success && said.err.contains("--compromised"), "{said:?}");
    assert_eq!(server.db.contents().await, before);
}
