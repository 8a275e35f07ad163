//! Clients, libraries and programs of others, with every check of theirs on.
use crate::support::counterpart::{node, python, run, shell};
use crate::support::dev::free_port;
use crate::support::{Node, TestDb, TestServer, words};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const MARK: &str = "https://understudy.dev/claims/impersonation";

fn sign_in_story(server: &TestServer) -> Value {
    json!({
        "story": "normal",
        "issuer": server.url,
        "client_id": "orders",
        "client_secret": "orders-secret",
        "redirect_uri": "http://127.0.0.1:9/callback",
        "subject": "usr_alice",
        "person": {"email": "alice@acme.test", "password": "alice-password"},
    })
}

fn impersonation_story(server: &TestServer) -> Value {
    json!({
        "story": "impersonated",
        "issuer": server.url,
        "client_id": "orders",
        "client_secret": "orders-secret",
        "redirect_uri": "http://127.0.0.1:9/callback",
        "initiate_login_uri": "http://127.0.0.1:9/initiate",
        "post_logout_redirect_uri": "http://127.0.0.1:9/",
        "global_id": "global",
        "global_secret": "global-secret",
        "subject": "usr_alice",
        "actor": "usr_sam",
        "names": ["Sam Support", "Alice Chen", "Northwind Orders"],
        "person": {"email": "sam@understudy.test", "password": "sam-password"},
    })
}

#[tokio::test]
async fn openid_client_signs_in_with_every_check_on() {
    let server = TestServer::start().await;
    run(node("openid_client.mjs"), &sign_in_story(&server)).await;
}

#[tokio::test]
async fn k35_openid_client_sees_invalid_client_for_a_wrong_secret() {
    let server = TestServer::start().await;
    let mut facts = sign_in_story(&server);
    facts["story"] = "wrong-secret".into();
    run(node("openid_client.mjs"), &facts).await;
}

#[tokio::test]
async fn a71_openid_client_keeps_every_check_during_an_impersonation() {
    let server = TestServer::start().await;
    run(node("openid_client.mjs"), &impersonation_story(&server)).await;
    let trail = server.db.trail().await;
    assert_eq!(trail.last().unwrap(), "impersonation.ended usr_sam->usr_alice (logout)");
}

#[tokio::test]
async fn authlib_signs_in_with_every_check_on() {
    let server = TestServer::start().await;
    run(python("authlib_client.py"), &sign_in_story(&server)).await;
}

#[tokio::test]
async fn a71_authlib_keeps_every_check_during_an_impersonation() {
    let server = TestServer::start().await;
    run(python("authlib_client.py"), &impersonation_story(&server)).await;
}

#[tokio::test]
async fn hawk_reads_our_links_and_we_read_its() {
    let server = TestServer::start().await;
    let link = server.url.clone() + &server.link("legacy").await;
    let (key_id, key) = link_key(&server).await;
    let facts = json!({
        "link": link, "key_id": key_id, "key": key, "callback": "http://127.0.0.1:9/legacy?code=",
    });
    run(node("hawk.mjs"), &facts).await;
}

/// The key that signs links, opened as the server opens it; in base64.
async fn link_key(server: &TestServer) -> (String, String) {
    let sql =
        "SELECT id, private_sealed FROM signing_keys WHERE purpose = 'bewit' AND state = 'current'";
    let rows = server.db.rows(sql).await;
    let (id, sealed): (String, Vec<u8>) = (rows[0].get(0), rows[0].get(1));
    let key = server.parts.shared.keys.master().open(&id, &sealed).unwrap();
    (id, STANDARD.encode(&*key))
}

/// An ID token of an impersonation, signed with `algorithm`.
async fn id_token(server: &TestServer, algorithm: &str) -> Value {
    let sql = format!("UPDATE clients SET id_token_algorithm = '{algorithm}' WHERE id = 'legacy'");
    server.db.sql(&sql).await;
    let tokens = server.impersonated_tokens().await;
    json!({
        "issuer": server.url,
        "client_id": "legacy",
        "subject": "usr_alice",
        "actor": "usr_sam",
        "algorithm": algorithm,
        "id_token": tokens["id_token"],
    })
}

#[tokio::test]
async fn jose_verifies_the_id_tokens_of_every_algorithm() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let server = TestServer::start().await;
        run(node("jose.mjs"), &id_token(&server, algorithm).await).await;
    }
}

#[tokio::test]
async fn pyjwt_and_joserfc_verify_the_id_tokens_of_every_algorithm() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let server = TestServer::start().await;
        run(python("jwt_check.py"), &id_token(&server, algorithm).await).await;
    }
}

#[tokio::test]
async fn the_contract_of_old_holds_to_the_letter() {
    let server = TestServer::start().await;
    let mut curl = shell("legacy.sh");
    curl.envs([
        ("ISSUER", server.url.as_str()),
        ("GLOBAL_ID", "global"),
        ("GLOBAL_SECRET", "global-secret"),
        ("SUBJECT", "usr_alice"),
        ("ACTOR", "usr_sam"),
        ("CLIENT_ID", "legacy"),
        ("CLIENT_SECRET", "legacy-secret"),
        ("CALLBACK", "http://127.0.0.1:9/legacy"),
    ]);
    let tokens: Value = serde_json::from_str(&run(curl, &Value::Null).await).unwrap();
    let claims = words::claims(tokens["id_token"].as_str().unwrap());
    let profile = server.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    for said in [&claims, &profile] {
        assert_eq!(said["sub"], "usr_alice");
        assert_eq!(said["impersonated"], true);
        assert_eq!(
            said["impersonator"],
            json!({"user_id": "usr_sam", "email": "sam@understudy.test"})
        );
        assert_eq!(said["act"], json!({"iss": server.url, "sub": "usr_sam"}));
        assert_eq!(said[MARK]["mode"], "full");
    }
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["expires_in"].as_i64().unwrap() > 0);
    assert_eq!(tokens.get("refresh_token"), None);
}

/// A browser application behind TLS, where its library expects an issuer to be.
async fn single_page(story: &str) {
    let db = TestDb::create();
    let (issuer, application) = (free_port(), free_port());
    let (issuer, application) =
        (format!("https://127.0.0.1:{issuer}"), format!("https://127.0.0.1:{application}"));
    let text = format!(
        "version: 1\nclients:\n  - {{client_id: page, name: Single Page, kind: spa, first_party: true,\n     \
         redirect_uris: [\"{application}/callback\"], post_logout_redirect_uris: [\"{application}/\"],\n     \
         scopes: [openid, profile, email, offline_access], grant_types: [authorization_code, refresh_token],\n     \
         audiences: [\"https://orders.test\"]}}\n"
    );
    let mut conn = understudy::store::connection::pool::connect(&db.url).await.unwrap();
    let file = understudy::provision::read(&text, |_| None).unwrap_or_else(|it| panic!("{it:?}"));
    let never = understudy::provision::Prune::No;
    understudy::provision::apply_to(&mut conn, &file, never).await.unwrap();
    let server = Node::start(&db, &issuer).await;
    let facts = json!({
        "story": story,
        "issuer": issuer,
        "upstream": server.url,
        "application": application,
        "client_id": "page",
        "audience": "https://orders.test",
        "alice": {"email": "alice@acme.test", "password": "alice-password"},
    });
    run(node("browser/spa.mjs"), &facts).await;
}

#[tokio::test]
async fn auth0_spa_js_signs_in_rotates_its_refresh_tokens_and_calls_an_api() {
    single_page("rotation").await;
}

#[tokio::test]
async fn auth0_spa_js_renews_silently_in_a_hidden_frame() {
    single_page("silent").await;
}

#[tokio::test]
async fn auth0_spa_js_signs_in_through_a_window_of_its_own() {
    single_page("popup").await;
}
