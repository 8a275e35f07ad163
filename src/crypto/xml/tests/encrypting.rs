//! Assertions for one recipient's eyes. Whether others can open them is shown in `tests/it/xml`.
use super::super::*;
use super::support::*;
use crate::crypto::certificate::PublicKey;
use crate::crypto::keys::KeyError;
use bergshamra_enc::EncContext;
use bergshamra_keys::KeysManager;
use bergshamra_keys::key::{Key, KeyData, KeyUsage};

const CIPHERS: [Cipher; 4] =
    [Cipher::Aes256Gcm, Cipher::Aes128Gcm, Cipher::Aes256Cbc, Cipher::Aes128Cbc];

fn decrypt(xml: &str, party: &Party) -> Option<String> {
    let data = KeyData::from_pkcs8_der(kryptering::KeyAlgorithm::Rsa, &party.pkcs8).unwrap();
    let mut keys = KeysManager::new();
    keys.add_key(Key::new(data, KeyUsage::Any));
    bergshamra_enc::decrypt::decrypt(&EncContext::new(keys), xml).ok()
}

#[test]
fn d26_only_the_recipient_opens_what_is_encrypted() {
    let secret = "<a>Ada &amp; Bob ü</a>";
    for cipher in CIPHERS {
        let sealed = encrypt(secret, &PARTNER.public, cipher).unwrap();
        assert!(!sealed.contains("Ada") && !sealed.contains("rsa-1_5"));
        assert!(sealed.contains(cipher.uri()) && sealed.contains("rsa-oaep-mgf1p"));
        let opens = |party| decrypt(&sealed, party).is_some_and(|text| text.contains(secret));
        assert!(opens(&PARTNER) && !opens(&STRANGER), "{cipher:?}");
        assert_ne!(sealed, encrypt(secret, &PARTNER.public, cipher).unwrap(), "fresh key and IV");
        assert_eq!(Cipher::parse(cipher.uri()), Some(cipher));
        assert!(open(&sealed).is_ok());
    }
}

#[test]
fn d26_weak_ciphers_have_no_name_here() {
    for uri in ["http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "", "aes256-gcm"] {
        assert_eq!(Cipher::parse(uri), None, "{uri}");
    }
    assert_eq!(Cipher::default(), Cipher::Aes256Gcm);
}

#[test]
fn d26_nothing_is_encrypted_to_a_key_that_cannot() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = PublicKey::parse(&key.public_key_pem()).unwrap();
    let outcome = encrypt("<a/>", &key, Cipher::Aes256Gcm);
    assert_eq!(outcome, Err(XmlError::Key(KeyError::Unsupported)));
}
