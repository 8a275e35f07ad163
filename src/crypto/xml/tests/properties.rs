//! Whatever comes in.
use super::super::*;
use super::support::*;
use proptest::prelude::*;
use std::fmt::Write as _;

/// Text that looks like XML often enough to get far.
fn almost_xml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<a>".to_owned()),
        Just("</a>".to_owned()),
        Just("<a ID='x' b=\"1\n2\" xmlns='urn:a'>".to_owned()),
        Just("<x:b xmlns:x=\"urn:x\" x:ID=''/>".to_owned()),
        Just("<!-- c -->".to_owned()),
        Just("<![CDATA[ d ]]>".to_owned()),
        Just("<?p?>".to_owned()),
        Just("<!DOCTYPE a>".to_owned()),
        Just("&amp;&#10;&#x;&x;".to_owned()),
        Just("<?xml version='1.0' encoding='utf-8'?>".to_owned()),
        "[<>/\"'=&;:!\\[\\]\\- a-z\r\n\t]{0,12}",
        "\\PC{0,8}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Name, attributes, children and text, as [`Element`] shows them.
fn outline(element: Element<'_>, out: &mut String) {
    let _ = write!(out, "<{:?} {:?} {:?}", element, element.attribute("ID"), element.text().ok());
    for child in element.children() {
        outline(child, out);
    }
    out.push('>');
}

fn outline_of(document: &Document) -> String {
    let mut out = String::new();
    outline(document.unverified(), &mut out);
    out
}

proptest! {
    #[test]
    fn d13_reading_never_panics_and_what_is_read_reads_the_same_again(text in almost_xml()) {
        for text in [text.clone(), format!("<r>{text}</r>")] {
            let Ok(document) = open(&text) else { continue };
            let again = open(&document.dom.to_xml()).unwrap();
            prop_assert_eq!(outline_of(&document), outline_of(&again));
            prop_assert_eq!(verify(&document, std::slice::from_ref(&PARTNER.public), REQUEST).err(),
                Some(XmlError::Unexpected));
        }
    }

    #[test]
    fn d13_reading_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, &Limits::MESSAGE);
    }

    /// One change anywhere in a signed message: refused, or nothing that can be read from it changed.
    #[test]
    fn d07_no_change_to_a_signed_message_is_accepted(at in 0..10_000_usize, with in "[<>/\"' a-zA-Z0-9=#!&;]{0,3}", cut in 0..4_usize) {
        let signed = signed_once();
        let at = at % signed.len();
        let end = (at + cut).min(signed.len());
        let changed = format!("{}{with}{}", &signed[..at], &signed[end..]);
        if accept(&changed).is_ok() {
            let (before, after) = (open(signed).unwrap(), open(&changed).unwrap());
            prop_assert_eq!(outline_of(&before), outline_of(&after));
        }
    }

    #[test]
    fn d16_any_text_survives_as_value_and_attribute_or_is_refused(text in any::<String>()) {
        match escape(&text) {
            Err(reason) => {
                prop_assert_eq!(reason, XmlError::Character);
                prop_assert!(!is_xml_text(&text));
            }
            Ok(escaped) => {
                prop_assert!(is_xml_text(&text));
                let xml = format!("<r><a b=\"{escaped}\" c='{escaped}'>{escaped}</a></r>");
                let document = open(&xml).unwrap();
                let a = document.unverified().children().next().unwrap();
                prop_assert_eq!(document.unverified().children().count(), 1);
                prop_assert_eq!(a.attribute("b"), Some(text.as_str()));
                prop_assert_eq!(a.attribute("c"), Some(text.as_str()));
                prop_assert_eq!(a.text().unwrap(), text);
            }
        }
    }
}

fn signed_once() -> &'static str {
    static SIGNED: std::sync::LazyLock<String> = std::sync::LazyLock::new(signed_request);
    &SIGNED
}

#[test]
fn d16_markup_in_a_profile_stays_text() {
    for name in [
        "</saml:AttributeValue><saml:Attribute Name=\"admin\">",
        "]]>",
        "<![CDATA[x]]>",
        "&lt;",
        "a\"b'c",
        "tab\tline\nreturn\r",
    ] {
        let xml = message(REQUEST, "_r1", &format!("<v w=\"{0}\">{0}</v>", escape(name).unwrap()));
        let signed =
            PARTNER.signer.sign_enveloped(&xml, "ID", "_r1", SignaturePlace::AfterIssuer).unwrap();
        let document = open(&signed).unwrap();
        let root = verify(&document, std::slice::from_ref(&PARTNER.public), REQUEST).unwrap();
        let value = root.required_child(Name::new("", "v")).unwrap();
        assert_eq!((value.text().unwrap().as_str(), value.attribute("w")), (name, Some(name)));
    }
    for name in ["\0", "a\u{1}", "\u{fffe}", "\u{ffff}", "\u{1b}[31m"] {
        assert_eq!(escape(name), Err(XmlError::Character));
        assert!(!is_xml_text(name));
    }
}
