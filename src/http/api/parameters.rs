//! Parameters, read by what they are and not by their label: real clients label them wrongly.
//!
//! A body that starts with `{` is JSON, anything else a form; the query fills what the body lacks. The
//! empty text, `null` and `[]` mean "not given".
use crate::domain::json;
use crate::domain::text::{is_visible, whole_number};
use crate::http::error::ApiError;
use crate::http::form;
use crate::login::Parameters;
use serde_json::Value;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The one parameter that is an object.
const OBJECT: &str = "additionalParameters";

/// What may stand in `additionalParameters` (B34); who the login is about and what it may do is not
/// among it.
const ADDITIONAL: &[&str] = &[
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "callback_url",
    "redirect_uri",
    "audience",
    "code_challenge",
    "code_challenge_method",
    "RelayState",
    "wctx",
];

/// What a request may say outside `additionalParameters`.
const NAMED: &[&str] = &[
    "protocol",
    "impersonator_id",
    "client_id",
    "ttl",
    "duration",
    "mode",
    "reason",
    "reason_code",
    "ticket",
    "target_link_uri",
    "response_type",
    "state",
    OBJECT,
];

/// What vendors' SDKs send beside it and nobody means: the credential once more, and who the people are. None of
/// it is read, so none of it takes effect, and the audit event names it (A67, A72). As [`folded`].
const IGNORED: &[&str] = &[
    "accesstoken",
    "clientid",
    "clientsecret",
    "connection",
    "domain",
    "email",
    "granttype",
    "id",
    "idtoken",
    "impersonator",
    "impersonatorid",
    "isadmin",
    "name",
    "role",
    "roles",
    "skipmfa",
    "tenant",
    "token",
    "tokentype",
    "user",
    "userid",
];

/// A name without what different spellings of it differ in: case, `_` and `-`.
fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

/// Whoever sends a name that is unknown here asks for something that would not happen: a `dry_run` that makes a
/// link. So it is refused until there is such a thing (K-21).
pub fn unknown_name(name: &str) -> ApiError {
    let name: String = name.chars().filter(|c| is_visible(*c)).take(64).collect();
    ApiError::invalid_request(format!("`{name}` is unknown here"))
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct RequestFields {
    named: BTreeMap<String, String>,
    additional: Parameters,
    /// Given without a value, as in `?dry_run`.
    bare: BTreeSet<String>,
}

impl RequestFields {
    pub fn read(body: &[u8], query: &str) -> Result<Self, ApiError> {
        let mut fields = Self::default();
        if body.trim_ascii_start().starts_with(b"{") {
            fields.read_json(body)?;
        } else {
            fields.read_form(body)?;
        }
        fields.read_form(query.as_bytes())?;
        Ok(fields)
    }

    /// Takes a field out; what is left in the end was ignored.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.named.remove(name)
    }

    pub fn required(&mut self, name: &'static str) -> Result<String, ApiError> {
        self.take(name).ok_or_else(|| ApiError::invalid_request(format!("`{name}` is missing")))
    }

    /// A whole number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<i64>, ApiError> {
        let bad = || ApiError::invalid_request(format!("`{name}` is not a whole number"));
        self.take(name).map(|text| whole_number(&text).ok_or_else(bad)).transpose()
    }

    /// `additionalParameters`; one vendor SDK sends two of them at the top.
    pub fn take_additional(&mut self) -> Parameters {
        for name in ["response_type", "state"] {
            if let (Some(value), Entry::Vacant(place)) =
                (self.named.remove(name), self.additional.entry(name.to_owned()))
            {
                place.insert(value);
            }
        }
        std::mem::take(&mut self.additional)
    }

    /// The names that are ignored; one that is unknown is refused.
    pub fn ignored(self) -> Result<Vec<String>, ApiError> {
        let ignored = |name: &String| IGNORED.contains(&folded(name).as_str());
        let bare = self.bare.iter().filter(|name| !NAMED.contains(&name.as_str()));
        if let Some(name) = self.named.keys().chain(bare).find(|name| !ignored(name)) {
            return Err(unknown_name(name));
        }
        Ok(self.named.into_keys().map(|name| name.chars().take(64).collect()).take(20).collect())
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), ApiError> {
        let members = json::parse_object(body)
            .map_err(|_| ApiError::invalid_request("the body is not one JSON object"))?;
        for (name, value) in members {
            let is_additional = name == OBJECT;
            match value {
                Value::Object(inner) if is_additional => {
                    for (name, value) in inner {
                        check_additional(&name)?;
                        if let Some(text) = scalar(&name, value)? {
                            self.add_additional(name, text)?;
                        }
                    }
                }
                // An old SDK's `impersonator: {…}` and the like: named in the audit event, not read.
                Value::Object(_) => self.add(name, String::new())?,
                Value::Null => {}
                value
                @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                    match scalar(&name, value)? {
                        Some(text) if is_additional => self.read_nested_text(&text)?,
                        Some(text) => self.add(name, text)?,
                        None => {
                            self.bare.insert(name);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn read_form(&mut self, text: &[u8]) -> Result<(), ApiError> {
        let bad = |problem: form::FormError| ApiError::invalid_request(problem.to_string());
        for (name, value) in form::pairs(text).map_err(bad)? {
            let nested = name
                .strip_prefix(OBJECT)
                .and_then(|rest| rest.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')));
            match nested {
                Some(inner) if value.is_empty() => check_additional(inner)?,
                Some(inner) => self.add_additional(inner.to_owned(), value)?,
                None if name.is_empty() && value.is_empty() => {}
                None if value.is_empty() => {
                    self.bare.insert(name);
                }
                None if name == OBJECT => self.read_nested_text(&value)?,
                None => self.add(name, value)?,
            }
        }
        Ok(())
    }

    /// `additionalParameters` as JSON text, as in a query.
    fn read_nested_text(&mut self, text: &str) -> Result<(), ApiError> {
        let members = json::parse_object(text.as_bytes())
            .map_err(|_| ApiError::invalid_request(format!("`{OBJECT}` is not an object")))?;
        for (name, value) in members {
            check_additional(&name)?;
            if let Some(text) = scalar(&name, value)? {
                self.add_additional(name, text)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, value: String) -> Result<(), ApiError> {
        insert(&mut self.named, name, value)
    }

    fn add_additional(&mut self, name: String, value: String) -> Result<(), ApiError> {
        check_additional(&name)?;
        // The two names of one thing.
        let name = if name == "redirect_uri" { "callback_url".to_owned() } else { name };
        insert(&mut self.additional, name, value)
    }
}

/// What may not stand in `additionalParameters` is refused, not dropped (B34).
pub fn check_additional(name: &str) -> Result<(), ApiError> {
    if ADDITIONAL.contains(&name) {
        return Ok(());
    }
    let name: String = name.chars().take(64).collect();
    Err(ApiError::invalid_request(format!("`{OBJECT}` cannot carry `{name}`")))
}

/// The same name twice is the same value twice, or a mistake.
fn insert(
    into: &mut BTreeMap<String, String>,
    name: String,
    value: String,
) -> Result<(), ApiError> {
    match into.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(other) if *other.get() == value => Ok(()),
        Entry::Occupied(other) => {
            let name: String = other.key().chars().take(64).collect();
            Err(ApiError::invalid_request(format!("`{name}` is given twice")))
        }
    }
}

/// A text, number or boolean as text; `None` for "not given".
fn scalar(name: &str, value: Value) -> Result<Option<String>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Array(items) if items.is_empty() => Ok(None),
        Value::Object(members) if members.is_empty() => Ok(None),
        Value::Array(_) | Value::Object(_) => {
            let name: String = name.chars().take(64).collect();
            Err(ApiError::invalid_request(format!("`{name}` is not a text")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str, query: &str) -> RequestFields {
        RequestFields::read(body.as_bytes(), query).unwrap()
    }

    #[test]
    fn every_encoding_says_the_same() {
        let json = r#"{"protocol":"oauth2","additionalParameters":{"state":"a b","scope":""}}"#;
        let form =
            "protocol=oauth2&additionalParameters[state]=a+b&additionalParameters%5Bscope%5D=";
        let query = "protocol=oauth2&additionalParameters=%7B%22state%22%3A%22a%20b%22%7D";
        let expected = read(json, "");
        assert_eq!(read(form, ""), expected);
        assert_eq!(read("", query), expected);
        assert_eq!(expected.additional.get("state").map(String::as_str), Some("a b"));
    }

    #[test]
    fn a68_the_query_fills_gaps_and_a_contradiction_is_refused() {
        let mut fields = read(r#"{"protocol":"oauth2"}"#, "client_id=c&protocol=oauth2");
        assert_eq!(fields.take("client_id").as_deref(), Some("c"));
        assert!(RequestFields::read(br#"{"protocol":"oauth2"}"#, "protocol=samlp").is_err());
        assert!(RequestFields::read(b"a=1&a=2", "").is_err());
        assert!(RequestFields::read(br#"{"a":"1","a":"2"}"#, "").is_err());
    }

    #[test]
    fn b34_nothing_is_smuggled_in_additional_parameters() {
        for name in
            ["client_id", "sub", "user_id", "impersonator_id", "prompt", "claims", "request"]
        {
            let body = format!(r#"{{"additionalParameters":{{"{name}":"x"}}}}"#);
            assert!(RequestFields::read(body.as_bytes(), "").is_err(), "{name}");
        }
    }

    #[test]
    fn a72_an_identity_in_the_body_is_only_remembered_as_ignored() {
        let fields = read(r#"{"impersonator":{"user_id":"x"},"token":"t"}"#, "");
        assert_eq!(fields.ignored().unwrap(), ["impersonator", "token"]);
    }

    proptest! {
        #[test]
        fn no_input_makes_it_fall_over(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            query in "[ -~]{0,80}",
        ) {
            let _ = RequestFields::read(&body, &query);
        }
    }
}
