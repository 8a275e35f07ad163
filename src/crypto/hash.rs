//! Digests and the comparison that does not tell how far it got.
use super::keys::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use subtle::ConstantTimeEq as _;

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0_u8; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// SHA-256 over what is not in memory at once.
pub struct Hasher(digest::Context);

impl Hasher {
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> [u8; 32] {
        let mut out = [0_u8; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The only form in which a secret we made is stored.
///
/// No salt and no work factor: our secrets have 256 bits. People's passwords go to [`super::password`].
pub fn hash_secret(secret: &str) -> Vec<u8> {
    sha256(secret.as_bytes()).to_vec()
}

/// An XML id for a message, out of what nobody else knows: an underscore and 128 bits in hex, because an
/// `xs:ID` begins with no digit.
pub fn xml_id(label: &str, secret: &str) -> String {
    use std::fmt::Write as _;
    let digest = sha256(format!("{label}\n{secret}").as_bytes());
    digest.iter().take(16).fold(String::from("_"), |mut id, byte| {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Takes the same time wherever the first difference is; the lengths are not secret.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// `at_hash` and `c_hash`: the left half of the digest that the ID token's `alg` uses
/// ([OpenID Connect Core §3.1.3.6]). `EdDSA` over Ed25519 hashes with SHA-512.
///
/// [OpenID Connect Core §3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
pub fn left_half_hash(alg: Algorithm, value: &str) -> String {
    let algorithm = match alg {
        Algorithm::Rs256 | Algorithm::Es256 | Algorithm::Hs256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(algorithm, value.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// The `S256` challenge of a verifier ([RFC 7636 §4.2]).
///
/// [RFC 7636 §4.2]: https://www.rfc-editor.org/rfc/rfc7636#section-4.2
pub fn pkce_s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(pkce_s256(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_left_half_is_the_one_of_the_openid_examples() {
        // OpenID Connect Core, appendix A.3 and A.4.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(left_half_hash(Algorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(left_half_hash(Algorithm::Es256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(left_half_hash(Algorithm::EdDsa, token).len(), 43);
    }

    #[test]
    fn a_stored_secret_is_its_sha256() {
        assert_eq!(hash_secret("abc").get(..4), Some(&[0xba, 0x78, 0x16, 0xbf][..]));
        assert!(constant_time_eq(&hash_secret("abc"), &sha256(b"abc")));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"ab"));
    }
}
