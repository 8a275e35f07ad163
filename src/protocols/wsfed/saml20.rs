//! A SAML 2.0 assertion as the token of WS-Federation, for the relying parties that want one.
use super::profile::Lifetime;
use crate::crypto::xml::XmlError;
use crate::login::{Login, NameId};
use crate::protocols::common::saml_assertion::{Assertion, PASSWORD, Spelling, UNSPECIFIED};

pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// Signed, and one element without anything around it. `id` is the `ID`.
pub(crate) fn write(
    login: &Login<'_>,
    (id, realm): (&str, &str),
    name: &NameId,
    claims: &[(String, String)],
    lifetime: &Lifetime,
) -> Result<String, XmlError> {
    let impersonation = login.principal.impersonation();
    let assertion = Assertion {
        spelling: Spelling::Plain,
        id,
        issuer: login.issuer,
        audience: realm,
        recipient: &login.request.return_url,
        in_response_to: None,
        name,
        context: match impersonation {
            Some(_) => UNSPECIFIED,
            None => login.request.authn_context.as_deref().unwrap_or(PASSWORD),
        },
        authenticated_at: login.principal.authenticated_at(),
        session_index: login.id,
        session_ends: impersonation.map(|by| by.terms().ends_at),
        attributes: claims,
        delegate: None,
        now: login.now,
        not_before: lifetime.from,
        not_on_or_after: lifetime.until,
    };
    assertion.sign(login.signer)
}
