//! A corpus of service providers' metadata, one peculiarity each: what is stored, and what the administrator is told.
//!
//! All of it is made here. `keys.txt` has certificates of keys that were thrown away; what counts is the key, not the
//! certificate's dates.
mod addresses;
mod encryption;
mod files;
mod keys;
mod spelling;

use serde_json::{Value, json};
use understudy::provision::entry::read_entry;

const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The certificate of this name.
fn certificate(name: &str) -> &'static str {
    let lines = include_str!("keys.txt").lines().filter_map(|line| line.split_once(' '));
    lines.into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// `purpose` as it stands in the tag, with a space before it.
fn key(purpose: &str, name: &str, methods: &str) -> String {
    let certificate = certificate(name);
    format!(
        "<md:KeyDescriptor{purpose}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>\
         </ds:X509Data></ds:KeyInfo>{methods}</md:KeyDescriptor>"
    )
}

fn signing(name: &str) -> String {
    key(" use=\"signing\"", name, "")
}

fn encrypting(name: &str, methods: &str) -> String {
    key(" use=\"encryption\"", name, methods)
}

fn method(uri: &str) -> String {
    format!("<md:EncryptionMethod Algorithm=\"{uri}\"/>")
}

fn acs(attributes: &str) -> String {
    format!("<md:AssertionConsumerService Binding=\"{BINDINGS}:HTTP-POST\" {attributes}/>")
}

const HOME: &str = "https://v.test/acs";

fn home() -> String {
    acs(&format!("Location=\"{HOME}\" index=\"0\""))
}

/// `attributes` of the role, and what is in it before the addresses for answers.
fn provider(attributes: &str, keys: &str, rest: &str) -> String {
    entity("entityID=\"urn:v\"", attributes, &format!("{keys}{rest}"))
}

/// With one address for answers.
fn at_home(attributes: &str, keys: &str, rest: &str) -> String {
    provider(attributes, keys, &format!("{rest}{}", home()))
}

fn entity(entity: &str, role: &str, inside: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"{DSIG}\" \
         xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\" xmlns:xenc11=\"{XENC11}\" {entity}>\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\" {role}>{inside}\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    )
}

type Read = Result<(Value, Vec<String>), Vec<String>>;

/// The stored settings with the notices, or what is wrong. `own` are keys of `saml` beside the metadata.
fn read(metadata: &str, own: &Value) -> Read {
    let mut saml = own.as_object().unwrap().clone();
    saml.insert("metadata".to_owned(), metadata.into());
    let values = json!({ "client_id": "v", "kind": "saml", "saml": saml });
    match read_entry(values.as_object().unwrap(), []) {
        Ok(entry) => {
            let notices = entry.notices().to_vec();
            Ok((entry.record().saml.clone().unwrap(), notices))
        }
        Err(faults) => Err(faults.into_iter().map(|fault| fault.problem).collect()),
    }
}

/// One peculiarity: its name, the metadata, the keys by hand, what is stored (`null` for nothing), what is said.
type Case<'a> = (&'a str, String, Value, Value, &'a [&'a str]);

#[track_caller]
fn check(cases: &[Case<'_>]) {
    for (name, metadata, own, stored, said) in cases {
        let (saml, notices) = read(metadata, own).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        for (key, value) in stored.as_object().unwrap() {
            assert_eq!(saml.get(key).unwrap_or(&Value::Null), value, "{name}: {key}");
        }
        assert_eq!(notices.len(), said.len(), "{name}: {notices:?}");
        for (notice, word) in notices.iter().zip(*said) {
            assert!(notice.contains(word), "{name}: {notice}");
        }
    }
}

#[track_caller]
fn check_refused(cases: &[(&str, String, Value, &str)]) {
    for (name, metadata, own, because) in cases {
        match read(metadata, own) {
            Ok(stored) => panic!("{name}: {stored:?}"),
            Err(why) => assert!(why.iter().any(|why| why.contains(because)), "{name}: {why:?}"),
        }
    }
}

fn nothing() -> Value {
    json!({})
}
