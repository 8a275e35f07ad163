//! Writes the marks of an impersonation: the only writer of `act`, `impersonated` and `impersonator`.
//!
//! Called after every other claim, so that no claim can remove or forge a mark.
use super::Impersonation;
use crate::domain::protocol::Mode;
use crate::domain::user::User;
use crate::domain::{ImpersonationId, Timestamp};
use serde_json::{Map, Value, json};

/// The claim that names the impersonation itself.
pub const IMPERSONATION_CLAIM: &str = "https://understudy.dev/claims/impersonation";

/// Names that profile data can never bring into a token.
pub const RESERVED: &[&str] =
    &["impersonated", "impersonator", "act", "may_act", IMPERSONATION_CLAIM];

/// The names of the marks in SAML and WS-Federation, which profile data can never bring.
pub const RESERVED_ATTRIBUTES: &[&str] =
    &[IMPERSONATED, IMPERSONATOR, IMPERSONATOR_EMAIL, IMPERSONATION_MODE, ACTOR];
const IMPERSONATED: &str = "http://schemas.auth0.com/impersonated";
const IMPERSONATOR: &str = "http://schemas.auth0.com/impersonator";
const IMPERSONATOR_EMAIL: &str = "http://schemas.auth0.com/impersonator_email";
/// `full` or `read_only`, which the application has to enforce.
const IMPERSONATION_MODE: &str = "http://schemas.auth0.com/impersonation_mode";
/// The actor in a WS-Federation token ([Identity Metasystem claims, 2009/09]).
///
/// [Identity Metasystem claims, 2009/09]: http://schemas.xmlsoap.org/ws/2009/09/identity/claims/actor
const ACTOR: &str = "http://schemas.xmlsoap.org/ws/2009/09/identity/claims/actor";

/// As [`write()`], for attributes of SAML 2.0.
pub fn write_attributes(attributes: &mut Vec<(String, String)>, by: Option<&Impersonation>) {
    attributes.retain(|(name, _)| !RESERVED_ATTRIBUTES.contains(&name.as_str()));
    let Some(impersonation) = by else { return };
    let actor = impersonation.actor();
    attributes.push((IMPERSONATED.into(), "true".into()));
    attributes.push((IMPERSONATOR.into(), actor.id.to_string()));
    if let Some(email) = &actor.profile.email {
        attributes.push((IMPERSONATOR_EMAIL.into(), email.clone()));
    }
    attributes.push((IMPERSONATION_MODE.into(), impersonation.mode().as_str().into()));
}

/// As [`write()`], for claims of WS-Federation, which has its own name for the actor too.
pub fn write_claims(claims: &mut Vec<(String, String)>, by: Option<&Impersonation>) {
    write_attributes(claims, by);
    if let Some(impersonation) = by {
        claims.push((ACTOR.into(), impersonation.actor().id.to_string()));
    }
}

/// Writes the marks of `impersonation` into `claims`, or makes sure that there are none.
///
/// `act` names the actor ([RFC 8693 §4.1]). `acr` is `0`, no `amr` and `auth_time` = start: the
/// subject has not authenticated, and this server never says so (OpenID Connect Core §2).
///
/// [RFC 8693 §4.1]: https://www.rfc-editor.org/rfc/rfc8693#section-4.1
pub fn write(claims: &mut Map<String, Value>, by: Option<&Impersonation>, issuer: &str) {
    for name in RESERVED {
        claims.remove(*name);
    }
    let Some(impersonation) = by else { return };
    let (actor, terms) = (impersonation.actor(), impersonation.terms());
    claims.remove("amr");
    claims.insert("acr".into(), json!("0"));
    claims.insert("auth_time".into(), json!(terms.starts_at.timestamp()));
    name(claims, actor, (&terms.id, impersonation.mode(), terms.ends_at), issuer);
}

/// The marks of an ended impersonation, for its logout token.
pub fn write_ended(
    claims: &mut Map<String, Value>,
    actor: &User,
    ended: (&ImpersonationId, Mode, Timestamp),
    issuer: &str,
) {
    name(claims, actor, ended, issuer);
}

fn name(
    claims: &mut Map<String, Value>,
    actor: &User,
    (id, mode, ends_at): (&ImpersonationId, Mode, Timestamp),
    issuer: &str,
) {
    let impersonator = json!({ "user_id": actor.id.as_str(), "email": actor.profile.email });
    let impersonation =
        json!({ "id": id.as_str(), "mode": mode.as_str(), "exp": ends_at.timestamp() });
    claims.insert("impersonated".into(), json!(true));
    claims.insert("impersonator".into(), impersonator);
    claims.insert("act".into(), json!({ "iss": issuer, "sub": actor.id.as_str() }));
    claims.insert(IMPERSONATION_CLAIM.into(), impersonation);
}

/// The `impersonator` object, built from the directory and never from a request.
pub fn impersonator(impersonation: &Impersonation) -> Value {
    let actor = impersonation.actor();
    json!({ "user_id": actor.id.as_str(), "email": actor.profile.email })
}
