//! The claims about a user, by scope ([OpenID Connect Core §5.4]).
//!
//! Only standard claims; [`crate::impersonation::marks`] are written last, so that user data cannot forge them.
//!
//! [OpenID Connect Core §5.4]: https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
use crate::domain::scope::{EMAIL, PHONE, PROFILE, Scopes};
use crate::domain::user::Profile;
use crate::domain::{Timestamp, UserId};
use serde_json::{Map, Value, json};

/// `acr` of a sign-in by password; an impersonation has `0`.
pub const PASSWORD_ACR: &str = "1";

pub fn about(user: &UserId, profile: &Profile, scope: &Scopes) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".into(), user.as_str().into());
    if scope.contains(PROFILE) {
        give(&mut claims, "name", profile.name.as_deref());
        give(&mut claims, "given_name", profile.given_name.as_deref());
        give(&mut claims, "family_name", profile.family_name.as_deref());
        give(&mut claims, "nickname", profile.nickname.as_deref());
        give(&mut claims, "picture", profile.picture.as_deref());
    }
    if scope.contains(EMAIL) && profile.email.is_some() {
        give(&mut claims, "email", profile.email.as_deref());
        claims.insert("email_verified".into(), profile.email_verified.into());
    }
    if scope.contains(PHONE) {
        give(&mut claims, "phone_number", profile.phone_number.as_deref());
    }
    claims
}

/// How and when a user signed in for themselves.
pub fn sign_in(claims: &mut Map<String, Value>, at: Timestamp) {
    claims.insert("auth_time".into(), at.timestamp().into());
    claims.insert("acr".into(), PASSWORD_ACR.into());
    claims.insert("amr".into(), json!(["pwd"]));
}

/// A claim without a value is left out (OpenID Connect Core §5.3.2).
fn give(claims: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        claims.insert(name.into(), value.into());
    }
}
