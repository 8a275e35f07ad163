//! What is in an ID token and a JWT access token, in every algorithm.
use super::jwt::header;
use super::*;
use crate::support::words::claims;
use serde_json::json;
use std::collections::BTreeSet;
use understudy::crypto::jwk::parse_set;
use understudy::crypto::jws::verify;

const ID_TOKEN: &str = "iss sub aud exp iat auth_time nonce at_hash sid acr amr \
                        name given_name family_name nickname picture";

/// OpenID Connect Core §3.1.3.6, with the digest of the signature; Ed25519 hashes with SHA-512.
fn left_half(algorithm: &str, token: &str) -> String {
    let ed25519 = algorithm == "EdDSA";
    let digest = if ed25519 { &ring::digest::SHA512 } else { &ring::digest::SHA256 };
    let digest = ring::digest::digest(digest, token.as_bytes());
    forge::encode(&digest.as_ref()[..digest.as_ref().len() / 2])
}

#[tokio::test]
async fn c95_an_id_token_is_whole_and_signed_as_registered() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let server = TestServer::start().await;
        let sql =
            format!("UPDATE clients SET id_token_algorithm = '{algorithm}' WHERE id = 'orders'");
        server.db.sql(&sql).await;
        let alice = server.alice().await;
        let code =
            alice.code(&[("scope", "openid profile"), ("nonce", "n"), ("max_age", "100")]).await;
        let tokens = server.redeem(&code).await.json();
        let id_token = text(&tokens, "id_token");
        let head = header(id_token);
        assert_eq!((&head["alg"], &head["typ"]), (&json!(algorithm), &json!("JWT")));
        let keys = parse_set(&server.browser().get("/.well-known/jwks.json").await.json()).unwrap();
        let keys = keys.iter().map(|(kid, key)| (kid.as_str(), key));
        let verified = verify(id_token, &["JWT"], keys).unwrap();
        let names: BTreeSet<_> = verified.keys().map(String::as_str).collect();
        assert_eq!(names, ID_TOKEN.split(' ').collect());
        let id_token = claims(id_token);
        assert_eq!((&id_token["iss"], &id_token["aud"]), (&json!(server.url), &json!("orders")));
        let sub = text(&id_token, "sub");
        assert!(sub.is_ascii() && sub.len() <= 255);
        let at_hash = left_half(algorithm, text(&tokens, "access_token"));
        assert_eq!(id_token["at_hash"], at_hash);
        let (iat, exp) = (id_token["iat"].as_i64().unwrap(), id_token["exp"].as_i64().unwrap());
        let now = forge::now(&server).await;
        assert!((iat - now).abs() < 30 && exp > iat && exp <= iat + 3600);
        assert!(id_token["auth_time"].as_i64().unwrap() <= iat);
    }
}

#[tokio::test]
async fn c95_a_jwt_for_an_api_says_whom_it_is_for() {
    let server = TestServer::start().await;
    let changes = [("audience", "https://orders.test/api"), ("scope", "openid orders:read")];
    let code = server.alice().await.code(&changes).await;
    let tokens = server.redeem(&code).await.json();
    let jwt = text(&tokens, "access_token");
    assert_eq!(header(jwt)["typ"], "at+jwt");
    let token = claims(jwt);
    assert_eq!(token["aud"], "https://orders.test/api");
    assert_eq!((&token["iss"], &token["sub"]), (&json!(server.url), &json!("usr_alice")));
    assert_eq!(
        (&token["client_id"], &token["scope"]),
        (&json!("orders"), &json!("openid orders:read"))
    );
    for name in ["exp", "iat", "auth_time"] {
        assert!(token[name].is_i64(), "{name}");
    }
    assert!(text(&token, "jti").len() >= 43);
    for absent in ["email", "name", "nonce", "impersonated", "act"] {
        assert_eq!(token.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn c96_what_users_write_about_themselves_never_becomes_a_claim() {
    // Alice's metadata pretends that she is impersonated by somebody.
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid profile email phone").await;
    let id_token = claims(text(&tokens, "id_token"));
    let profile = server.userinfo(text(&tokens, "access_token")).await.json();
    for told in [id_token, profile] {
        for absent in ["impersonated", "impersonator", "act", "user_metadata", "app_metadata"] {
            assert_eq!(told.get(absent), None, "{absent}");
        }
    }
}

#[tokio::test]
async fn a_granted_scope_is_told_and_an_unknown_one_is_not_granted() {
    let server = TestServer::start().await;
    let tokens = server.alices_tokens("openid orders:read admin crm:read").await;
    assert_eq!(tokens["scope"], "openid orders:read");
}
