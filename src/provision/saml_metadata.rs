//! What a service provider says of itself ([SAML metadata §2.4.4]), read from the file that its operator sends.
//!
//! It is believed because an administrator brings it, not for a signature; whoever wants one checked names the
//! certificate.
//!
//! [SAML metadata §2.4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
use super::saml_keys::{self, Keys};
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::{Document, Element, Limits, Name, XmlError, read as read_xml, verify};
use crate::domain::Timestamp;
use crate::domain::federation::NameIdFormat;
use crate::domain::registered_uri::check_web;
use chrono::{DateTime, Utc};

pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

pub(super) const fn md(local: &'static str) -> Name {
    Name::new(METADATA, local)
}

pub(super) struct ServiceProvider {
    pub(super) entity_id: String,
    /// The default first, then by index.
    pub(super) acs: Vec<(u16, String)>,
    pub(super) slo: Option<Slo>,
    pub(super) keys: Keys,
    pub(super) signs_requests: bool,
    pub(super) name_id_format: Option<NameIdFormat>,
    pub(super) valid_until: Option<Timestamp>,
}

pub(super) struct Slo {
    pub(super) url: String,
    pub(super) binding: &'static str,
}

/// The one service provider in `xml`, or the one of this `entity_id`; signed by `signer`, if there is one.
pub(super) fn read(
    xml: &str,
    entity_id: Option<&str>,
    signer: Option<&PublicKey>,
) -> Result<ServiceProvider, String> {
    let document = read_xml(xml.as_bytes(), &Limits::METADATA).map_err(unreadable)?;
    let top = trusted(&document, signer)?;
    let mut found = Vec::new();
    collect(top, None, &mut found)?;
    if let Some(entity_id) = entity_id {
        found.retain(|entity| entity.element.attribute("entityID") == Some(entity_id));
    }
    match found.as_slice() {
        [] => Err("describes no such service provider of SAML 2.0".to_owned()),
        [one] => read_entity(one),
        many => Err(format!(
            "describes {} service providers; say by `entity_id` which one is meant",
            many.len()
        )),
    }
}

fn unreadable(cause: XmlError) -> String {
    format!("cannot be read: {cause}")
}

fn trusted<'d>(document: &'d Document, signer: Option<&PublicKey>) -> Result<Element<'d>, String> {
    let top = document.unverified();
    let one = top.is(md("EntityDescriptor"));
    if !one && !top.is(md("EntitiesDescriptor")) {
        return Err("is no metadata of SAML 2.0".to_owned());
    }
    let Some(signer) = signer else { return Ok(top) };
    let name = if one { md("EntityDescriptor") } else { md("EntitiesDescriptor") };
    verify(document, std::slice::from_ref(signer), name)
        .map_err(|cause| format!("is not signed with `metadata_certificate`: {cause}"))
}

/// A service provider with the time until which all around it is valid.
struct Entity<'d> {
    element: Element<'d>,
    descriptor: Element<'d>,
    valid_until: Option<Timestamp>,
}

fn collect<'d>(
    element: Element<'d>,
    outer: Option<Timestamp>,
    found: &mut Vec<Entity<'d>>,
) -> Result<(), String> {
    let valid_until = earlier(outer, element)?;
    if element.is(md("EntitiesDescriptor")) {
        for child in element.children() {
            if child.is(md("EntitiesDescriptor")) || child.is(md("EntityDescriptor")) {
                collect(child, valid_until, found)?;
            }
        }
        return Ok(());
    }
    let speaks = |descriptor: &Element<'_>| {
        let protocols = descriptor.attribute("protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    };
    let mut descriptors = element.children_named(md("SPSSODescriptor")).filter(speaks);
    match (descriptors.next(), descriptors.next()) {
        (None, _) => Ok(()),
        (Some(descriptor), None) => {
            let valid_until = earlier(valid_until, descriptor)?;
            found.push(Entity { element, descriptor, valid_until });
            Ok(())
        }
        (Some(_), Some(_)) => Err("describes one service provider in two ways".to_owned()),
    }
}

fn earlier(outer: Option<Timestamp>, element: Element<'_>) -> Result<Option<Timestamp>, String> {
    let Some(text) = element.attribute("validUntil") else { return Ok(outer) };
    let own = DateTime::parse_from_rfc3339(text)
        .map_err(|_| "has a `validUntil` that is no time".to_owned())?
        .with_timezone(&Utc);
    Ok(Some(outer.map_or(own, |outer| outer.min(own))))
}

fn read_entity(entity: &Entity<'_>) -> Result<ServiceProvider, String> {
    let descriptor = entity.descriptor;
    let keys = saml_keys::read(descriptor)?;
    let signs_requests = matches!(descriptor.attribute("AuthnRequestsSigned"), Some("true" | "1"));
    if signs_requests && keys.signing.is_empty() {
        return Err("says that requests are signed, and has no key to check that with".to_owned());
    }
    let formats = descriptor.children_named(md("NameIDFormat"));
    Ok(ServiceProvider {
        entity_id: entity.element.required("entityID").map_err(unreadable)?.to_owned(),
        acs: read_acs(descriptor)?,
        slo: read_slo(descriptor)?,
        name_id_format: formats
            .filter_map(|format| format.text().ok())
            .find_map(|format| NameIdFormat::ALL.into_iter().find(|f| f.uri() == format.trim())),
        keys,
        signs_requests,
        valid_until: entity.valid_until,
    })
}

/// The default is the one that says so, else the first that does not say no ([SAML metadata §2.2.3]).
///
/// [SAML metadata §2.2.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
fn read_acs(descriptor: Element<'_>) -> Result<Vec<(u16, String)>, String> {
    let mut all = Vec::new();
    for service in descriptor.children_named(md("AssertionConsumerService")) {
        if service.attribute("Binding") != Some(POST) {
            continue;
        }
        let url = location(service)?;
        let index = service.attribute("index").and_then(|index| index.parse::<u16>().ok());
        let index = index.ok_or("has an AssertionConsumerService without a number")?;
        let rank = match service.attribute("isDefault") {
            Some("true" | "1") => 0_u8,
            None => 1,
            Some(_) => 2,
        };
        if all.iter().any(|(_, known, _)| *known == index) {
            return Err(format!("has two AssertionConsumerServices of number {index}"));
        }
        all.push((rank, index, url));
    }
    let default = all.iter().enumerate().min_by_key(|(nth, (rank, ..))| (*rank, *nth));
    let Some((default, _)) = default else {
        return Err("has no AssertionConsumerService by HTTP-POST".to_owned());
    };
    let (_, index, url) = all.remove(default);
    all.sort_by_key(|(_, index, _)| *index);
    let rest = all.into_iter().map(|(_, index, url)| (index, url));
    Ok(std::iter::once((index, url)).chain(rest).collect())
}

/// By redirect, if there is a choice: it needs no form.
fn read_slo(descriptor: Element<'_>) -> Result<Option<Slo>, String> {
    for (binding, word) in [(REDIRECT, "redirect"), (POST, "post")] {
        let mut services = descriptor.children_named(md("SingleLogoutService"));
        if let Some(service) = services.find(|s| s.attribute("Binding") == Some(binding)) {
            return Ok(Some(Slo { url: location(service)?, binding: word }));
        }
    }
    Ok(None)
}

fn location(service: Element<'_>) -> Result<String, String> {
    let url = service.required("Location").map_err(unreadable)?;
    check_web(url)
        .map_err(|problem| format!("has an address in {} that {problem}", service.local_name()))?;
    Ok(url.to_owned())
}
