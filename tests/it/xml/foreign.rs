//! What xmlsec1 signs, verified by us.
use super::{Files, REQUEST, SAML, SAMLP, pem, xmlsec1};
use understudy::crypto::certificate::{PublicKey, self_sign, to_base64};
use understudy::crypto::xml::{Limits, XmlError, read, verify, verify_octets};

const RSA: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-";
const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

fn template(method: &str, digest: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" \
         xmlns:saml=\"{SAML}\"\n    ID=\"_r1\"\tVersion=\"2.0\" Consent=\"a\n\tb&#10;ü\">\n  \
         <saml:Issuer>https://sp.example/metadata</saml:Issuer>\n  \
         <Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\n<SignedInfo>\n\
         <CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\n\
         <SignatureMethod Algorithm=\"{method}\"/>\n<Reference URI=\"#_r1\"><Transforms>\
         <Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
         <InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs saml\"/>\
         </Transform></Transforms><DigestMethod Algorithm=\"{digest}\"/><DigestValue/></Reference>\n\
         </SignedInfo>\n<SignatureValue/>\n<KeyInfo><X509Data/></KeyInfo>\n</Signature>\n  \
         <samlp:NameIDPolicy AllowCreate=\"true\"/><!-- seen by nobody -->\n</samlp:AuthnRequest>\n"
    )
}

/// A key that OpenSSL makes: `key.pem`, `cert.pem`.
fn partner(kind: &str) -> (Files, PublicKey) {
    let files = Files::new();
    files.openssl(&format!(
        "req -x509 -newkey {kind} -nodes -keyout key.pem -out cert.pem -subj /CN=partner -days 2"
    ));
    let key = PublicKey::parse(&files.read("cert.pem")).unwrap();
    (files, key)
}

fn sign(files: &Files, template: &str) -> String {
    files.write("template.xml", template);
    let arguments = [
        "--sign",
        "--privkey-pem",
        "key.pem,cert.pem",
        "--id-attr:ID",
        "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
        "--output",
        "signed.xml",
        "template.xml",
    ];
    xmlsec1(files, &arguments).unwrap();
    files.read("signed.xml")
}

fn accept(xml: &str, key: &PublicKey) -> Result<(), XmlError> {
    let document = read(xml.as_bytes(), &Limits::MESSAGE)?;
    let message = verify(&document, std::slice::from_ref(key), REQUEST)?;
    // A literal line end is a space, a written one stays (XML §3.3.3).
    assert_eq!(message.attribute("Consent"), Some("a  b\nü"));
    Ok(())
}

#[test]
fn requests_signed_by_xmlsec1_with_rsa_are_verified() {
    let (files, key) = partner("rsa:2048");
    for (method, digest) in [
        ("sha256", SHA256),
        ("sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
        ("sha512", "http://www.w3.org/2001/04/xmlenc#sha512"),
    ] {
        let signed = sign(&files, &template(&format!("{RSA}{method}"), digest));
        assert!(signed.contains("X509Certificate"));
        assert_eq!(accept(&signed, &key), Ok(()), "{method}");
        let changed = signed.replace("AllowCreate=\"true\"", "AllowCreate=\"false\"");
        assert_eq!(accept(&changed, &key), Err(XmlError::BadSignature));
    }
}

#[test]
fn requests_signed_by_xmlsec1_with_elliptic_curves_are_verified() {
    for (curve, method) in [("P-256", "sha256"), ("P-384", "sha384")] {
        let (files, key) = partner(&format!("ec -pkeyopt ec_paramgen_curve:{curve}"));
        let signed = sign(&files, &template(&format!("{ECDSA}{method}"), SHA256));
        assert_eq!(accept(&signed, &key), Ok(()), "{method}");
        let changed = signed.replace("AllowCreate=\"true\"", "AllowCreate=\"false\"");
        assert_eq!(accept(&changed, &key), Err(XmlError::BadSignature));
    }
}

#[test]
fn d06_valid_signatures_with_sha_1_are_refused() {
    let (files, key) = partner("rsa:2048");
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    for (method, digest) in [
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1".to_owned(), SHA256),
        (format!("{RSA}sha256"), sha1),
    ] {
        let signed = sign(&files, &template(&method, digest));
        assert_eq!(accept(&signed, &key), Err(XmlError::Algorithm), "{method} {digest}");
    }
}

#[test]
fn d38_the_certificate_may_have_expired() {
    let files = Files::new();
    files.openssl("genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out key.pem");
    files.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let private = std::fs::read(files.path("key.der")).unwrap();
    let certificate = self_sign(&private, "of 1970", at(0), at(1)).unwrap();
    files.write("cert.pem", &pem("CERTIFICATE", &to_base64(&certificate)));
    let key = PublicKey::from_certificate(&certificate).unwrap();
    let signed = sign(&files, &template(&format!("{RSA}sha256"), SHA256));
    assert_eq!(accept(&signed, &key), Ok(()));
}

#[test]
fn d38_the_certificate_may_be_signed_with_sha_1() {
    let (files, key) = partner("rsa:2048 -sha1");
    let signed = sign(&files, &template(&format!("{RSA}sha256"), SHA256));
    assert_eq!(accept(&signed, &key), Ok(()));
}

#[test]
fn detached_signatures_by_openssl_are_verified() {
    let (files, key) = partner("rsa:2048");
    files.write("octets", "SAMLRequest=x&SigAlg=y");
    for hash in ["sha256", "sha384", "sha512"] {
        files.openssl(&format!("dgst -{hash} -sign key.pem -out signature octets"));
        let signature = std::fs::read(files.path("signature")).unwrap();
        let keys = std::slice::from_ref(&key);
        let octets = b"SAMLRequest=x&SigAlg=y";
        assert_eq!(verify_octets(&format!("{RSA}{hash}"), keys, octets, &signature), Ok(()));
    }
}
