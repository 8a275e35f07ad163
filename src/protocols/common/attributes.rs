//! What SAML and WS-Federation say about a user: pairs of a name and a value.
//!
//! The names are the ones of Auth0's own libraries; an application may map others. The marks of an
//! impersonation come last and cannot be mapped ([`marks::write_attributes`]).
use crate::domain::user::User;
use crate::impersonation::Impersonation;
use crate::impersonation::marks::{self, RESERVED_ATTRIBUTES};
use crate::login::Principal;
use std::collections::BTreeMap;

const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
const AUTH0: &str = "http://schemas.auth0.com/";

/// The fields of a user that can be told, with the name each has unless the application maps it.
const FIELDS: [(&str, &str, &str); 11] = [
    ("user_id", XMLSOAP, "nameidentifier"),
    ("email", XMLSOAP, "emailaddress"),
    ("name", XMLSOAP, "name"),
    ("given_name", XMLSOAP, "givenname"),
    ("family_name", XMLSOAP, "surname"),
    ("upn", XMLSOAP, "upn"),
    ("nickname", AUTH0, "nickname"),
    ("picture", AUTH0, "picture"),
    ("phone_number", AUTH0, "phone_number"),
    ("email_verified", AUTH0, "email_verified"),
    ("organization", AUTH0, "organization"),
];

pub type Attributes = Vec<(String, String)>;

/// The names that an application may fill an attribute from.
pub fn fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(field, _, _)| *field)
}

/// The names under which they are told, each with the field it is filled from.
pub fn named() -> impl Iterator<Item = (String, &'static str)> {
    FIELDS.iter().map(|(field, space, name)| (format!("{space}{name}"), *field))
}

/// What an application is told about `principal`; `mapping` is its own, from the name it knows to the field.
///
/// With a mapping the application gets what it names and nothing else, but for the marks.
pub fn of(principal: &Principal, mapping: &BTreeMap<String, String>) -> Attributes {
    about(principal.subject(), mapping, principal.impersonation())
}

/// The same about `user`, by the impersonation that stands behind them, if one does.
pub fn about(
    user: &User,
    mapping: &BTreeMap<String, String>,
    acting: Option<&Impersonation>,
) -> Attributes {
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
    marks::write_attributes(&mut attributes, acting);
    if attributes.is_empty() {
        // A statement without attributes is against the schema (SAML core §2.7.3), and no statement at all
        // against what strict applications want: one that they know is told, empty.
        let known = mapping.keys().find(|name| !RESERVED_ATTRIBUTES.contains(&name.as_str()));
        attributes.extend(known.map(|name| (name.clone(), String::new())));
    }
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
