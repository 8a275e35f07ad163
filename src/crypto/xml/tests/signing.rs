//! What we sign is what is read.
use super::super::*;
use super::support::*;
use crate::crypto::keys::KeyError;

const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

fn assertion() -> String {
    format!(
        "<saml:Assertion xmlns:saml=\"{SAML}\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ID=\"_a1\" Version=\"2.0\">\n  \
         <saml:Issuer>https://idp.example</saml:Issuer>\n  <saml:Subject><saml:NameID>ada</saml:NameID>\
         </saml:Subject><saml:AttributeStatement><saml:Attribute Name=\"a&#10;b\"><saml:AttributeValue \
         xsi:type=\"xs:string\">&lt;x&gt; &amp; ü 😀</saml:AttributeValue></saml:Attribute>\
         </saml:AttributeStatement></saml:Assertion>"
    )
}

fn signed_by_partner(xml: &str, name: Name) -> Result<(), XmlError> {
    verify(&open(xml)?, std::slice::from_ref(&PARTNER.public), name).map(|_| ())
}

#[test]
fn a_signed_request_is_read_from_what_was_signed() {
    let signed = signed_request();
    let document = open(&signed).unwrap();
    assert!(is_signed(&document));
    let message = verify(&document, std::slice::from_ref(&PARTNER.public), REQUEST).unwrap();
    let issuer = message.required_child(ISSUER).unwrap();
    assert_eq!(issuer.text().unwrap(), "https://sp.example/metadata");
    assert_eq!(message.attribute("ID"), Some("_r1"));
    let names: Vec<_> = message.children().map(|c| c.local_name().to_owned()).collect();
    assert_eq!(names, ["Issuer", "NameIDPolicy"], "the signature is no content");
}

#[test]
fn a_signature_changes_nothing_else_and_stands_after_the_issuer() {
    let plain = assertion();
    let signed =
        PARTNER.signer.sign_enveloped(&plain, "ID", "_a1", SignaturePlace::AfterIssuer).unwrap();
    let from = signed.find("<ds:Signature").unwrap();
    let to = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    assert_eq!(format!("{}{}", &signed[..from], &signed[to..]), plain);
    assert!(signed[..from].ends_with("</saml:Issuer>"));
    assert!(signed.contains(PARTNER.signer.certificate()));
    assert_eq!(signed_by_partner(&signed, Name::new(SAML, "Assertion")), Ok(()));
}

#[test]
fn a_signed_assertion_in_a_signed_response_verifies_together_and_cut_out() {
    let inner = PARTNER
        .signer
        .sign_enveloped(&assertion(), "ID", "_a1", SignaturePlace::AfterIssuer)
        .unwrap();
    let response = message(RESPONSE, "_p1", &inner);
    let signed =
        PARTNER.signer.sign_enveloped(&response, "ID", "_p1", SignaturePlace::AfterIssuer).unwrap();
    assert!(signed.contains(&inner), "the assertion is as it was signed");
    assert!(naive(&inner));
    assert_eq!(signed_by_partner(&inner, Name::new(SAML, "Assertion")), Ok(()));
    // Two signatures: the permissive verifier believes both, ours takes messages with one.
    let results = every_signature(&signed);
    assert_eq!(results, [true, true]);
}

fn every_signature(xml: &str) -> Vec<bool> {
    let mut keys = bergshamra_keys::KeysManager::new();
    keys.add_key(bergshamra_keys::loader::load_spki_der(PARTNER.public.spki()).unwrap());
    let context = bergshamra_dsig::DsigContext::new(keys);
    let results = bergshamra_dsig::verify::verify_all(&context, xml).unwrap();
    results.iter().map(bergshamra_dsig::VerifyResult::is_valid).collect()
}

#[test]
fn an_assertion_of_saml_1_1_is_signed_at_its_end() {
    let plain = format!(
        "<saml:Assertion xmlns:saml=\"{SAML1}\" AssertionID=\"_a1\" MajorVersion=\"1\" MinorVersion=\"1\">\
         <saml:Conditions/></saml:Assertion>"
    );
    let signed =
        PARTNER.signer.sign_enveloped(&plain, "AssertionID", "_a1", SignaturePlace::Last).unwrap();
    assert!(signed.ends_with("</ds:Signature></saml:Assertion>"));
    assert_eq!(signed_by_partner(&signed, Name::new(SAML1, "Assertion")), Ok(()));
}

#[test]
fn metadata_is_signed_at_its_beginning() {
    let plain = format!(
        "<md:EntityDescriptor xmlns:md=\"{MD}\" ID=\"_m1\" entityID=\"https://idp.example\">\n  \
         <md:IDPSSODescriptor/></md:EntityDescriptor>"
    );
    let signed = PARTNER.signer.sign_enveloped(&plain, "ID", "_m1", SignaturePlace::First).unwrap();
    assert!(signed.contains("entityID=\"https://idp.example\"><ds:Signature "));
    assert_eq!(signed_by_partner(&signed, Name::new(MD, "EntityDescriptor")), Ok(()));
}

#[test]
fn line_ends_between_and_inside_attributes_do_not_spoil_a_signature() {
    let plain = request().replace(" Version=\"2.0\"", "\r\n\tVersion=\"2.0\" Consent=\"a\r\n\tb\"");
    let signed =
        PARTNER.signer.sign_enveloped(&plain, "ID", "_r1", SignaturePlace::AfterIssuer).unwrap();
    assert!(signed.contains("Consent=\"a  b\""));
    assert_eq!(accept(&signed), Ok(()));
    assert_eq!(accept(&signed.replace("Consent=\"a  b\"", "Consent='a\n\tb'")), Ok(()));
}

#[test]
fn only_the_element_that_was_meant_is_signed() {
    let sign = |xml: &str, attribute, id, place| {
        PARTNER.signer.sign_enveloped(xml, attribute, id, place).err()
    };
    let xml = request();
    assert_eq!(sign(&xml, "ID", "_r2", SignaturePlace::AfterIssuer), Some(XmlError::Missing));
    assert_eq!(sign(&xml, "AssertionID", "_r1", SignaturePlace::Last), Some(XmlError::Missing));
    assert_eq!(
        sign("<a ID=\"_x\"><b/></a>", "ID", "_x", SignaturePlace::AfterIssuer),
        Some(XmlError::Missing)
    );
    assert_eq!(sign("<a ID=\"_x\"/>", "ID", "_x", SignaturePlace::Last), Some(XmlError::Missing));
    for id in ["", "1", "_r1\"/>", "a b", "a)", "é"] {
        let xml = format!("<a ID='{id}'><b/></a>");
        assert_eq!(sign(&xml, "ID", id, SignaturePlace::Last), Some(XmlError::Missing), "{id}");
    }
    assert_eq!(sign("<!DOCTYPE a><a/>", "ID", "_x", SignaturePlace::Last), Some(XmlError::Doctype));
}

#[test]
fn a_signer_takes_only_the_certificate_of_its_key() {
    let outcome = Signer::load(&PARTNER.pkcs8, &STRANGER.certificate).err();
    assert_eq!(outcome, Some(KeyError::Malformed));
    assert!(Signer::load(b"", &PARTNER.certificate).is_err());
    assert!(Signer::load(&PARTNER.pkcs8, b"").is_err());
}

#[test]
fn i22_a_signer_shows_no_private_part() {
    let shown = format!("{:?}", PARTNER.signer);
    assert!(shown.starts_with("Signer { certificate: \"MII"), "{shown}");
    assert!(shown.ends_with(", .. }"));
}

#[test]
fn d11_what_is_verified_is_what_came_and_not_what_would_be_written_anew() {
    let signed = signed_request();
    let read_back = |xml: &str| {
        let document = read(xml.as_bytes(), &Limits::MESSAGE).unwrap();
        let keys = [PARTNER.public.clone()];
        verify(&document, &keys, REQUEST)
            .map(|element| element.child(Name::new(SAMLP, "NameIDPolicy")).unwrap().is_some())
    };
    // Spellings that canonicalisation knows to be the same.
    for same in [
        signed.replace("AllowCreate=\"true\"/>", "AllowCreate='true'></samlp:NameIDPolicy>"),
        signed.replace(" Version=\"2.0\"", "\n   Version = \"2.0\" "),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{signed}\n"),
    ] {
        assert_ne!(same, signed);
        assert_eq!(read_back(&same), Ok(true), "{same}");
    }
    // Another prefix means the same and is another text.
    let renamed = signed.replace("samlp:", "p:").replace("xmlns:samlp=", "xmlns:p=");
    assert_eq!(read_back(&renamed), Err(XmlError::BadSignature));
}
