//! `saml`: a service provider, in our words or in its own metadata. What the file says itself counts more: a part that
//! is given by hand is not read from the metadata, so it does not matter what is wrong with it there.
//!
//! What was left out, guessed or not understood is a notice for the administrator, never silence.
use super::mistake::printable;
use super::names::twice;
use super::read_encryption::{self, Encryption};
use super::saml_metadata::{self, ReadMetadata};
use super::section::{FileSection, check_line};
use super::values::{read_addresses, read_attributes, without_nulls};
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::MAX_KEYS;
use crate::crypto::xml::values::date_time;
use crate::domain::Timestamp;
use crate::domain::federation::{NameIdFormat, USER_FIELDS};
use crate::domain::registered_uri::check_web;
use serde_json::{Value, json};
use std::collections::HashSet;

#[derive(Default)]
pub(super) struct Saml {
    /// The stored form.
    pub(super) value: Value,
    pub(super) acs_urls: Vec<String>,
    /// Of the metadata.
    pub(super) valid_until: Option<Timestamp>,
    /// What the administrator should know about this import.
    pub(super) notices: Vec<String>,
}

pub(super) fn read(section: FileSection<'_>, entity_ids: &mut HashSet<String>) -> Saml {
    let metadata = read_metadata(&section);
    let told = metadata.as_ref();
    let mut notices = Vec::new();
    let entity_id = read_entity_id(&section, told, entity_ids);
    let (acs_urls, acs_indexes) = read_acs(&section, told, &mut notices);
    let logout = read_logout(&section, told, &mut notices);
    let signing = read_signing(&section, told, &mut notices);
    let idp_initiated = section.flag("idp_initiated").unwrap_or_default();
    if signing.required && idp_initiated {
        // Nobody has signed anything when a sign-in starts here.
        section.wrong(
            "idp_initiated",
            "answers without any request, and `require_signed_requests` is on; only one of them can be",
        );
    }
    let Encryption { certificate, algorithm, on } =
        read_encryption::read(&section, told, &mut notices);
    let attributes = read_attributes(&section);
    note_attributes(told, &attributes, &mut notices);
    let value = json!({
        "entity_id": entity_id,
        "acs_urls": acs_urls,
        "acs_indexes": acs_indexes,
        "slo_url": logout.url,
        "slo_response_url": logout.response_url,
        "slo_binding": logout.binding,
        "certificate": signing.certificate,
        "certificates": signing.certificates,
        "encryption_certificate": certificate,
        "encryption_algorithm": algorithm,
        "encrypt_assertion": on,
        "require_signed_requests": signing.required,
        "sign_response": section.flag("sign_response").unwrap_or(true),
        "name_id_format": read_format(&section, told, &mut notices),
        "idp_initiated": idp_initiated,
        "delegation_restriction": section.flag("delegation_restriction").unwrap_or_default(),
        "attributes": attributes,
    });
    let valid_until = read_validity(&section, told);
    section.finish();
    Saml { value: without_nulls(value), acs_urls, valid_until, notices }
}

fn read_metadata(section: &FileSection<'_>) -> Option<ReadMetadata> {
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
    kept(section, read)
}

/// A part of the metadata that nothing in the file replaces; what is wrong with it is a mistake of the file.
fn kept<T>(section: &FileSection<'_>, part: Result<T, String>) -> Option<T> {
    part.map_err(|problem| section.wrong("metadata", problem)).ok()
}

/// The time by hand, else that of the metadata.
fn read_validity(section: &FileSection<'_>, told: Option<&ReadMetadata>) -> Option<Timestamp> {
    const KEY: &str = "metadata_valid_until";
    match section.text(KEY) {
        Some(text) => {
            let time = date_time(&text);
            if time.is_none() {
                let text = printable(&text);
                section.wrong(KEY, format!("`{text}` is no time such as 2030-01-31T00:00:00Z"));
            }
            time
        }
        None => kept(section, told?.valid_until.clone()).flatten(),
    }
}

fn read_format(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
    notices: &mut Vec<String>,
) -> Option<String> {
    let own = section.checked_text("name_id_format", check_format);
    let Some(told) = told.filter(|_| own.is_none()) else { return own };
    if !told.formats.unknown.is_empty() {
        let formats = listed(&told.formats.unknown);
        notices.push(format!(
            "its metadata asks for users to be named by {formats}, which is not known here; they are named by their \
             user id (`name_id_format`)"
        ));
    }
    told.formats.first.map(|format| format.as_str().to_owned())
}

/// Attributes that the application asks for and does not get.
fn note_attributes(told: Option<&ReadMetadata>, own: &Value, notices: &mut Vec<String>) {
    let own = own.as_object().filter(|own| !own.is_empty());
    let sent = |name: &str| match own {
        Some(own) => own.contains_key(name),
        None => USER_FIELDS
            .iter()
            .any(|(_, space, last)| name.strip_prefix(space).is_some_and(|rest| rest == *last)),
    };
    let asked = told.map(|told| told.attributes.as_slice()).unwrap_or_default();
    let missing: Vec<String> = asked.iter().filter(|name| !sent(name)).cloned().collect();
    if !missing.is_empty() {
        let missing = listed(&missing);
        notices.push(format!(
            "its metadata asks for attributes that it is not sent: {missing} (map them in `attributes`)"
        ));
    }
}

/// As quoted words, and not too many of them.
fn listed(words: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<String> =
        words.iter().take(SHOWN).map(|word| format!("`{}`", printable(word))).collect();
    if let Some(more) = words.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

#[derive(Default)]
struct LogoutSettings {
    url: Option<String>,
    response_url: Option<String>,
    binding: &'static str,
}

/// The addresses belong together: with one of them by hand, the metadata say nothing of the others.
fn read_logout(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
    notices: &mut Vec<String>,
) -> LogoutSettings {
    let url = section.checked_text("slo_url", check_web);
    let response_url = section.checked_text("slo_response_url", check_web);
    let binding = section.word("slo_binding", &["redirect", "post"]);
    let slo = told.map(|told| &told.slo).filter(|_| url.is_none());
    let slo = slo.and_then(|slo| kept(section, slo.as_ref().map_err(Clone::clone)));
    notices.extend(slo.and_then(|slo| slo.notice.clone()));
    let slo = slo.and_then(|slo| slo.service.as_ref());
    let response_url = response_url.or(slo.and_then(|slo| slo.response_url.clone()));
    let url = url.or(slo.map(|slo| slo.url.clone()));
    if response_url.is_some() && url.is_none() {
        section
            .wrong("slo_response_url", "needs a `slo_url`: without one nobody is signed out there");
    }
    let binding = binding.or(slo.map(|slo| slo.binding)).unwrap_or("redirect");
    LogoutSettings { url, response_url, binding }
}

struct SamlSigning {
    certificate: Option<String>,
    certificates: Vec<String>,
    required: bool,
}

fn read_signing(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
    notices: &mut Vec<String>,
) -> SamlSigning {
    let certificate = section.checked_text("certificate", check_certificate);
    let own = section.checked("certificates", check_certificate);
    let by_hand = certificate.is_some() || own.is_some();
    let keys = told.map(|told| &told.keys).filter(|_| !by_hand);
    let keys = keys.and_then(|keys| kept(section, keys.as_ref().map_err(Clone::clone)));
    let certificates = own.or(keys.map(|keys| keys.signing.clone())).unwrap_or_default();
    if let Some(keys) = keys {
        let bad = keys.bad_signing.iter();
        if keys.signing.is_empty() && !keys.bad_signing.is_empty() {
            section.wrong("metadata", keys.bad_signing.join("; "));
        } else {
            notices.extend(bad.map(|bad| format!("{bad}; signatures are checked with the others")));
        }
    }
    let many = certificates.len() + usize::from(certificate.is_some());
    if many > MAX_KEYS {
        let key = if by_hand { "certificates" } else { "metadata" };
        let problem = format!(
            "has {many} signing certificates, and at most {MAX_KEYS} are tried; give those in use by `certificates`"
        );
        section.wrong(key, problem);
    }
    let own = section.flag("require_signed_requests");
    let signs = told.map(|told| &told.signs_requests).filter(|_| own.is_none());
    let signs = signs.and_then(|signs| kept(section, signs.clone())).unwrap_or_default();
    let required = own.unwrap_or(signs);
    if required && many == 0 {
        if own.is_some() {
            let problem = "needs `certificates` to check the signatures with";
            section.wrong("require_signed_requests", problem);
        } else {
            let problem = "says that requests are signed, and has no key to check that with";
            section.wrong("metadata", problem);
        }
    }
    SamlSigning { certificate, certificates, required }
}

fn read_entity_id(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
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
    } else if check_line(&name).is_err() {
        section.wrong(key, "the entity ID has a character that cannot be shown");
    } else if !name.is_empty() && !seen.insert(name.clone()) {
        section.wrong(key, twice(&name));
    }
    name
}

fn read_acs(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
    notices: &mut Vec<String>,
) -> (Vec<String>, Vec<u16>) {
    let indexes = section.small_numbers("acs_indexes").unwrap_or_default();
    if let Some(told) = told
        && !section.gives("acs_urls")
    {
        let acs = kept(section, told.acs.as_ref().map_err(Clone::clone));
        notices.extend(acs.map(|acs| acs.notices.clone()).unwrap_or_default());
        let (indexes, urls) = acs.map(|acs| acs.all.iter().cloned().unzip()).unwrap_or_default();
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

fn check_certificate(text: &str) -> Result<(), String> {
    PublicKey::parse(text).map(|_| ()).map_err(|problem| format!("cannot be used: {problem}"))
}

fn check_format(text: &str) -> Result<(), String> {
    let known = NameIdFormat::ALL.map(NameIdFormat::as_str).join(", ");
    NameIdFormat::parse(text).map(|_| ()).ok_or_else(|| format!("is none of: {known}"))
}
