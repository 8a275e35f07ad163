//! Keys of our own: made, loaded once, used for every signature.
use super::random;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use std::fmt;
use zeroize::Zeroizing;

/// What we sign with. `HS256` is for MACs of ours alone (bewits): no token is signed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
    Hs256,
}

impl Algorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// As spelt on the wire: names of algorithms are case-sensitive ([RFC 7515 §4.1.1]).
    ///
    /// [RFC 7515 §4.1.1]: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::EdDsa, Self::Hs256]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not a key in the form that its type has")]
    Malformed,
    #[error("a key type, curve or algorithm that is not spoken here")]
    Unsupported,
    #[error("RSA under 2048 bits or with an exponent under 65537")]
    Weak,
    #[error("a private or symmetric key where a public one belongs")]
    NotPublic,
    #[error("a symmetric key signs no token")]
    NotForSigning,
    #[error("the key could not be made")]
    NotMade,
}

/// Its private part is seen once, here: seal it ([`super::seal`]) and let it go.
pub struct NewKey {
    /// PKCS#8, or for `HS256` the 32 bytes themselves.
    pub private: Zeroizing<Vec<u8>>,
    /// Without `kid`, `use` and `alg`; for `HS256` it is `null`.
    pub public_jwk: Value,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("public_jwk", &self.public_jwk).finish_non_exhaustive()
    }
}

/// RSA takes a tenth of a second or several: not on a request's path.
pub fn generate(algorithm: Algorithm) -> Result<NewKey, KeyError> {
    let rng = SystemRandom::new();
    let private = match algorithm {
        Algorithm::Hs256 => {
            let private = Zeroizing::new(random::bytes::<32>().to_vec());
            return Ok(NewKey { private, public_jwk: Value::Null });
        }
        Algorithm::Rs256 => new_rsa()?,
        Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            .map_err(|_| KeyError::NotMade)?
            .as_ref()
            .to_vec(),
        Algorithm::EdDsa => {
            Ed25519KeyPair::generate_pkcs8(&rng).map_err(|_| KeyError::NotMade)?.as_ref().to_vec()
        }
    };
    let private = Zeroizing::new(private);
    let public_jwk = Pair::load(algorithm, &private)?.public_jwk()?;
    Ok(NewKey { private, public_jwk })
}

fn new_rsa() -> Result<Vec<u8>, KeyError> {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)
        .map_err(|_| KeyError::NotMade)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::NotMade)?;
    Ok(der.as_ref().to_vec())
}

/// A private key, parsed once: parsing RSA costs as much as signing with it.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    pair: Pair,
    public_jwk: Value,
    /// The first part of a token, for each `typ` that we issue.
    headers: Vec<(&'static str, String)>,
}

/// The `typ` of our tokens, whose headers are written once per key.
const OUR_TYPES: [&str; 3] = ["JWT", "at+jwt", "logout+jwt"];

impl SigningKey {
    /// `private` as [`generate`] made it.
    pub fn load(kid: &str, algorithm: Algorithm, private: &[u8]) -> Result<Self, KeyError> {
        if kid.is_empty() {
            return Err(KeyError::Malformed);
        }
        let pair = Pair::load(algorithm, private)?;
        let mut public_jwk = pair.public_jwk()?;
        if let Some(members) = public_jwk.as_object_mut() {
            members.insert("kid".to_owned(), kid.into());
            members.insert("use".to_owned(), "sig".into());
            members.insert("alg".to_owned(), algorithm.as_str().into());
        }
        let headers = OUR_TYPES.map(|typ| (typ, header(kid, algorithm, typ))).to_vec();
        Ok(Self { kid: kid.to_owned(), algorithm, pair, public_jwk, headers })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// As it stands in the key set: with `kid`, `use` and `alg`, and public members only.
    pub fn public_jwk(&self) -> &Value {
        &self.public_jwk
    }

    pub(super) fn push_header(&self, typ: &str, token: &mut String) {
        match self.headers.iter().find(|(known, _)| *known == typ) {
            Some((_, written)) => token.push_str(written),
            None => token.push_str(&header(&self.kid, self.algorithm, typ)),
        }
    }

    /// Appends `.` and the signature over everything that is in `token` already.
    pub(super) fn push_signature(&self, token: &mut String) -> Result<(), KeyError> {
        let append = |signature: &[u8], token: &mut String| {
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(signature, token);
        };
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0_u8; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    token.as_bytes(),
                    &mut signature,
                )
                .map_err(|_| KeyError::NotMade)?;
                append(&signature, token);
            }
            Pair::P256(pair) => {
                let signature = pair
                    .sign(&SystemRandom::new(), token.as_bytes())
                    .map_err(|_| KeyError::NotMade)?;
                append(signature.as_ref(), token);
            }
            Pair::Ed25519(pair) => append(pair.sign(token.as_bytes()).as_ref(), token),
        }
        Ok(())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// An empty `typ` leaves the member out.
fn header(kid: &str, algorithm: Algorithm, typ: &str) -> String {
    let mut header = json!({ "alg": algorithm.as_str(), "kid": kid });
    if let Some(members) = header.as_object_mut().filter(|_| !typ.is_empty()) {
        members.insert("typ".to_owned(), typ.into());
    }
    URL_SAFE_NO_PAD.encode(header.to_string())
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Pair {
    fn load(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8)
                .map(|pair| Self::Rsa(Box::new(pair)))
                .map_err(|_| KeyError::Malformed),
            Algorithm::Es256 => {
                let rng = SystemRandom::new();
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &rng)
                    .map(|pair| Self::P256(Box::new(pair)))
                    .map_err(|_| KeyError::Malformed)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8)
                .map(|pair| Self::Ed25519(Box::new(pair)))
                .map_err(|_| KeyError::Malformed),
            Algorithm::Hs256 => Err(KeyError::NotForSigning),
        }
    }

    fn public_jwk(&self) -> Result<Value, KeyError> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(match self {
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
            Self::P256(pair) => {
                // SEC 1 §2.3.3: 04, then x, then y.
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .strip_prefix(&[4])
                    .and_then(|xy| xy.split_at_checked(32))
                    .ok_or(KeyError::Malformed)?;
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jwk::VerifyingKey;

    const SIGNING: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    #[test]
    fn every_algorithm_is_read_as_it_is_written_and_only_so() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        for other in ["none", "", "rs256", "EDDSA", "ES256K", "HS512"] {
            assert_eq!(Algorithm::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_made_key_loads_and_shows_its_public_members_only() {
        for algorithm in SIGNING {
            let made = generate(algorithm).unwrap();
            let key = SigningKey::load("k1", algorithm, &made.private).unwrap();
            let jwk = key.public_jwk();
            assert_eq!((&jwk["kid"], &jwk["use"]), (&json!("k1"), &json!("sig")));
            assert_eq!(jwk["alg"], algorithm.as_str());
            let names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            let allowed = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
            assert!(names.iter().all(|name| allowed.contains(name)), "i07: {names:?}");
            for (name, value) in made.public_jwk.as_object().unwrap() {
                assert_eq!(&jwk[name], value);
            }
            assert!(VerifyingKey::from_jwk(jwk).is_ok());
            assert!(VerifyingKey::from_jwk(&made.public_jwk).is_ok());
        }
    }

    #[test]
    fn a_key_does_not_load_as_another_kind() {
        for made in SIGNING {
            let private = generate(made).unwrap().private;
            for algorithm in SIGNING.into_iter().filter(|other| *other != made) {
                assert!(SigningKey::load("k", algorithm, &private).is_err());
            }
            let symmetric = SigningKey::load("k", Algorithm::Hs256, &private);
            assert_eq!(symmetric.err(), Some(KeyError::NotForSigning));
            assert!(SigningKey::load("", made, &private).is_err());
            assert!(SigningKey::load("k", made, &private[..20]).is_err());
        }
    }

    #[test]
    fn a_symmetric_key_has_32_bytes_and_nothing_public() {
        let made = generate(Algorithm::Hs256).unwrap();
        assert_eq!((made.private.len(), made.public_jwk), (32, Value::Null));
    }

    #[test]
    fn i22_no_private_part_is_shown() {
        let made = generate(Algorithm::EdDsa).unwrap();
        let key = SigningKey::load("k1", Algorithm::EdDsa, &made.private).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey { kid: \"k1\", algorithm: EdDsa, .. }");
        assert!(format!("{made:?}").starts_with("NewKey { public_jwk: "));
        assert!(!format!("{made:?}").contains("private"));
    }
}
