use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::settings::tests::settings;

struct Provider {
    key: EncodingKey,
    keys: JwkSet,
}

fn provider() -> Provider {
    let random = ring::rand::SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let public = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let x = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        public.public_key(),
    );
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k1", "x": x});
    let jwk: Jwk = serde_json::from_value(jwk).unwrap();
    Provider { key: EncodingKey::from_ed_der(pkcs8.as_ref()), keys: JwkSet { keys: vec![jwk] } }
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("logout+jwt".to_owned());
    header.kid = Some("k1".to_owned());
    header
}

fn claims() -> Value {
    let now = now().timestamp();
    json!({
        "iss": "http://127.0.0.1:8080", "aud": "demo", "iat": now, "exp": now + 120,
        "jti": "j1", "sid": "s1", "events": {EVENT: {}},
    })
}

fn verdict(header: &Header, claims: &Value) -> Result<LogoutToken, Refusal> {
    let provider = provider();
    let token = encode(header, claims, &provider.key).unwrap();
    check(&token, &provider.keys, &settings(), now().timestamp())
}

#[test]
fn a_good_logout_token_names_its_session() {
    let token = verdict(&header(), &claims()).unwrap();
    assert_eq!(token.sid.as_deref(), Some("s1"));
}

#[test]
fn each_broken_claim_is_refused() {
    let refused = |change: fn(&mut Value), reason: Refusal| {
        let mut claims = claims();
        change(&mut claims);
        assert_eq!(verdict(&header(), &claims).unwrap_err(), reason, "{claims}");
    };
    refused(|it| it["iss"] = json!("http://127.0.0.1:8080/"), Refusal::Unproven);
    refused(|it| it["aud"] = json!("another"), Refusal::Unproven);
    refused(|it| it["exp"] = json!(1), Refusal::Unproven);
    refused(|it| _ = it.as_object_mut().unwrap().remove("jti"), Refusal::Unproven);
    refused(|it| _ = it.as_object_mut().unwrap().remove("exp"), Refusal::Unproven);
    refused(|it| _ = it.as_object_mut().unwrap().remove("sid"), Refusal::Form);
    refused(|it| it["events"] = json!({}), Refusal::Form);
    refused(|it| it["nonce"] = json!("n"), Refusal::Form);
    refused(|it| it["nonce"] = json!(null), Refusal::Form);
    refused(|it| it["iat"] = json!(1), Refusal::Stale);
    refused(|it| it["iat"] = json!(it["iat"].as_i64().unwrap() + 3600), Refusal::Stale);
}

#[test]
fn an_id_token_is_no_logout_token() {
    let mut header = header();
    header.typ = Some("JWT".to_owned());
    assert_eq!(verdict(&header, &claims()).unwrap_err(), Refusal::Form);
    header.typ = None;
    assert_eq!(verdict(&header, &claims()).unwrap_err(), Refusal::Form);
}

#[test]
fn a_key_of_somebody_else_is_refused() {
    let theirs = provider();
    let ours = provider();
    let token = encode(&header(), &claims(), &theirs.key).unwrap();
    let now = now().timestamp();
    assert_eq!(check(&token, &ours.keys, &settings(), now).unwrap_err(), Refusal::Unproven);
    let nobody = JwkSet { keys: Vec::new() };
    assert_eq!(check(&token, &nobody, &settings(), now).unwrap_err(), Refusal::UnknownKey);
}

#[test]
fn a_logout_token_works_once() {
    let seen = Seen::default();
    assert!(seen.first_time("j1", 1_000));
    assert!(!seen.first_time("j1", 1_001));
    assert!(seen.first_time("j2", 1_001));
}
