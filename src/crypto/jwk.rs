//! Public keys, ours and other people's, as they stand in a JWK ([RFC 7517], [RFC 7518 §6], [RFC 8037]).
//!
//! A key knows its algorithms; what a token's header says is only compared with them.
//!
//! [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
//! [RFC 7518 §6]: https://www.rfc-editor.org/rfc/rfc7518#section-6
//! [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037
use super::keys::KeyError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey, agree_ephemeral};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

/// Members that make a JWK private ([RFC 7518 §6.2.2, §6.3.2, §6.4]).
///
/// [RFC 7518 §6.2.2, §6.3.2, §6.4]: https://www.rfc-editor.org/rfc/rfc7518#section-6.2.2
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key whose strength has been judged. Parse it once and keep it.
#[derive(Debug, Clone)]
pub struct VerifyingKey(PublicPart);

#[derive(Debug, Clone)]
enum PublicPart {
    /// `only` is the `alg` of the JWK, if it has one.
    Rsa {
        components: RsaPublicKeyComponents<Vec<u8>>,
        only: Option<RsaHash>,
    },
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RsaHash {
    Rs256,
    Rs384,
    Rs512,
}

impl RsaHash {
    fn parse(alg: &str) -> Option<Self> {
        match alg {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            _ => None,
        }
    }

    fn parameters(self) -> &'static RsaParameters {
        match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

impl VerifyingKey {
    /// RSA from 2048 bits and exponent 65537, P-256, Ed25519. An RSA key without `alg` is good for RS256,
    /// RS384 and RS512; every other key for one algorithm.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::Malformed)?;
        let text = |name: &str| match jwk.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(KeyError::Malformed),
        };
        let part = |name: &str| {
            let text = text(name)?.ok_or(KeyError::Malformed)?;
            URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)
        };
        let (kty, crv, alg) = (text("kty")?, text("crv")?, text("alg")?);
        if kty == Some("oct") || PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
            return Err(KeyError::NotPublic);
        }
        if text("use")?.is_some_and(|u| u != "sig") || !may_verify(jwk.get("key_ops"))? {
            return Err(KeyError::Unsupported);
        }
        match (kty, crv) {
            (Some("RSA"), _) => rsa(part("n")?, part("e")?, alg),
            (Some("EC"), Some("P-256")) if matches!(alg, None | Some("ES256")) => {
                p256(&part("x")?, &part("y")?)
            }
            // RFC 9864 §2.2 gives EdDSA over this curve a name of its own.
            (Some("OKP"), Some("Ed25519")) if matches!(alg, None | Some("EdDSA" | "Ed25519")) => {
                let x = part("x")?.try_into().map_err(|_| KeyError::Malformed)?;
                Ok(Self(PublicPart::Ed25519(x)))
            }
            (Some(_), _) => Err(KeyError::Unsupported),
            (None, _) => Err(KeyError::Malformed),
        }
    }

    pub(super) fn accepts(&self, alg: &str) -> bool {
        match &self.0 {
            PublicPart::Rsa { only, .. } => {
                RsaHash::parse(alg).is_some_and(|hash| only.is_none_or(|only| only == hash))
            }
            PublicPart::P256(_) => alg == "ES256",
            PublicPart::Ed25519(_) => matches!(alg, "EdDSA" | "Ed25519"),
        }
    }

    pub(super) fn verify(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        if !self.accepts(alg) {
            return false;
        }
        match &self.0 {
            PublicPart::Rsa { components, .. } => RsaHash::parse(alg).is_some_and(|hash| {
                components.verify(hash.parameters(), message, signature).is_ok()
            }),
            PublicPart::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            PublicPart::Ed25519(x) => {
                UnparsedPublicKey::new(&ED25519, x).verify(message, signature).is_ok()
            }
        }
    }
}

/// The keys of a JWK set, with their `kid` (empty where there is none).
///
/// Keys for other uses are passed over ([RFC 7517 §5]); a weak, private or broken one spoils the set.
///
/// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
pub fn parse_set(jwks: &Value) -> Result<Vec<(String, VerifyingKey)>, KeyError> {
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::Malformed)?;
    let mut parsed = Vec::with_capacity(keys.len());
    for jwk in keys {
        let kid = match jwk.get("kid") {
            None => "",
            Some(kid) => kid.as_str().ok_or(KeyError::Malformed)?,
        };
        match VerifyingKey::from_jwk(jwk) {
            Ok(key) => parsed.push((kid.to_owned(), key)),
            Err(KeyError::Unsupported) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(parsed)
}

fn may_verify(key_ops: Option<&Value>) -> Result<bool, KeyError> {
    match key_ops {
        None => Ok(true),
        Some(ops) => Ok(ops
            .as_array()
            .ok_or(KeyError::Malformed)?
            .iter()
            .any(|op| op.as_str() == Some("verify"))),
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>, alg: Option<&str>) -> Result<VerifyingKey, KeyError> {
    let only = match alg {
        None => None,
        Some(alg) => Some(RsaHash::parse(alg).ok_or(KeyError::Unsupported)?),
    };
    // RFC 7518 §6.3.1: no leading zero octets. Both numbers are odd.
    for number in [&n, &e] {
        if number.first().is_none_or(|b| *b == 0) || number.last().is_none_or(|b| b & 1 == 0) {
            return Err(KeyError::Malformed);
        }
    }
    let exponent = e.iter().try_fold(0_u32, |sum, b| Some(sum.checked_mul(256)? | u32::from(*b)));
    let exponent = exponent.ok_or(KeyError::Unsupported)?;
    // The first byte is not 0, so 256 bytes are 2041 bits or more.
    let short = n.len() < 256 || (n.len() == 256 && n.first().is_none_or(|b| *b < 0x80));
    if short || exponent < 65_537 {
        return Err(KeyError::Weak);
    }
    if n.len() > 1024 {
        return Err(KeyError::Unsupported);
    }
    Ok(VerifyingKey(PublicPart::Rsa { components: RsaPublicKeyComponents { n, e }, only }))
}

fn p256(x: &[u8], y: &[u8]) -> Result<VerifyingKey, KeyError> {
    if x.len() != 32 || y.len() != 32 {
        return Err(KeyError::Malformed);
    }
    // SEC 1 §2.3.3.
    let point = <[u8; 65]>::try_from([&[4], x, y].concat()).map_err(|_| KeyError::Malformed)?;
    // ring says whether a point is on the curve only when it is asked to agree on a key with it.
    let judge = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())
        .map_err(|_| KeyError::NotMade)?;
    let other = agreement::UnparsedPublicKey::new(&ECDH_P256, point);
    agree_ephemeral(judge, &other, |_| ()).map_err(|_| KeyError::Malformed)?;
    Ok(VerifyingKey(PublicPart::P256(point)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::{Algorithm, generate};
    use serde_json::json;

    fn jwk(algorithm: Algorithm) -> Value {
        generate(algorithm).unwrap().public_jwk
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn refused(jwk: &Value) -> KeyError {
        VerifyingKey::from_jwk(jwk).err().unwrap_or_else(|| panic!("accepted: {jwk}"))
    }

    fn number(bytes: &[u8]) -> Value {
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    #[test]
    fn c78_weak_keys_are_refused() {
        let rsa = jwk(Algorithm::Rs256);
        let mut short = vec![0xff; 128];
        assert_eq!(refused(&with(rsa.clone(), "n", number(&short))), KeyError::Weak);
        short = vec![0x7f; 255];
        short.push(0xff);
        assert_eq!(refused(&with(rsa.clone(), "n", number(&short))), KeyError::Weak);
        for exponent in [&[1][..], &[3], &[17], &[0xff, 0xff]] {
            assert_eq!(refused(&with(rsa.clone(), "e", number(exponent))), KeyError::Weak);
        }
        for exponent in [&[0][..], &[2], &[0, 1, 0, 1], &[1, 0, 0], &[]] {
            assert_eq!(refused(&with(rsa.clone(), "e", number(exponent))), KeyError::Malformed);
        }
        let oct = json!({ "kty": "oct", "k": "c2hvcnQ", "alg": "HS256" });
        assert_eq!(refused(&oct), KeyError::NotPublic);
    }

    #[test]
    fn c78_other_curves_and_points_beside_the_curve_are_refused() {
        let ec = jwk(Algorithm::Es256);
        for curve in ["P-192", "P-384", "P-521", "secp256k1", "p-256", ""] {
            assert_eq!(refused(&with(ec.clone(), "crv", curve.into())), KeyError::Unsupported);
        }
        let x = ec["x"].clone();
        for y in [x, number(&[0; 32]), number(&[0xff; 32]), number(&[1; 31]), number(&[1; 33])] {
            assert_eq!(refused(&with(ec.clone(), "y", y)), KeyError::Malformed);
        }
        let ed = jwk(Algorithm::EdDsa);
        assert_eq!(refused(&with(ed.clone(), "crv", "Ed448".into())), KeyError::Unsupported);
        assert_eq!(refused(&with(ed, "x", number(&[1; 31]))), KeyError::Malformed);
    }

    #[test]
    fn a_private_key_is_not_taken_for_a_public_one() {
        for member in PRIVATE_MEMBERS {
            let leaked = with(jwk(Algorithm::EdDsa), member, "AA".into());
            assert_eq!(refused(&leaked), KeyError::NotPublic, "{member}");
        }
    }

    #[test]
    fn a_key_for_another_use_or_algorithm_is_refused() {
        let rsa = jwk(Algorithm::Rs256);
        for (name, value) in [
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("alg", json!("HS256")),
            ("alg", json!("none")),
            ("alg", json!("PS256")),
            ("alg", json!("ES256")),
            ("kty", json!("rsa")),
        ] {
            assert_eq!(refused(&with(rsa.clone(), name, value)), KeyError::Unsupported);
        }
        for wrong in [json!(null), json!([]), json!({}), json!({ "kty": 1 })] {
            assert_eq!(refused(&wrong), KeyError::Malformed);
        }
        assert_eq!(refused(&with(rsa, "n", json!("a+/="))), KeyError::Malformed);
    }

    #[test]
    fn a_key_is_good_for_its_own_algorithms() {
        let good = |jwk: &Value| {
            let key = VerifyingKey::from_jwk(jwk).unwrap();
            let algorithms =
                ["RS256", "RS384", "RS512", "ES256", "EdDSA", "HS256", "none", "PS256"];
            algorithms.into_iter().filter(|alg| key.accepts(alg)).collect::<Vec<_>>()
        };
        let rsa = jwk(Algorithm::Rs256);
        assert_eq!(good(&rsa), ["RS256", "RS384", "RS512"]);
        assert_eq!(good(&with(rsa, "alg", "RS384".into())), ["RS384"]);
        assert_eq!(good(&jwk(Algorithm::Es256)), ["ES256"]);
        assert_eq!(good(&jwk(Algorithm::EdDsa)), ["EdDSA"]);
    }

    #[test]
    fn a_set_leaves_out_what_is_not_for_us_and_is_spoilt_by_a_weak_key() {
        let mine = with(jwk(Algorithm::Es256), "kid", "a".into());
        let other = json!({ "kty": "EC", "crv": "P-521", "kid": "b" });
        let set = parse_set(&json!({ "keys": [mine, other, jwk(Algorithm::EdDsa)] })).unwrap();
        assert_eq!(set.iter().map(|(kid, _)| kid.as_str()).collect::<Vec<_>>(), ["a", ""]);
        let weak = with(jwk(Algorithm::Rs256), "e", "Aw".into());
        let spoilt = parse_set(&json!({ "keys": [jwk(Algorithm::EdDsa), weak] }));
        assert_eq!(spoilt.err(), Some(KeyError::Weak));
        assert!(parse_set(&json!({})).is_err());
    }
}
