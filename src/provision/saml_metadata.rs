//! What a service provider says of itself ([SAML metadata §2.4.4]), read from the file that its operator sends.
//!
//! It is believed because an administrator brings it, not for a signature; whoever wants one checked names the
//! certificate.
//!
//! [SAML metadata §2.4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
use super::mistake::printable;
use super::saml_keys::{self, MetadataKeys};
use super::saml_names::md;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::values::{boolean, collapse, date_time, unsigned_short};
use crate::crypto::xml::{
    Document, Element, Limits, Name, XmlError, read as read_xml, verify, without_old_declaration,
};
use crate::domain::Timestamp;
use crate::domain::federation::NameIdFormat;
use crate::domain::registered_uri::check_web;

const USER_INTERFACE: &str = "urn:oasis:names:tc:SAML:metadata:ui";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// A longer name is no name of an application.
const LONGEST_NAME: usize = 100;
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// What is stored and shown. A part that cannot be read is kept as the reason, because it does not matter where the
/// file gives the same part by hand.
pub(super) struct ReadMetadata {
    pub(super) entity_id: String,
    pub(super) display_name: Option<String>,
    pub(super) acs: Result<Consumers, String>,
    pub(super) slo: Result<LogoutEndpoints, String>,
    pub(super) keys: Result<MetadataKeys, String>,
    pub(super) signs_requests: Result<bool, String>,
    pub(super) formats: Formats,
    /// The names of the attributes that it asks for.
    pub(super) attributes: Vec<String>,
    pub(super) valid_until: Result<Option<Timestamp>, String>,
}

#[derive(Default)]
pub(super) struct Consumers {
    /// The default first, then by index.
    pub(super) all: Vec<(u16, String)>,
    /// Which addresses were left out, and why.
    pub(super) notices: Vec<String>,
}

#[derive(Default)]
pub(super) struct LogoutEndpoints {
    pub(super) service: Option<LogoutService>,
    /// Why there is none, although the metadata list one.
    pub(super) notice: Option<String>,
}

pub(super) struct LogoutService {
    pub(super) url: String,
    /// Where responses go, when that is another address ([SAML metadata §2.2.2]).
    ///
    /// [SAML metadata §2.2.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
    pub(super) response_url: Option<String>,
    pub(super) binding: &'static str,
}

pub(super) struct Formats {
    pub(super) first: Option<NameIdFormat>,
    /// The formats that are listed, when none of them is known here.
    pub(super) unknown: Vec<String>,
}

/// The one service provider in `xml`, or the one of this `entity_id`; signed by `signer`, if there is one.
pub(super) fn read(
    xml: &str,
    entity_id: Option<&str>,
    signer: Option<&PublicKey>,
) -> Result<ReadMetadata, String> {
    let text = without_old_declaration(xml);
    if text.trim_start().starts_with("<?xml") && !text.starts_with("<?xml") {
        return Err("begins with white space; `<?xml` must be the very first of it".to_owned());
    }
    let document = read_xml(text.as_bytes(), &Limits::METADATA).map_err(unreadable)?;
    let top = trusted(&document, signer)?;
    let mut found = Vec::new();
    collect(top, &Ok(None), &mut found)?;
    if let Some(entity_id) = entity_id {
        found.retain(|entity| entity.element.collapsed("entityID").as_deref() == Some(entity_id));
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
    valid_until: Validity,
}

/// The earliest `validUntil` so far, or why one of them is no time.
type Validity = Result<Option<Timestamp>, String>;

fn collect<'d>(
    element: Element<'d>,
    outer: &Validity,
    found: &mut Vec<Entity<'d>>,
) -> Result<(), String> {
    let valid_until = earlier(outer, element);
    if element.is(md("EntitiesDescriptor")) {
        for child in element.children() {
            if child.is(md("EntitiesDescriptor")) || child.is(md("EntityDescriptor")) {
                collect(child, &valid_until, found)?;
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
            let valid_until = earlier(&valid_until, descriptor);
            found.push(Entity { element, descriptor, valid_until });
            Ok(())
        }
        (Some(_), Some(_)) => Err("describes one service provider in two ways".to_owned()),
    }
}

fn earlier(outer: &Validity, element: Element<'_>) -> Validity {
    let outer = outer.clone()?;
    let Some(text) = element.attribute("validUntil") else { return Ok(outer) };
    let own = date_time(text)
        .ok_or_else(|| format!("has a `validUntil` that is no time: `{}`", printable(text)))?;
    Ok(Some(outer.map_or(own, |outer| outer.min(own))))
}

fn read_entity(entity: &Entity<'_>) -> Result<ReadMetadata, String> {
    let descriptor = entity.descriptor;
    let entity_id = entity.element.filled("entityID").ok_or("has no `entityID`")?;
    Ok(ReadMetadata {
        entity_id,
        display_name: display_name(descriptor),
        acs: read_acs(descriptor),
        slo: read_slo(descriptor),
        keys: saml_keys::read(descriptor),
        signs_requests: flag(descriptor, "AuthnRequestsSigned").map(Option::unwrap_or_default),
        formats: read_formats(descriptor),
        attributes: read_attributes(descriptor),
        valid_until: entity.valid_until.clone(),
    })
}

/// A word that is no boolean is refused, because it would otherwise count as "no".
fn flag(element: Element<'_>, name: &str) -> Result<Option<bool>, String> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    let problem =
        || format!("has a `{name}` that is neither true nor false: `{}`", printable(text));
    boolean(text).map(Some).ok_or_else(problem)
}

fn read_formats(descriptor: Element<'_>) -> Formats {
    let listed = descriptor.children_named(md("NameIDFormat"));
    // A format that is no plain text is none that is known.
    let listed: Vec<String> = listed
        .map(|format| format.text().map_or_else(|_| "markup".to_owned(), |text| collapse(&text)))
        .filter(|format| !format.is_empty())
        .collect();
    let first = listed.iter().find_map(|format| NameIdFormat::parse_uri(format));
    let unknown = if first.is_none() { listed } else { Vec::new() };
    Formats { first, unknown }
}

fn read_attributes(descriptor: Element<'_>) -> Vec<String> {
    let mut names: Vec<String> = descriptor
        .children_named(md("AttributeConsumingService"))
        .flat_map(|service| service.children_named(md("RequestedAttribute")))
        .filter_map(|attribute| attribute.attribute("Name").map(str::to_owned))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// In English, or the first ([SAML metadata user interface §2.1.2]).
///
/// [SAML metadata user interface §2.1.2]: https://docs.oasis-open.org/security/saml/Post2.0/sstc-saml-metadata-ui/v1.0/sstc-saml-metadata-ui-v1.0.html
fn display_name(descriptor: Element<'_>) -> Option<String> {
    let ui = |local| Name::new(USER_INTERFACE, local);
    let names = descriptor
        .children_named(md("Extensions"))
        .flat_map(|extensions| extensions.children_named(ui("UIInfo")))
        .flat_map(|info| info.children_named(ui("DisplayName")));
    let names: Vec<(bool, String)> = names
        .filter_map(|name| {
            let english = name.attribute_in(XML, "lang").is_some_and(|lang| lang.starts_with("en"));
            Some((english, collapse(&name.text().ok()?)))
        })
        .filter(|(_, name)| !name.is_empty() && name.chars().count() <= LONGEST_NAME)
        .collect();
    let found = names.iter().find(|(english, _)| *english).or(names.first());
    found.map(|(_, name)| name.clone())
}

/// The default is the one that says so, else the first that does not say no ([SAML metadata §2.2.3]).
///
/// One without a number of its own is left out beside others: a request cannot name it. The only one never is.
///
/// [SAML metadata §2.2.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
fn read_acs(descriptor: Element<'_>) -> Result<Consumers, String> {
    let (mut all, mut notices): (Vec<(u8, u16, String)>, Vec<String>) = Default::default();
    for service in descriptor.children_named(md("AssertionConsumerService")) {
        if service.collapsed("Binding").as_deref() != Some(POST) {
            continue;
        }
        let url = address(service, "Location")?
            .ok_or("has an AssertionConsumerService without a Location")?;
        let rank = match flag(service, "isDefault")? {
            Some(true) => 0_u8,
            None => 1,
            Some(false) => 2,
        };
        let Some(index) = service.attribute("index").and_then(unsigned_short) else {
            notices.push(format!("AssertionConsumerService `{url}` has no number (index)"));
            continue;
        };
        match all.iter().find(|(_, known, _)| *known == index) {
            None => all.push((rank, index, url)),
            Some((.., known)) => notices.push(format!(
                "AssertionConsumerService `{url}` has the number {index}, as `{known}` has"
            )),
        }
    }
    let default = all.iter().enumerate().min_by_key(|(nth, (rank, ..))| (*rank, *nth));
    let Some((default, _)) = default else {
        return Err(match notices.first() {
            Some(notice) => format!("has no usable address for answers: {notice}"),
            None => "has no AssertionConsumerService by HTTP-POST".to_owned(),
        });
    };
    let (_, index, url) = all.remove(default);
    all.sort_by_key(|(_, index, _)| *index);
    let rest = all.into_iter().map(|(_, index, url)| (index, url));
    let all = std::iter::once((index, url)).chain(rest).collect();
    let notices = notices.into_iter().map(|notice| format!("{notice}; it is left out")).collect();
    Ok(Consumers { all, notices })
}

/// By redirect, if there is a choice: it needs no form.
fn read_slo(descriptor: Element<'_>) -> Result<LogoutEndpoints, String> {
    let services: Vec<_> = descriptor.children_named(md("SingleLogoutService")).collect();
    for (binding, word) in [(REDIRECT, "redirect"), (POST, "post")] {
        let spoken = |s: &&Element<'_>| s.collapsed("Binding").as_deref() == Some(binding);
        if let Some(service) = services.iter().find(spoken).copied() {
            let url = address(service, "Location")?;
            let service = LogoutService {
                url: url.ok_or("has a SingleLogoutService without a Location")?,
                response_url: address(service, "ResponseLocation")?,
                binding: word,
            };
            return Ok(LogoutEndpoints { service: Some(service), notice: None });
        }
    }
    let notice = (!services.is_empty()).then(|| {
        "its SingleLogoutService speaks neither HTTP-Redirect nor HTTP-POST; the application is not \
         told of sign-outs"
            .to_owned()
    });
    Ok(LogoutEndpoints { service: None, notice })
}

/// `xs:anyURI`. An empty `ResponseLocation` says nothing.
fn address(service: Element<'_>, attribute: &str) -> Result<Option<String>, String> {
    let Some(url) = service.filled(attribute) else { return Ok(None) };
    check_web(&url).map_err(|problem| {
        let (service, url) = (service.local_name(), printable(&url));
        format!("has an address in {service} that {problem}: {attribute} `{url}`")
    })?;
    Ok(Some(url))
}
