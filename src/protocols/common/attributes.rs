//! What SAML and WS-Federation say about a user: pairs of a name and a value.
//!
//! The names are the ones of Auth0's own libraries; an application may map others. The marks of an
//! impersonation come last and cannot be mapped ([`marks::write_attributes`]).
use crate::domain::federation::USER_FIELDS as FIELDS;
use crate::domain::user::User;
use crate::impersonation::marks;
use crate::login::Principal;
use std::collections::BTreeMap;

pub type Attributes = Vec<(String, String)>;

/// The names under which they are told, each with the field it is filled from.
pub fn named() -> impl Iterator<Item = (String, &'static str)> {
    FIELDS.iter().map(|(field, space, name)| (format!("{space}{name}"), *field))
}

/// What an application is told about `principal`; `mapping` is its own, from the name it knows to the field.
///
/// With a mapping the application gets what it names and nothing else, but for the marks.
pub fn of(principal: &Principal, mapping: &BTreeMap<String, String>) -> Attributes {
    let user = principal.subject();
    let mut attributes: Attributes = if mapping.is_empty() {
        let all = FIELDS.iter().filter_map(|(field, space, name)| {
            Some((format!("{space}{name}"), value(user, field)?))
        });
        all.collect()
    } else {
        let mapped =
            mapping.iter().filter_map(|(name, field)| Some((name.clone(), value(user, field)?)));
        mapped.collect()
    };
    marks::write_attributes(&mut attributes, principal.impersonation());
    attributes
}

fn value(user: &User, field: &str) -> Option<String> {
    let profile = &user.profile;
    match field {
        "user_id" => Some(user.id.to_string()),
        // The name of a directory account is the e-mail address of a person here.
        "email" | "upn" => profile.email.clone(),
        "name" => profile.name.clone(),
        "given_name" => profile.given_name.clone(),
        "family_name" => profile.family_name.clone(),
        "nickname" => profile.nickname.clone(),
        "picture" => profile.picture.clone(),
        "phone_number" => profile.phone_number.clone(),
        "email_verified" => Some(profile.email_verified.to_string()),
        "organization" => user.organization_id().map(ToString::to_string),
        _ => None,
    }
}
