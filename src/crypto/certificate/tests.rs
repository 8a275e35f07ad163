use super::*;
use crate::crypto::keys::{Algorithm, generate};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use x509_parser::time::ASN1Time;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|c| str::from_utf8(c).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn a_certificate_of_ours_says_what_it_was_told() {
    let key = generate(Algorithm::Rs256).unwrap();
    let make =
        || self_sign(&key.private, "Understudy", at(1_800_000_000), at(4_000_000_000)).unwrap();
    let (der, other) = (make(), make());
    let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(certificate.subject().to_string(), "CN=Understudy");
    assert_eq!(certificate.issuer(), certificate.subject());
    let valid = certificate.validity();
    assert_eq!(valid.not_before, ASN1Time::from_timestamp(1_800_000_000).unwrap());
    assert_eq!(valid.not_after, ASN1Time::from_timestamp(4_000_000_000).unwrap());
    assert!(certificate.raw_serial().len() <= 20);
    let (_, again) = X509Certificate::from_der(&other).unwrap();
    assert_ne!(certificate.raw_serial(), again.raw_serial());
    assert_eq!(PublicKey::from_certificate(&der), PublicKey::from_certificate(&other));
}

#[test]
fn a_long_name_is_cut_and_impossible_wishes_are_refused() {
    let key = generate(Algorithm::Rs256).unwrap();
    let der = self_sign(&key.private, &"é".repeat(70), at(0), at(1)).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let name = certificate.subject().iter_common_name().next().unwrap();
    assert_eq!(name.as_str().unwrap(), "é".repeat(64));
    let refused = |name, from, to| self_sign(&key.private, name, from, to).err();
    assert_eq!(refused("", at(0), at(1)), Some(KeyError::NotMade));
    assert_eq!(refused("x", at(1), at(1)), Some(KeyError::NotMade));
    assert_eq!(refused("x", at(-1), at(1)), Some(KeyError::NotMade));
    assert_eq!(refused("x", at(0), at(253_402_300_800)), Some(KeyError::NotMade));
    assert_eq!(self_sign(b"", "x", at(0), at(1)).err(), Some(KeyError::Malformed));
}

#[test]
fn a_key_is_the_same_in_every_wrapping() {
    let key = generate(Algorithm::Rs256).unwrap();
    let der = self_sign(&key.private, "partner", at(0), at(1)).unwrap();
    let known = PublicKey::from_certificate(&der).unwrap();
    let bare = to_base64(&der);
    let wrapped = format!("\n    {}\r\n\t{}\n", &bare[..76], &bare[76..]);
    for text in [bare.clone(), wrapped, pem("CERTIFICATE", &der), pem("PUBLIC KEY", known.spki())] {
        assert_eq!(PublicKey::parse(&text).as_ref(), Ok(&known), "{text}");
    }
    assert!(known.may_encrypt());
}

#[test]
fn elliptic_curves_verify_and_nothing_is_encrypted_to_them() {
    for curve in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384] {
        let pair = KeyPair::generate_for(curve).unwrap();
        let key = PublicKey::parse(&pair.public_key_pem()).unwrap();
        assert!(!key.may_encrypt());
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        assert_eq!(PublicKey::from_certificate(certificate.der()), Ok(key));
    }
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap().public_key_pem();
    assert_eq!(PublicKey::parse(&ed25519).err(), Some(KeyError::Unsupported));
}

#[test]
fn what_is_no_public_key_is_refused() {
    let key = generate(Algorithm::Rs256).unwrap();
    let der = self_sign(&key.private, "partner", at(0), at(1)).unwrap();
    let refused = |text: &str| PublicKey::parse(text).err();
    assert_eq!(refused(""), Some(KeyError::Malformed));
    assert_eq!(refused("AAAA"), Some(KeyError::Malformed));
    assert_eq!(refused("not base64!"), Some(KeyError::Malformed));
    assert_eq!(refused(&pem("PRIVATE KEY", &key.private)), Some(KeyError::NotPublic));
    assert_eq!(refused(&pem("RSA PRIVATE KEY", &key.private)), Some(KeyError::NotPublic));
    assert_eq!(refused(&pem("CERTIFICATE REQUEST", &der)), Some(KeyError::Unsupported));
    assert_eq!(refused(&pem("PUBLIC KEY", &der)), Some(KeyError::Malformed));
    assert_eq!(refused(&pem("CERTIFICATE", &[&der[..], &[0]].concat())), Some(KeyError::Malformed));
    let chain = pem("CERTIFICATE", &der).repeat(2);
    assert_eq!(refused(&chain), Some(KeyError::Malformed), "one, not a chain");
    assert_eq!(refused("-----BEGIN CERTIFICATE-----"), Some(KeyError::Malformed));
    for end in [1, 10, der.len() / 2, der.len() - 1] {
        assert!(PublicKey::from_certificate(&der[..end]).is_err());
    }
}

#[test]
fn d38_rsa_is_judged_by_its_numbers() {
    let exponent = [1, 0, 1];
    let modulus = |bits: usize| {
        let mut n = vec![0xff_u8; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            n[0] = 0xff >> (8 - bits % 8);
        }
        n
    };
    assert!(rsa(&modulus(2048), &exponent).is_ok());
    assert!(rsa(&[&[0][..], &modulus(2048)].concat(), &exponent).is_ok());
    assert!(rsa(&modulus(8192), &exponent).is_ok());
    for bits in [512, 1024, 2041, 2047] {
        assert_eq!(rsa(&modulus(bits), &exponent).err(), Some(KeyError::Weak), "{bits}");
    }
    assert_eq!(rsa(&modulus(8193), &exponent).err(), Some(KeyError::Unsupported));
    for small in [&[3][..], &[0, 0, 3], &[255, 255]] {
        assert_eq!(rsa(&modulus(2048), small).err(), Some(KeyError::Weak));
    }
    assert_eq!(rsa(&[], &exponent).err(), Some(KeyError::Malformed));
}
