//! The assertion of SAML 1.1 ([SAML 1.1 core §2]), as the relying parties of WS-Federation read it.
//!
//! [SAML 1.1 core §2]: https://www.oasis-open.org/committees/download.php/3406/oasis-sstc-saml-core-1.1.pdf
use super::claims::split;
use super::response::{Words, time};
use crate::crypto::xml::{Place, Signer, XmlError, escape};
use crate::login::NameId;
use askama::Template;

pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
pub const UNSPECIFIED_NAME: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// The name format of user principal names.
pub const UPN_NAME: &str = "http://schemas.xmlsoap.org/claims/UPN";

/// Core §7.1. Of somebody who is impersonated nobody knows how they would have signed in.
const PASSWORD: &str = "urn:oasis:names:tc:SAML:1.0:am:password";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.0:am:unspecified";

#[derive(Template)]
#[template(path = "wsfed/assertion11.xml")]
struct Assertion {
    id: String,
    issuer: String,
    issued: String,
    not_before: String,
    not_on_or_after: String,
    audience: String,
    name: String,
    format: String,
    authenticated: String,
    method: &'static str,
    attributes: Vec<Attribute>,
}

struct Attribute {
    namespace: String,
    name: String,
    value: String,
}

/// Signed, and one element without anything around it.
pub(super) fn write(
    words: &Words<'_>,
    name: &NameId,
    claims: &[(String, String)],
    signer: &Signer,
) -> Result<String, XmlError> {
    let attribute = |(full, value): &(String, String)| {
        let (namespace, name) = split(full);
        Ok(Attribute { namespace: escape(namespace)?, name: escape(name)?, value: escape(value)? })
    };
    let assertion = Assertion {
        id: words.id.clone(),
        issuer: escape(words.issuer)?,
        issued: time(words.now),
        not_before: time(words.not_before),
        not_on_or_after: time(words.not_on_or_after),
        audience: escape(words.realm)?,
        name: escape(&name.value)?,
        format: escape(&name.format)?,
        authenticated: time(words.authenticated_at),
        method: if words.impersonated { UNSPECIFIED } else { PASSWORD },
        attributes: claims.iter().map(attribute).collect::<Result<_, XmlError>>()?,
    };
    let xml = assertion.render().map_err(|_| XmlError::NotMade)?;
    signer.sign_enveloped(&xml, "AssertionID", &words.id, Place::Last)
}
