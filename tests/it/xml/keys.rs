//! Certificates and keys that OpenSSL makes.
use super::{Files, PARTY};
use understudy::crypto::certificate::PublicKey;
use understudy::crypto::keys::KeyError;

fn certificate(kind: &str) -> Result<PublicKey, KeyError> {
    let files = Files::new();
    files.openssl(&format!(
        "req -x509 -newkey {kind} -nodes -keyout key.pem -out cert.pem -subj /CN=partner"
    ));
    PublicKey::parse(&files.read("cert.pem"))
}

#[test]
fn d38_rsa_under_2048_bits_and_odd_curves_are_refused() {
    assert_eq!(certificate("rsa:1024").err(), Some(KeyError::Weak));
    assert_eq!(certificate("rsa:2040").err(), Some(KeyError::Weak));
    assert_eq!(certificate("rsa:2048 -pkeyopt rsa_keygen_pubexp:3").err(), Some(KeyError::Weak));
    for curve in ["secp256k1", "P-521"] {
        let outcome = certificate(&format!("ec -pkeyopt ec_paramgen_curve:{curve}"));
        assert_eq!(outcome.err(), Some(KeyError::Unsupported), "{curve}");
    }
    assert!(certificate("rsa:2048").is_ok());
    assert!(certificate("rsa:3072").is_ok());
}

#[test]
fn openssl_reads_our_certificate_and_finds_it_signed_by_its_own_key() {
    let path = PARTY.files.path("cert.pem");
    let path = path.to_str().unwrap();
    let shown = PARTY
        .files
        .run("openssl", &["x509", "-in", path, "-noout", "-subject", "-issuer", "-ext", "keyUsage"])
        .unwrap();
    assert!(shown.contains("CN") && shown.contains("understudy"), "{shown}");
    assert!(shown.contains("Digital Signature"), "{shown}");
    let checked = PARTY.files.run("openssl", &["verify", "-CAfile", path, "-check_ss_sig", path]);
    assert!(checked.is_ok(), "{checked:?}");
}

#[test]
fn a_public_key_is_read_as_openssl_writes_it() {
    let files = Files::new();
    files.openssl(&format!(
        "pkey -in {} -pubout -out public.pem",
        PARTY.files.path("key.pem").display()
    ));
    assert_eq!(PublicKey::parse(&files.read("public.pem")).as_ref(), Ok(&PARTY.public));
}
