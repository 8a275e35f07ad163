//! `wreq`: a `RequestSecurityToken` in the request ([WS-Federation 1.2 §13.2.2], WS-Trust §3.1).
//!
//! Two things are read from it, the version of WS-Trust and the type of the token. What it wishes beside
//! them a passive relying party cannot be given, and it learns that from the token.
//!
//! [WS-Federation 1.2 §13.2.2]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use super::names::{FEB_2005, V13};
use super::refusal::BadWsfedRequest;
use super::{saml11, saml20};
use crate::crypto::xml::{self, Limits, Name};
use crate::domain::federation::{TokenForm, TokenVersion, TrustVersion};

/// A request is a few lines; this is the longest that is looked at.
const LIMITS: Limits = Limits { bytes: 16 * 1024, ..Limits::MESSAGE };

/// Names of SAML 2.0 tokens beside the one that we write.
const SAML20: [&str; 2] = [
    saml20::TOKEN_TYPE,
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0",
];
const SAML11: [&str; 3] = [
    saml11::TOKEN_TYPE,
    "urn:oasis:names:tc:SAML:1.1:assertion",
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1",
];

pub(crate) fn read(text: &str) -> Result<TokenForm, BadWsfedRequest> {
    let document = xml::read(text.as_bytes(), &LIMITS).map_err(|_| BadWsfedRequest::Request)?;
    let request = document.unverified();
    let (trust, namespace) = [(TrustVersion::Feb2005, FEB_2005), (TrustVersion::V13, V13)]
        .into_iter()
        .find(|(_, namespace)| request.is(Name::new(namespace, "RequestSecurityToken")))
        .ok_or(BadWsfedRequest::Request)?;
    let asked =
        request.child(Name::new(namespace, "TokenType")).map_err(|_| BadWsfedRequest::Request)?;
    let asked = asked.map(|kind| kind.text()).transpose().map_err(|_| BadWsfedRequest::Request)?;
    let token = match asked.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(kind) if SAML20.contains(&kind) => Some(TokenVersion::Saml20),
        Some(kind) if SAML11.contains(&kind) => Some(TokenVersion::Saml11),
        Some(_) => return Err(BadWsfedRequest::Request),
    };
    Ok(TokenForm { token, trust: Some(trust) })
}
