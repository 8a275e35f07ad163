//! What we encrypt, opened by xmlsec1.
use super::{Files, PARTY, SAML, xmlsec1};
use understudy::crypto::xml::{Cipher, Limits, Name, SignaturePlace, encrypt, read, verify};

fn decrypt(xml: &str) -> Result<String, String> {
    let files = Files::new();
    files.write("sealed.xml", xml);
    let key = PARTY.files.path("key.pem");
    let arguments = [
        "--decrypt",
        "--privkey-pem",
        key.to_str().unwrap(),
        "--output",
        "opened.xml",
        "sealed.xml",
    ];
    xmlsec1(&files, &arguments).map(|_| files.read("opened.xml"))
}

#[test]
fn d26_xmlsec1_opens_an_encrypted_assertion_and_finds_it_signed() {
    let assertion = format!(
        "<saml:Assertion xmlns:saml=\"{SAML}\" ID=\"_a1\"><saml:Issuer>https://idp.example</saml:Issuer>\
         <saml:Subject><saml:NameID>ada ü 😀</saml:NameID></saml:Subject></saml:Assertion>"
    );
    let signed =
        PARTY.signer.sign_enveloped(&assertion, "ID", "_a1", SignaturePlace::AfterIssuer).unwrap();
    for cipher in [Cipher::Aes256Gcm, Cipher::Aes128Gcm, Cipher::Aes256Cbc, Cipher::Aes128Cbc] {
        let sealed = encrypt(&signed, &PARTY.public, cipher).unwrap();
        let sealed = format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{SAML}\">{sealed}</saml:EncryptedAssertion>"
        );
        let opened = decrypt(&sealed).unwrap();
        let (from, end) = (opened.find("<saml:Assertion ").unwrap(), "</saml:Assertion>");
        let assertion = &opened[from..opened.find(end).unwrap() + end.len()];
        let document = read(assertion.as_bytes(), &Limits::MESSAGE).unwrap();
        let keys = std::slice::from_ref(&PARTY.public);
        let name = Name::new(SAML, "Assertion");
        assert!(verify(&document, keys, name).is_ok(), "{cipher:?}: {assertion}");
    }
}

#[test]
fn d26_a_changed_ciphertext_does_not_open() {
    let sealed = encrypt("<a>secret</a>", &PARTY.public, Cipher::Aes256Gcm).unwrap();
    let end = sealed.rfind("</xenc:CipherValue>").unwrap();
    let changed = format!("{}AAAA{}", &sealed[..end - 8], &sealed[end - 4..]);
    assert!(decrypt(&sealed).is_ok());
    assert!(decrypt(&changed).is_err());
}
