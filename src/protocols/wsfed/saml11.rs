//! The assertion of SAML 1.1 ([SAML 1.1 core §2]), as the relying parties of WS-Federation read it.
//!
//! [SAML 1.1 core §2]: https://www.oasis-open.org/committees/download.php/3406/oasis-sstc-saml-core-1.1.pdf
use super::claims::split;
use super::profile::Lifetime;
use crate::crypto::xml::{SignaturePlace, XmlError, escape};
use crate::login::{Login, NameId};
use crate::protocols::common::saml_assertion::{compact, instant};
use askama::Template;

pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
pub const UNSPECIFIED_NAME: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// The name format of user principal names.
pub const UPN_NAME: &str = "http://schemas.xmlsoap.org/claims/UPN";

/// Core §7.1. Of somebody who is impersonated nobody knows how they would have signed in.
const PASSWORD: &str = "urn:oasis:names:tc:SAML:1.0:am:password";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.0:am:unspecified";

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "wsfed/assertion11.xml", escape = "none")]
struct Saml11Assertion<'a> {
    id: &'a str,
    issuer: String,
    issued: String,
    not_before: String,
    not_on_or_after: String,
    audience: String,
    name: String,
    format: String,
    authenticated: String,
    method: String,
    attributes: Vec<Attribute>,
}

#[derive(PartialEq)]
struct Attribute {
    namespace: String,
    name: String,
    values: Vec<String>,
}

/// Signed, and one element without anything around it. `id` is the `AssertionID`.
pub(crate) fn write(
    login: &Login<'_>,
    (id, realm): (&str, &str),
    name: &NameId,
    claims: &[(String, String)],
    lifetime: &Lifetime,
) -> Result<String, XmlError> {
    let asked = login.request.authn_context.as_deref();
    let impersonated = login.principal.impersonation().is_some();
    let assertion = Saml11Assertion {
        id,
        issuer: escape(login.issuer)?,
        issued: instant(login.now),
        not_before: instant(lifetime.from),
        not_on_or_after: instant(lifetime.until),
        audience: escape(realm)?,
        name: escape(&name.value)?,
        format: escape(&name.format)?,
        authenticated: instant(login.principal.authenticated_at()),
        method: escape(if impersonated { UNSPECIFIED } else { asked.unwrap_or(PASSWORD) })?,
        attributes: attributes(claims)?,
    };
    login.signer.sign_token(&compact(&assertion)?, "AssertionID", id, SignaturePlace::Last)
}

/// Escaped, and no name twice.
fn attributes(claims: &[(String, String)]) -> Result<Vec<Attribute>, XmlError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for (claim, value) in claims {
        let (namespace, name) = split(claim);
        let (namespace, name, value) = (escape(namespace)?, escape(name)?, escape(value)?);
        let same = |known: &&mut Attribute| known.namespace == namespace && known.name == name;
        match attributes.iter_mut().find(same) {
            Some(known) => known.values.push(value),
            None => attributes.push(Attribute { namespace, name, values: vec![value] }),
        }
    }
    Ok(attributes)
}
