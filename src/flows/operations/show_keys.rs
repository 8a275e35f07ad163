//! Shows the signing keys without their private parts (H16).
use crate::crypto::certificate;
use crate::crypto::hash::sha256;
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::store::tokens::signing_keys::SealedKey;
use crate::store::{self, StoreError};
use serde_json::{Value, json};

const TABLE: &str = "signing_keys";
/// Of RSA, elliptic curves and Ed25519 ([RFC 7518 §6], [RFC 8037 §2]).
///
/// [RFC 7518 §6]: https://www.rfc-editor.org/rfc/rfc7518#section-6
/// [RFC 8037 §2]: https://www.rfc-editor.org/rfc/rfc8037#section-2
const PUBLIC_MEMBERS: [&str; 6] = ["kty", "n", "e", "crv", "x", "y"];

/// A key without its private part.
pub struct ShownKey {
    pub id: String,
    pub algorithm: String,
    /// `token`, `bewit` or `xml`.
    pub purpose: String,
    pub state: KeyState,
    pub created_at: Timestamp,
    /// When nothing that it signed counts any more, or its certificate ends.
    pub ends_at: Option<Timestamp>,
    /// SHA-256 of the certificate, as people compare it.
    pub fingerprint: Option<String>,
    /// DER.
    certificate: Option<Vec<u8>>,
    jwk: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    Current,
    /// Published, and not in use yet.
    Next,
    /// Signs nothing more; what it signed counts until it ends.
    Retiring,
    Retired,
}

/// What may be taken away of a key.
pub enum PublishedKey {
    /// With `kid`, `use` and `alg` ([RFC 7517]).
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    Jwk(Value),
    /// In PEM.
    Certificate(String),
}

/// All that there are, those in use first, and what time it is.
pub async fn list_keys(ctx: &Context) -> Result<(Vec<ShownKey>, Timestamp), StoreError> {
    let conn = ctx.store.conn().await?;
    let (keys, now) = store::tokens::signing_keys::list(&conn).await?;
    let read = keys.into_iter().map(|key| public(key, now));
    let mut keys = read.collect::<Result<Vec<ShownKey>, StoreError>>()?;
    keys.sort_by(|a, b| {
        (a.state, &a.purpose, &a.algorithm).cmp(&(b.state, &b.purpose, &b.algorithm))
    });
    Ok((keys, now))
}

fn public(key: SealedKey, now: Timestamp) -> Result<ShownKey, StoreError> {
    let corrupt =
        |what: &str| StoreError::Corrupt { table: TABLE, what: format!("key {}: {what}", key.id) };
    let over = key.retires_at.is_some_and(|at| at <= now);
    let state = match key.state.as_str() {
        _ if over => KeyState::Retired,
        "current" => KeyState::Current,
        "next" => KeyState::Next,
        "retiring" => KeyState::Retiring,
        "retired" => KeyState::Retired,
        other => return Err(corrupt(other)),
    };
    let until = match &key.certificate {
        Some(der) => Some(certificate::not_after(der).map_err(|_| corrupt("its certificate"))?),
        None => None,
    };
    Ok(ShownKey {
        ends_at: key.retires_at.or(until),
        fingerprint: key.certificate.as_deref().map(fingerprint),
        id: key.id,
        algorithm: key.algorithm,
        purpose: key.purpose,
        state,
        created_at: key.created_at,
        certificate: key.certificate,
        jwk: key.public_jwk,
    })
}

fn fingerprint(der: &[u8]) -> String {
    let pairs = sha256(der).map(|byte| format!("{byte:02X}"));
    pairs.join(":")
}

impl ShownKey {
    /// `None` where there is no public part: a key for links is a secret of ours.
    pub fn public(&self) -> Option<PublishedKey> {
        if let Some(der) = &self.certificate {
            return Some(PublishedKey::Certificate(certificate::to_pem(der)));
        }
        let mut jwk = self.jwk.clone().filter(|_| self.purpose == "token")?;
        let members = jwk.as_object_mut()?;
        // Only the public members, because a later version may store others.
        members.retain(|name, _| PUBLIC_MEMBERS.contains(&name.as_str()));
        let own = [("kid", json!(self.id)), ("use", json!("sig")), ("alg", json!(self.algorithm))];
        members.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Some(PublishedKey::Jwk(jwk))
    }
}

/// DER of the certificate whose key signs XML now.
pub fn xml_certificate(ctx: &Context) -> Result<Vec<u8>, StoreError> {
    let ring = ctx.shared.keys.ring()?;
    let text = ring.xml_signer().certificate().to_owned();
    certificate::from_base64(&text)
        .map_err(|_| StoreError::Corrupt { table: TABLE, what: "a certificate".to_owned() })
}
