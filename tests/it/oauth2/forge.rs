//! Tokens with any header and any claims, signed or not.
use super::TestServer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use understudy::crypto::keys::{Algorithm, generate};

/// A P-256 key.
pub struct Forge {
    pub kid: String,
    pub jwk: Value,
    private: Vec<u8>,
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The two signed parts of a token.
pub fn unsigned(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

impl Forge {
    /// A key of an application.
    pub fn new(kid: &str) -> Self {
        let key = generate(Algorithm::Es256).unwrap();
        let mut jwk = key.public_jwk.clone();
        jwk["kid"] = kid.into();
        Self { kid: kid.to_owned(), jwk, private: key.private.to_vec() }
    }

    /// The server's own key, as only somebody would have it who had broken in.
    pub async fn of(server: &TestServer) -> Self {
        let sql = "SELECT id, private_sealed, public_jwk::text FROM signing_keys \
                   WHERE algorithm = 'ES256' AND state = 'current'";
        let rows = server.db.rows(sql).await;
        let (kid, sealed): (String, Vec<u8>) = (rows[0].get(0), rows[0].get(1));
        let private = server.parts.shared.keys.master().open(&kid, &sealed).unwrap().to_vec();
        let jwk = serde_json::from_str(rows[0].get(2)).unwrap();
        Self { kid, jwk, private }
    }

    pub fn set(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// The usual header with this `typ`; none with an empty one.
    pub fn typed(&self, typ: &str, claims: &Value) -> String {
        let mut header = json!({ "alg": "ES256", "kid": self.kid });
        if !typ.is_empty() {
            header["typ"] = typ.into();
        }
        self.sign(&header, claims)
    }

    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let rng = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.private, &rng)
            .unwrap();
        let signed = unsigned(header, payload);
        let signature = pair.sign(&rng, signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }
}

/// The database's clock, in seconds.
pub async fn now(server: &TestServer) -> i64 {
    server.db.count("SELECT extract(epoch FROM clock_now())::bigint").await
}
