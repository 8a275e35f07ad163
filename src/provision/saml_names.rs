//! Names of the elements of SAML metadata.
use crate::crypto::xml::Name;

pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

pub(super) const fn md(local: &'static str) -> Name {
    Name::new(METADATA, local)
}
