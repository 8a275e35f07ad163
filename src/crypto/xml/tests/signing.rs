//! What we sign is what is read.
use super::super::*;
use super::support::*;

#[test]
fn a_signed_request_is_read_from_what_was_signed() {
    let signed = signed_request();
    let document = open(&signed).unwrap();
    assert!(document.is_signed());
    let message = verify(&document, &[PARTNER.public.clone()], REQUEST).unwrap();
    let issuer = message.required_child(ISSUER).unwrap();
    assert_eq!(issuer.text().unwrap(), "https://sp.example/metadata");
    assert_eq!(message.attribute("ID"), Some("_r1"));
    let names: Vec<_> = message.children().map(|c| c.local_name().to_owned()).collect();
    assert_eq!(names, ["Issuer", "NameIDPolicy"], "the signature is no content");
}
