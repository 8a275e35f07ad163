//! A SAML 2.0 assertion as the token of WS-Federation, for the relying parties that want one.
pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
