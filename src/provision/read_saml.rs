//! `saml`: a service provider, in our words or in its own metadata. What the file says itself counts more.
use super::read::twice;
use super::read_rooms::{read_addresses, read_attributes, without_nulls};
use super::saml_metadata::{self, ServiceProvider};
use super::section::Section;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::Cipher;
use crate::domain::Timestamp;
use crate::domain::federation::NameIdFormat;
use crate::domain::registered_uri::check_web;
use serde_json::{Value, json};
use std::collections::HashSet;

pub(super) struct Saml {
    /// The stored form.
    pub(super) value: Value,
    pub(super) acs_urls: Vec<String>,
    /// Of the metadata.
    pub(super) valid_until: Option<Timestamp>,
}

pub(super) fn read(section: Section<'_>, entity_ids: &mut HashSet<String>) -> Saml {
    let metadata = read_metadata(&section);
    let told = metadata.as_ref();
    let entity_id = read_entity_id(&section, told, entity_ids);
    let (acs_urls, acs_indexes) = read_acs(&section, told);
    let slo = told.and_then(|told| told.slo.as_ref()).filter(|_| !section.gives("slo_url"));
    let slo_url = section.checked_text("slo_url", check_web).or(slo.map(|slo| slo.url.clone()));
    let slo_binding = section.word("slo_binding", &["redirect", "post"]);
    let certificate = section.checked_text("certificate", check_certificate);
    let certificates = section.checked("certificates", check_certificate);
    let certificates = match told {
        Some(told) if certificates.is_none() && certificate.is_none() => told.keys.signing.clone(),
        Some(_) | None => certificates.unwrap_or_default(),
    };
    let require_signed = section.flag("require_signed_requests");
    let require_signed =
        require_signed.or(told.map(|told| told.signs_requests)).unwrap_or_default();
    if require_signed && certificate.is_none() && certificates.is_empty() {
        section
            .wrong("require_signed_requests", "needs `certificates` to check the signatures with");
    }
    let idp_initiated = section.flag("idp_initiated").unwrap_or_default();
    if require_signed && idp_initiated {
        // Nobody has signed anything when a sign-in starts here.
        section.wrong(
            "idp_initiated",
            "answers without any request, and `require_signed_requests` is on; only one of them can be",
        );
    }
    let encryption = read_encryption(&section, told);
    let format = section.checked_text("name_id_format", check_format);
    let value = json!({
        "entity_id": entity_id,
        "acs_urls": acs_urls,
        "acs_indexes": acs_indexes,
        "slo_url": slo_url,
        "slo_binding": slo_binding.or(slo.map(|slo| slo.binding)).unwrap_or("redirect"),
        "certificate": certificate,
        "certificates": certificates,
        "encryption_certificate": encryption.certificate,
        "encryption_algorithm": encryption.algorithm,
        "encrypt_assertion": encryption.on,
        "require_signed_requests": require_signed,
        "sign_response": section.flag("sign_response").unwrap_or(true),
        "name_id_format": format
            .or(told.and_then(|told| told.name_id_format).map(|f| f.as_str().to_owned())),
        "idp_initiated": idp_initiated,
        "delegation_restriction": section.flag("delegation_restriction").unwrap_or_default(),
        "attributes": read_attributes(&section),
    });
    section.finish();
    let valid_until = told.and_then(|told| told.valid_until);
    Saml { value: without_nulls(value), acs_urls, valid_until }
}

fn read_metadata(section: &Section<'_>) -> Option<ServiceProvider> {
    let signer = section.text("metadata_certificate");
    let signer = signer.map(|certificate| PublicKey::parse(&certificate));
    let xml = section.text("metadata")?;
    let entity_id = section.text("entity_id");
    let signer = match signer.transpose() {
        Ok(signer) => signer,
        Err(problem) => {
            section.wrong("metadata_certificate", problem.to_string());
            return None;
        }
    };
    let read = saml_metadata::read(&xml, entity_id.as_deref(), signer.as_ref());
    match read {
        Ok(told) => Some(told),
        Err(problem) => {
            section.wrong("metadata", problem);
            None
        }
    }
}

fn read_entity_id(
    section: &Section<'_>,
    told: Option<&ServiceProvider>,
    seen: &mut HashSet<String>,
) -> String {
    let (key, name) = match told {
        Some(told) => ("metadata", told.entity_id.clone()),
        // Why there is none has been said.
        None if section.gives("metadata") => return String::new(),
        None => ("entity_id", section.required("entity_id").unwrap_or_default()),
    };
    if name.len() > 1024 {
        section.wrong(key, "the entity ID is longer than 1024 bytes");
    } else if !name.is_empty() && !seen.insert(name.clone()) {
        section.wrong(key, twice(&name));
    }
    name
}

fn read_acs(section: &Section<'_>, told: Option<&ServiceProvider>) -> (Vec<String>, Vec<u16>) {
    let indexes = section.small_numbers("acs_indexes").unwrap_or_default();
    if let Some(told) = told
        && !section.gives("acs_urls")
    {
        let (indexes, urls) = told.acs.iter().cloned().unzip();
        return (urls, indexes);
    }
    if section.gives("metadata") && !section.gives("acs_urls") {
        return (Vec::new(), indexes);
    }
    let urls = read_addresses(section, "acs_urls");
    let distinct: HashSet<u16> = indexes.iter().copied().collect();
    if !indexes.is_empty() && (indexes.len() != urls.len() || distinct.len() != indexes.len()) {
        section.wrong("acs_indexes", "must hold another number for each of `acs_urls`");
    }
    (urls, indexes)
}

struct Encryption {
    certificate: Option<String>,
    algorithm: Option<String>,
    on: bool,
}

fn read_encryption(section: &Section<'_>, told: Option<&ServiceProvider>) -> Encryption {
    let own = section.checked_text("encryption_certificate", check_encryption);
    let algorithm = section.checked_text("encryption_algorithm", check_algorithm);
    let keys = told.map(|told| &told.keys).filter(|_| own.is_none());
    let theirs = keys.and_then(|keys| keys.encryption.as_ref());
    let wanted = theirs.is_some_and(|theirs| theirs.wanted);
    let on = section.flag("encrypt_assertion").unwrap_or(wanted);
    let certificate = own.or(theirs.map(|theirs| theirs.certificate.clone()));
    if on && certificate.is_none() {
        let problem = keys.and_then(|keys| keys.unusable.clone());
        let problem = problem.unwrap_or("needs an `encryption_certificate`".to_owned());
        section.wrong("encrypt_assertion", problem);
    }
    let cipher = theirs.and_then(|theirs| theirs.cipher);
    let algorithm = algorithm.or(cipher.map(|cipher| cipher.uri().to_owned()));
    Encryption { certificate, algorithm, on }
}

fn check_certificate(text: &str) -> Result<(), String> {
    PublicKey::parse(text).map(|_| ()).map_err(|problem| format!("cannot be used: {problem}"))
}

fn check_encryption(text: &str) -> Result<(), String> {
    match PublicKey::parse(text) {
        Ok(key) if key.may_encrypt() => Ok(()),
        Ok(_) => Err("has no RSA key, and others are not encrypted to".to_owned()),
        Err(problem) => Err(format!("cannot be used: {problem}")),
    }
}

fn check_algorithm(uri: &str) -> Result<(), String> {
    let known = Cipher::ALL.map(Cipher::uri).join(", ");
    Cipher::parse(uri).map(|_| ()).ok_or_else(|| format!("is none of: {known}"))
}

fn check_format(text: &str) -> Result<(), String> {
    let known = NameIdFormat::ALL.map(NameIdFormat::as_str).join(", ");
    NameIdFormat::parse(text).map(|_| ()).ok_or_else(|| format!("is none of: {known}"))
}
