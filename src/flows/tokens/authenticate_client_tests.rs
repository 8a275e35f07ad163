use super::*;
use serde_json::json;

const ISSUER: &str = "https://id.example";

fn client() -> Client {
    use crate::domain::Status;
    use crate::domain::client::{ClientImpersonation, ClientKind, SigningAlgorithm};
    use crate::domain::protocol::Redeem;
    use crate::domain::scope::Scopes;
    Client {
        id: ClientId::parse("shop").unwrap(),
        name: "Shop".into(),
        organization: None,
        status: Status::Active,
        kind: ClientKind::Web,
        first_party: true,
        auth_method: AuthMethod::PrivateKeyJwt,
        secret_hashes: vec![hash::hash_secret("one"), hash::hash_secret("two")],
        jwks: None,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        initiate_login_uri: None,
        backchannel_logout_uri: None,
        grant_types: Vec::new(),
        scopes: Scopes::default(),
        api_scopes: Vec::new(),
        audiences: Vec::new(),
        introspect: false,
        id_token_algorithm: SigningAlgorithm::Es256,
        access_token_lifetime: 3600,
        impersonation: ClientImpersonation {
            enabled: true,
            redeem: Redeem::Confirm,
            unsolicited: false,
            read_scopes: Scopes::default(),
            read_only: false,
        },
        saml: None,
        wsfed: None,
        box_: None,
    }
}

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn good() -> Value {
    let now = now().timestamp();
    json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "j", "exp": now + 60, "iat": now })
}

fn accepted(claims: &Value) -> bool {
    check_claims(claims.as_object().unwrap(), &client(), ISSUER, now()).is_some()
}

#[test]
fn c35_every_stored_secret_counts_and_no_other() {
    let client = client();
    assert!(knows_secret(&client, "one") && knows_secret(&client, "two"));
    for wrong in ["", "One", "one ", "onetwo"] {
        assert!(!knows_secret(&client, wrong), "{wrong}");
    }
}

#[test]
fn c40_an_assertion_with_a_defect_is_refused() {
    let now = now().timestamp();
    assert!(accepted(&good()));
    for (name, value) in [
        ("sub", json!(null)),
        ("sub", json!("other")),
        ("iss", json!("other")),
        ("aud", json!("https://id.example/oauth/token")),
        ("aud", json!("https://id.example/")),
        ("aud", json!([ISSUER])),
        ("exp", json!(now - 300)),
        ("exp", json!(null)),
        ("exp", json!(now + MAX_ASSERTION_LIFETIME + 1)),
        ("nbf", json!(now + 61)),
        ("jti", json!("")),
        ("jti", json!(7)),
    ] {
        let mut claims = good();
        claims[name] = value.clone();
        assert!(!accepted(&claims), "{name} = {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        assert!(!accepted(&claims), "without {name}");
    }
}

#[test]
fn c41_a_small_skew_is_accepted() {
    for name in ["nbf", "iat"] {
        let mut claims = good();
        claims[name] = json!(now().timestamp() + 10);
        assert!(accepted(&claims), "{name}");
    }
}
