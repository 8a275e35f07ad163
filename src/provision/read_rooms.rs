//! What an application says about its protocol: `saml`, `wsfed`, `box`.
use super::names::{EntryNames, check_id, twice, unknown};
use super::read_saml;
use super::section::{FileSection, check_line};
use super::values::{read_addresses, read_attributes};
use crate::crypto::pem;
use crate::domain::Timestamp;
use crate::domain::client::ClientKind;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Names that say which application a message is for, so each is taken once.
#[derive(Default)]
pub(super) struct Rooms {
    entity_ids: HashSet<String>,
    realms: HashSet<String>,
}

/// The stored form.
#[derive(Default)]
pub(super) struct ProtocolSection {
    pub(super) saml: Option<Value>,
    pub(super) wsfed: Option<Value>,
    /// Where the answers of this protocol go: the only return addresses of such an application.
    pub(super) redirect_uris: Option<Vec<String>>,
    /// Nothing of it counts after that.
    pub(super) valid_until: Option<Timestamp>,
    /// What the administrator should know about metadata that were read.
    pub(super) notices: Vec<String>,
}

impl Rooms {
    pub(super) fn read(&mut self, client: &FileSection<'_>, kind: ClientKind) -> ProtocolSection {
        let saml = own_section(client, "saml", kind == ClientKind::Saml);
        let wsfed = own_section(client, "wsfed", kind == ClientKind::Wsfed);
        let own = saml.is_some() || wsfed.is_some();
        if own && client.gives("redirect_uris") {
            let problem = "the addresses of this kind of application stand in its own section";
            client.wrong("redirect_uris", problem);
        }
        if let Some(section) = saml {
            let saml = read_saml::read(section, &mut self.entity_ids);
            return ProtocolSection {
                saml: Some(saml.value),
                wsfed: None,
                redirect_uris: Some(saml.acs_urls),
                valid_until: saml.valid_until,
                notices: saml.notices,
            };
        }
        if let Some(section) = wsfed {
            let (value, addresses) = self.read_wsfed(section);
            let redirect_uris = Some(addresses);
            return ProtocolSection {
                wsfed: Some(value),
                redirect_uris,
                ..ProtocolSection::default()
            };
        }
        ProtocolSection::default()
    }

    fn read_wsfed(&mut self, section: FileSection<'_>) -> (Value, Vec<String>) {
        let realm = read_name(&section, "realm", &mut self.realms);
        let reply_urls = read_addresses(&section, "reply_urls");
        let value = json!({
            "realm": realm,
            "reply_urls": reply_urls,
            "token_version": section.word("token_version", &["1.1", "2.0"]).unwrap_or("1.1"),
            "wst": section.word("wst", &["2005/02", "1.3"]).unwrap_or("2005/02"),
            "attributes": read_attributes(&section),
        });
        section.finish();
        (value, reply_urls)
    }
}

fn own_section<'a>(
    client: &FileSection<'a>,
    key: &'static str,
    own: bool,
) -> Option<FileSection<'a>> {
    let section = client.section(key);
    if own && !client.gives(key) {
        client.missing(key);
    }
    if !own && section.is_some() {
        client.wrong(key, format!("is for an application of kind {key}"));
        return None;
    }
    section
}

fn read_name(section: &FileSection<'_>, key: &'static str, seen: &mut HashSet<String>) -> String {
    let name = section.required(key).unwrap_or_default();
    if name.len() > 1024 {
        section.wrong(key, "is longer than 1024 bytes");
    } else if let Err(problem) = check_line(&name) {
        section.wrong(key, problem);
    } else if !name.is_empty() && !seen.insert(name.clone()) {
        section.wrong(key, twice(&name));
    }
    name
}

/// Only an application that keeps a secret can ask for tokens in the name of others.
pub(super) fn read_box(
    client: &FileSection<'_>,
    (names, kind, own): (&EntryNames, ClientKind, Option<&str>),
) -> Option<Value> {
    let section = client.section("box")?;
    if !matches!(kind, ClientKind::Machine | ClientKind::Web) {
        client.wrong("box", "is for an application of kind machine or web");
    }
    let authorized_in = section.numbered("authorized_in").unwrap_or_default();
    for (nth, id) in &authorized_in {
        if !names.organizations.contains(id) {
            section.wrong_item("authorized_in", *nth, unknown("organization", id));
        } else if own.is_some_and(|own| own != id) {
            let problem = "is not the organization that the application belongs to";
            section.wrong_item("authorized_in", *nth, problem);
        }
    }
    let organizations: Vec<String> = authorized_in.into_iter().map(|(_, id)| id).collect();
    let mut ids = HashSet::new();
    let read_key = |key: FileSection<'_>| {
        let id = key.required("id").unwrap_or_default();
        check_id(&key, "id", &id, &mut ids);
        // As a form has it, and as a block of YAML, which ends in a line break.
        let pem = key.required("pem").unwrap_or_default().trim().to_owned();
        if !pem.is_empty() && pem::rsa_public_key(&pem).is_err() {
            let problem = "must be a public key in PEM form: RSA from 2048 bits, beginning with \
                           `-----BEGIN PUBLIC KEY-----`";
            key.wrong("pem", problem);
        }
        key.finish();
        json!({ "id": id, "pem": pem })
    };
    let keys: Vec<Value> = section.sections("public_keys").into_iter().map(read_key).collect();
    let flag = |key| section.flag(key).unwrap_or(false);
    let value = json!({
        "perform_actions_as_users": flag("perform_actions_as_users"),
        "on_behalf_of": flag("on_behalf_of"),
        "generate_user_access_tokens": flag("generate_user_access_tokens"),
        "enterprise_access": flag("enterprise_access"),
        "authorized_in": organizations,
        "public_keys": keys,
    });
    section.finish();
    Some(value)
}
