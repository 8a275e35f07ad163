//! Tokens that we alone can make and need not store, such as those against request forgery.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::fmt;

/// HMAC-SHA256 under one key; the purpose keeps its uses apart.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

/// A key shorter than the hash is no key ([RFC 7518 §3.2]).
///
/// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a MAC key has at least 32 bytes")]
pub struct MacKeyTooShort;

impl MacKey {
    pub fn new(bytes: &[u8]) -> Result<Self, MacKeyTooShort> {
        if bytes.len() < 32 {
            return Err(MacKeyTooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// No two different lists of parts have the same framing: each is preceded by its length.
    pub fn sign(&self, purpose: &str, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &framed(purpose, parts)))
    }

    /// The same as bytes, for a row of a table.
    pub fn tag(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut tag = [0_u8; 32];
        tag.copy_from_slice(hmac::sign(&self.0, &framed(purpose, parts)).as_ref());
        tag
    }

    /// In constant time.
    pub fn verify_tag(&self, purpose: &str, parts: &[&str], tag: &[u8]) -> bool {
        hmac::verify(&self.0, &framed(purpose, parts), tag).is_ok()
    }

    /// In constant time. A token in another spelling of base64 is refused.
    pub fn verify(&self, purpose: &str, parts: &[&str], token: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(token)
            .is_ok_and(|tag| hmac::verify(&self.0, &framed(purpose, parts), &tag).is_ok())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

fn framed(purpose: &str, parts: &[&str]) -> Vec<u8> {
    let mut message = Vec::with_capacity(256);
    for part in std::iter::once(&purpose).chain(parts) {
        message.extend_from_slice(&part.len().to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_purpose_its_parts_and_its_key_only() {
        let key = MacKey::new(&[7; 32]).unwrap();
        let token = key.sign("csrf", &["ab", "c"]);
        assert!(key.verify("csrf", &["ab", "c"], &token));
        for (purpose, parts) in [
            ("other", &["ab", "c"][..]),
            ("csrf", &["a", "bc"]),
            ("csrf", &["abc"]),
            ("csrf", &["ab", "c", ""]),
            ("csrfab", &["c"]),
        ] {
            assert!(!key.verify(purpose, parts, &token), "{purpose} {parts:?}");
        }
        assert!(!MacKey::new(&[8; 32]).unwrap().verify("csrf", &["ab", "c"], &token));
        assert!(!key.verify("csrf", &["ab", "c"], ""));
        assert!(!key.verify("csrf", &["ab", "c"], &format!("{token}=")));
    }

    #[test]
    fn a_short_key_is_refused_and_no_key_is_shown() {
        assert!(MacKey::new(&[7; 31]).is_err());
        assert_eq!(format!("{:?}", MacKey::new(&[7; 32]).unwrap()), "MacKey(…)");
    }
}
