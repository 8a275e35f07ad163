//! Public keys in PEM form (`-----BEGIN PUBLIC KEY-----`, [RFC 7468 §13]), as applications register them.
//!
//! [RFC 7468 §13]: https://www.rfc-editor.org/rfc/rfc7468#section-13
use super::jwk::VerifyingKey;
use super::keys::KeyError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

const LABEL: &str = "PUBLIC KEY";

/// An RSA key, good for RS256, RS384 and RS512. Its strength is judged like that of every other key.
///
/// # Errors
///
/// `NotPublic` for a private key, `Unsupported` for another kind of key or a second one behind the first.
pub fn rsa_public_key(pem: &str) -> Result<VerifyingKey, KeyError> {
    let (rest, block) = parse_x509_pem(pem.as_bytes()).map_err(|_| KeyError::Malformed)?;
    if block.label.ends_with("PRIVATE KEY") {
        return Err(KeyError::NotPublic);
    }
    if block.label != LABEL || !rest.trim_ascii().is_empty() {
        return Err(KeyError::Unsupported);
    }
    let (after, info) =
        SubjectPublicKeyInfo::from_der(&block.contents).map_err(|_| KeyError::Malformed)?;
    let Ok(PublicKey::RSA(rsa)) = info.parsed() else { return Err(KeyError::Unsupported) };
    if !after.is_empty() {
        return Err(KeyError::Malformed);
    }
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        URL_SAFE_NO_PAD.encode(bytes.get(zeros..).unwrap_or_default())
    };
    // By the one door through which keys come in.
    VerifyingKey::from_jwk(&json!({
        "kty": "RSA", "n": number(rsa.modulus), "e": number(rsa.exponent),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jws;
    use crate::crypto::keys::{Algorithm, SigningKey, generate};
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> = (0..text.len().div_ceil(64))
            .map(|nth| &text[nth * 64..text.len().min(nth * 64 + 64)])
            .collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    /// The public half of a PKCS#8 key: what `openssl rsa -pubout` writes.
    fn public_der(private: &[u8]) -> Vec<u8> {
        use aws_lc_rs::encoding::AsDer as _;
        use aws_lc_rs::signature::KeyPair as _;
        let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(private).unwrap();
        pair.public_key().as_der().unwrap().as_ref().to_vec()
    }

    #[test]
    fn a_key_in_pem_form_verifies_what_its_other_half_signed() {
        let made = generate(Algorithm::Rs256).unwrap();
        let signer = SigningKey::load("k1", Algorithm::Rs256, &made.private).unwrap();
        let token = jws::sign(&signer, "JWT", &json!({ "iss": "app" })).unwrap();
        let key = rsa_public_key(&pem(LABEL, &public_der(&made.private))).unwrap();
        assert!(jws::verify(&token, &["JWT"], [("k1", &key)]).is_ok());
        let other = generate(Algorithm::Rs256).unwrap();
        let key = rsa_public_key(&pem(LABEL, &public_der(&other.private))).unwrap();
        assert!(jws::verify(&token, &["JWT"], [("k1", &key)]).is_err());
    }

    #[test]
    fn whatever_is_no_public_rsa_key_is_refused() {
        let rsa = generate(Algorithm::Rs256).unwrap().private;
        let public = public_der(&rsa);
        for (text, why) in [
            (pem("PRIVATE KEY", &rsa), KeyError::NotPublic),
            (pem("RSA PRIVATE KEY", &rsa), KeyError::NotPublic),
            (pem("CERTIFICATE", &public), KeyError::Unsupported),
            (pem(LABEL, &public).repeat(2), KeyError::Unsupported),
            (pem(LABEL, &public[..40]), KeyError::Malformed),
            (pem(LABEL, &[public.clone(), vec![0]].concat()), KeyError::Malformed),
            ("no pem at all".to_owned(), KeyError::Malformed),
        ] {
            assert_eq!(rsa_public_key(&text).err(), Some(why), "{text:.60}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(der in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = rsa_public_key(&pem(LABEL, &der));
        }
    }
}
