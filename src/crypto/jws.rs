//! Signed tokens in compact form ([RFC 7515], [RFC 7519], [RFC 8725]).
//!
//! A token's header chooses nothing: the key says which algorithm, the caller which type, and keys
//! come from the caller's set, never from `jwk`, `jku`, `x5u` or `x5c`. Encrypted tokens are not spoken.
//! Start at [`sign`] and [`verify`]; times are judged in [`crate::domain::times`].
//!
//! [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515
//! [RFC 7519]: https://www.rfc-editor.org/rfc/rfc7519
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725
use super::jwk::VerifyingKey;
use super::keys::{KeyError, SigningKey};
use crate::domain::json::parse_object;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Ours have 1 KiB or less; the longest request object seen elsewhere fits several times.
pub const MAX_TOKEN: usize = 16 * 1024;
const MAX_KID: usize = 255;
/// Without a `kid` every key of the set may be the one; more attempts than this are somebody's work for us.
const MAX_ATTEMPTS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("the claims cannot be written as JSON")]
    Claims,
    #[error("the key does not sign")]
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("not a signed token in compact form")]
    Malformed,
    #[error("longer than 16 KiB")]
    TooLong,
    /// `crit`, or `b64`, which changes what is signed ([RFC 7797 §6]).
    ///
    /// [RFC 7797 §6]: https://www.rfc-editor.org/rfc/rfc7797#section-6
    #[error("asks for an extension that is not spoken here")]
    Critical,
    #[error("a token for something else")]
    WrongType,
    #[error("signed with a key that is not in the set")]
    UnknownKey,
    #[error("signed with an algorithm that is not the key's")]
    WrongAlgorithm,
    #[error("the signature is not the key's")]
    BadSignature,
}

/// `typ` as in `at+jwt`; an empty one leaves the member out.
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
    let claims = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
    // Header and an elliptic-curve signature take some 200 characters.
    let mut token = String::with_capacity(claims.len() / 3 * 4 + 256);
    key.push_header(typ, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
    key.push_signature(&mut token).map_err(|_: KeyError| SignError::Key)?;
    Ok(token)
}

/// What a token says about itself. A hint for finding keys, not a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
    pub typ: Option<String>,
}

pub fn decode_header(token: &str) -> Result<Header, JwsError> {
    Ok(JwsParts::split(token)?.header)
}

/// Claims that nobody has vouched for yet: good for finding out whose keys to [`verify`] with, no more.
pub fn unverified_claims(token: &str) -> Result<Map<String, Value>, JwsError> {
    JwsParts::split(token)?.claims()
}

/// The claims, if one of `keys` signed them and the token is of one of `types`.
///
/// `types` are compared as media types ([RFC 7515 §4.1.9]); the empty string stands for a token without
/// `typ`, and an empty list accepts nothing: a token for one thing is never taken for another
/// ([RFC 8725 §3.11]). A token with `kid` is verified with the keys of exactly that name; without it, with
/// every key that has its algorithm. Times are not judged here.
///
/// [RFC 7515 §4.1.9]: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9
/// [RFC 8725 §3.11]: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
pub fn verify<'k>(
    token: &str,
    types: &[&str],
    keys: impl IntoIterator<Item = (&'k str, &'k VerifyingKey)>,
) -> Result<Map<String, Value>, JwsError> {
    let parts = JwsParts::split(token)?;
    if !types.iter().any(|typ| same_type(typ, parts.header.typ.as_deref())) {
        return Err(JwsError::WrongType);
    }
    let alg = parts.header.alg.as_str();
    let mut refusal = JwsError::UnknownKey;
    let mut attempts = 0;
    for (kid, key) in keys {
        if parts.header.kid.as_deref().is_some_and(|wanted| wanted != kid) {
            continue;
        }
        if !key.accepts(alg) {
            if refusal == JwsError::UnknownKey {
                refusal = JwsError::WrongAlgorithm;
            }
            continue;
        }
        if key.verify(alg, parts.signed.as_bytes(), &parts.signature) {
            return parts.claims();
        }
        refusal = JwsError::BadSignature;
        attempts += 1;
        if attempts == MAX_ATTEMPTS {
            break;
        }
    }
    Err(refusal)
}

struct JwsParts<'t> {
    header: Header,
    /// Header and payload with the dot between them, as they were sent.
    signed: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
}

impl<'t> JwsParts<'t> {
    fn split(token: &'t str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN {
            return Err(JwsError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        // Five parts are an encrypted token.
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let header =
            Header::read(&parse_object(&decode(header)?).map_err(|_| JwsError::Malformed)?)?;
        Ok(Self { header, signed, payload, signature: decode(signature)? })
    }

    fn claims(&self) -> Result<Map<String, Value>, JwsError> {
        parse_object(&decode(self.payload)?).map_err(|_| JwsError::Malformed)
    }
}

impl Header {
    fn read(members: &Map<String, Value>) -> Result<Self, JwsError> {
        // RFC 7515 §4.1.11: an extension that is not understood refuses the token; we understand none.
        if members.contains_key("crit") || members.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(JwsError::Malformed),
        };
        let kid = text("kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID) {
            return Err(JwsError::UnknownKey);
        }
        Ok(Self {
            alg: text("alg")?.ok_or(JwsError::Malformed)?.to_owned(),
            kid: kid.map(str::to_owned),
            typ: text("typ")?.map(str::to_owned),
        })
    }
}

/// No padding, no spare bits, no other alphabet: one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed)
}

fn same_type(expected: &str, typ: Option<&str>) -> bool {
    let Some(typ) = typ else { return expected.is_empty() };
    let short = match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        Some(_) | None => typ,
    };
    !expected.is_empty() && short.eq_ignore_ascii_case(expected)
}
