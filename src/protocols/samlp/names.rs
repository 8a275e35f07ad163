//! The names and addresses of SAML 2.0.
use crate::crypto::xml::Name;
use crate::domain::ClientId;
use crate::flows::impersonation::start_impersonation::encode;

pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The only encoding of the Redirect binding ([SAML bindings §3.4.4]).
///
/// [SAML bindings §3.4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
pub const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";
/// The format of an issuer's own name ([SAML core §8.3.6]).
///
/// [SAML core §8.3.6]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
pub const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// An element of the protocol's namespace.
pub const fn samlp(local: &'static str) -> Name {
    Name::new(PROTOCOL, local)
}

/// An element of the assertions' namespace.
pub const fn saml(local: &'static str) -> Name {
    Name::new(ASSERTION, local)
}

/// How this server calls itself, in every message and in metadata: as in every other protocol.
pub fn entity_id(issuer: &str) -> &str {
    issuer
}

/// Where requests of any service provider go; its `Issuer` says which it is.
pub fn sso_of_all(issuer: &str) -> String {
    format!("{issuer}/samlp")
}

pub fn sso_url(issuer: &str, client: &ClientId) -> String {
    format!("{issuer}/samlp/{}", encode(client.as_str()))
}

/// Where sign-out messages of any service provider go.
pub fn slo_of_all(issuer: &str) -> String {
    format!("{issuer}/samlp/logout")
}

pub fn slo_url(issuer: &str, client: &ClientId) -> String {
    format!("{issuer}/samlp/{}/logout", encode(client.as_str()))
}

/// What this server says of itself to one application.
pub fn metadata_url(issuer: &str, client: &ClientId) -> String {
    format!("{issuer}/samlp/metadata/{}", encode(client.as_str()))
}
