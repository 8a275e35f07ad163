//! Metadata as files, and what the import says of them.
use super::*;
use understudy::crypto::xml::decode;
use understudy::provision::entry::saml_of;
use understudy::provision::{ServiceProvider, service_provider};

#[test]
fn k45_metadata_in_utf_16_and_latin_1_are_read() {
    let ui = "<md:Extensions><mdui:UIInfo><mdui:DisplayName xml:lang=\"de\">Bücher</mdui:DisplayName>\
              <mdui:DisplayName xml:lang=\"en\">Büchers &amp; more</mdui:DisplayName></mdui:UIInfo></md:Extensions>";
    let text = |encoding: &str| {
        format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{}", at_home("", ui, ""))
    };
    let wide = text("UTF-16");
    let big = [vec![0xfe, 0xff], wide.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat();
    let little =
        [vec![0xff, 0xfe], wide.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let latin: Vec<u8> =
        text("iso-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let marked = [vec![0xef, 0xbb, 0xbf], text("utf-8").into_bytes()].concat();
    for bytes in [big, little, latin, marked, text("UTF-8").into_bytes()] {
        let import = saml_of(&decode(&bytes).unwrap(), None).map_err(|e| panic!("{e}")).unwrap();
        assert_eq!(import.display_name.as_deref(), Some("Büchers & more"));
    }
}

#[test]
fn k12_the_form_of_the_console_cannot_be_saved_until_encryption_is_decided() {
    let methods = method(&format!("{XENC}rsa-1_5"));
    let import = saml_of(&at_home("", &encrypting("rsa", &methods), ""), None);
    let import = import.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(import.saml.get("encrypt_assertion"), Some(&json!(true)));
    assert!(!import.saml.contains_key("encryption_certificate"));
    let [notice] = import.notices.as_slice() else { panic!("{:?}", import.notices) };
    assert!(notice.contains("an encryption that is not spoken here"), "{notice}");
}

#[test]
fn k41_client_add_has_the_overrides_of_the_file() {
    let metadata = at_home("", &encrypting("weak", ""), "");
    let asked = |own: &[(&str, Value)]| ServiceProvider {
        client_id: Some("v".to_owned()),
        own: own.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ..ServiceProvider::default()
    };
    let mistakes = service_provider(&metadata, &asked(&[])).unwrap_err();
    assert!(mistakes[0].to_string().contains("KeyDescriptor 1 (encryption)"), "{}", mistakes[0]);
    let off = asked(&[("encrypt_assertion", json!(false))]);
    let (_, file) = service_provider(&metadata, &off).unwrap();
    let notices = file.notices();
    assert!(notices[0].starts_with("application `v`: "), "{notices:?}");
    assert!(notices[0].contains("they go in clear"), "{notices:?}");
    let own = asked(&[("encryption_certificate", json!(certificate("rsa")))]);
    service_provider(&metadata, &own).unwrap();
    let unknown = service_provider(&metadata, &asked(&[("encrypt", json!(false))])).unwrap_err();
    assert!(unknown.iter().any(|one| one.to_string().contains("unknown key")), "{unknown:?}");
}

#[test]
fn k40_a_default_for_encryption_is_told() {
    let metadata = at_home("", &encrypting("rsa", ""), "");
    let (_, file) = service_provider(&metadata, &ServiceProvider::default()).unwrap();
    let notices = file.notices();
    let [notice] = notices.as_slice() else { panic!("{notices:?}") };
    assert!(
        notice.contains("AES-256-GCM") && notice.contains("`encryption_algorithm`"),
        "{notice}"
    );
}
