//! What a token of WS-Federation says about a user: claims, whose names are a namespace and a last word.
use super::profile::Token;
use crate::domain::user::User;
use crate::impersonation::{Impersonation, marks};
use crate::login::Principal;
use crate::protocols::common::attributes;
use std::collections::BTreeMap;

/// Of a claim that an application named without a namespace, like every other profile key.
const PLAIN: &str = "http://schemas.auth0.com";
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";

/// Name and value, the marks last. `mapping` is the application's own; see [`attributes::of`].
pub fn of(
    principal: &Principal,
    mapping: &BTreeMap<String, String>,
    token: Token,
) -> Vec<(String, String)> {
    about(principal.subject(), (mapping, token), principal.impersonation())
}

/// The same about `user`, by the impersonation that stands behind them, if one does.
pub fn about(
    user: &User,
    (mapping, token): (&BTreeMap<String, String>, Token),
    acting: Option<&Impersonation>,
) -> Vec<(String, String)> {
    let mut claims = attributes::about(user, mapping, acting);
    for (name, _) in &mut claims {
        *name = full(name);
    }
    let email = &user.profile.email;
    if let (Token::UserPrincipal, Some(email)) = (token, email) {
        claims.retain(|(name, _)| name != UPN && name != EMAIL);
        claims.extend([UPN, EMAIL].map(|name| (name.to_owned(), email.clone())));
    }
    // With full names, so that none becomes a mark by being completed.
    marks::write_claims(&mut claims, acting);
    claims
}

/// The name as a relying party puts it together again: namespace, slash, last word.
fn full(name: &str) -> String {
    let (namespace, last) = split(name);
    format!("{namespace}/{last}")
}

/// `AttributeNamespace` and `AttributeName` of SAML 1.1, neither of them empty.
pub fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('/') {
        Some((namespace, last)) if !last.is_empty() && namespace.contains(':') => (namespace, last),
        Some(_) | None => (PLAIN, name),
    }
}
