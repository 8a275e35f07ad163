//! What we sign, verified by xmlsec1.
use super::{Files, MD, PARTY, SAML, SAML1, SAMLP, xmlsec1};
use understudy::crypto::xml::{SignaturePlace, escape};

/// `id` is xmlsec1's `ATTRIBUTE NAMESPACE:ELEMENT`; `signature` a path, for documents with two.
fn verified(xml: &str, id: (&str, &str), signature: &str) -> Result<(), String> {
    let files = Files::new();
    files.write("signed.xml", xml);
    let certificate = PARTY.files.path("cert.pem");
    let attribute = format!("--id-attr:{}", id.0);
    let arguments = [
        "--verify",
        "--trusted-pem",
        certificate.to_str().unwrap(),
        &attribute,
        id.1,
        "--node-xpath",
        signature,
        "signed.xml",
    ];
    xmlsec1(&files, &arguments).map(|_| ())
}

const SIGNATURE: &str = "/*/*[local-name()='Signature']";
const INNER: &str = "/*/*/*[local-name()='Signature']";

fn assertion() -> String {
    let name = escape("<Ada> & \"Bob\" 'ü' 😀\ttab\r\nline").unwrap();
    format!(
        "<saml:Assertion xmlns:saml=\"{SAML}\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"\n  \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ID=\"_a1\" Version=\"2.0\">\n  \
         <saml:Issuer>https://idp.example</saml:Issuer>\n  <saml:Subject><saml:NameID>ada</saml:NameID>\
         </saml:Subject>\n  <saml:AttributeStatement><saml:Attribute Name=\"{name}\">\
         <saml:AttributeValue xsi:type=\"xs:string\">{name}</saml:AttributeValue></saml:Attribute>\
         </saml:AttributeStatement></saml:Assertion>"
    )
}

fn signed_assertion() -> String {
    PARTY.signer.sign_enveloped(&assertion(), "ID", "_a1", SignaturePlace::AfterIssuer).unwrap()
}

#[test]
fn xmlsec1_verifies_an_assertion_of_saml_2_0() {
    let signed = signed_assertion();
    let id = ("ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion");
    verified(&signed, id, SIGNATURE).unwrap();
    let changed = signed.replace(">ada<", ">eve<");
    assert!(verified(&changed, id, SIGNATURE).is_err(), "it does look");
}

#[test]
fn xmlsec1_verifies_a_signed_response_and_the_signed_assertion_in_it() {
    let inner = signed_assertion();
    let response = format!(
        "<samlp:Response xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
         ID=\"_p1\" Version=\"2.0\"><saml:Issuer>https://idp.example</saml:Issuer><samlp:Status/>\n{inner}\n\
         </samlp:Response>"
    );
    let signed =
        PARTY.signer.sign_enveloped(&response, "ID", "_p1", SignaturePlace::AfterIssuer).unwrap();
    let response_id = ("ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response");
    let assertion_id = ("ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion");
    verified(&signed, response_id, SIGNATURE).unwrap();
    verified(&signed, assertion_id, INNER).unwrap();
    let from = signed.find("<saml:Assertion ").unwrap();
    let end = "</saml:Assertion>";
    let cut_out = &signed[from..signed.find(end).unwrap() + end.len()];
    verified(cut_out, assertion_id, SIGNATURE).unwrap();
    let changed = signed.replace("<samlp:Status/>", "<samlp:Status></samlp:Status> ");
    assert!(verified(&changed, response_id, SIGNATURE).is_err());
    verified(&changed, assertion_id, INNER).unwrap();
}

#[test]
fn xmlsec1_verifies_an_assertion_of_saml_1_1_inside_a_token_response() {
    let assertion = format!(
        "<saml:Assertion xmlns:saml=\"{SAML1}\" AssertionID=\"_a1\" MajorVersion=\"1\" MinorVersion=\"1\">\
         <saml:Conditions/><saml:AuthenticationStatement/></saml:Assertion>"
    );
    let signed = PARTY
        .signer
        .sign_enveloped(&assertion, "AssertionID", "_a1", SignaturePlace::Last)
        .unwrap();
    let id = ("AssertionID", "urn:oasis:names:tc:SAML:1.0:assertion:Assertion");
    verified(&signed, id, SIGNATURE).unwrap();
    let response = format!(
        "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\" \
         xmlns:saml=\"urn:else\">{signed}</t:RequestSecurityTokenResponse>"
    );
    verified(&response, id, INNER).unwrap();
}

#[test]
fn xmlsec1_verifies_metadata() {
    let metadata = format!(
        "<EntityDescriptor xmlns=\"{MD}\" ID=\"_m1\" entityID=\"https://idp.example\">\n  \
         <IDPSSODescriptor protocolSupportEnumeration=\"{SAMLP}\"/>\n</EntityDescriptor>"
    );
    let signed =
        PARTY.signer.sign_enveloped(&metadata, "ID", "_m1", SignaturePlace::First).unwrap();
    verified(&signed, ("ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"), SIGNATURE)
        .unwrap();
}

#[test]
fn openssl_verifies_a_detached_signature() {
    let files = Files::new();
    let octets = "SAMLResponse=x&RelayState=%20&SigAlg=y";
    files.write("octets", octets);
    let signature = PARTY.signer.sign_octets(octets.as_bytes()).unwrap();
    std::fs::write(files.path("signature"), signature).unwrap();
    let certificate = PARTY.files.path("cert.pem");
    files.openssl(&format!("x509 -in {} -noout -pubkey -out public.pem", certificate.display()));
    files.openssl("dgst -sha256 -verify public.pem -signature signature octets");
}
