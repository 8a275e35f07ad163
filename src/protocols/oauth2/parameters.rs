//! The parameters of a request, each at most once ([RFC 6749 §3.1, §3.2]).
//!
//! [RFC 6749 §3.1, §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
use crate::domain::json::parse_object;
use crate::http::form::pairs;
use serde_json::Value;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableParameters {
    #[error("the parameters are not readable")]
    Broken,
    #[error("a parameter is given twice")]
    Twice,
}

/// One without a value counts as not given (RFC 6749 §3.1).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OauthParameters {
    known: BTreeMap<String, String>,
    /// What was given again, of [`REPEATABLE`].
    again: Vec<String>,
    /// Other names that were given more than once; only the authorization endpoint goes on then.
    repeated: BTreeSet<String>,
}

/// What a token is for: at the token endpoint the only parameters that may be given again
/// ([RFC 8693 §2.1], [RFC 8707 §2]).
///
/// [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
/// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
const REPEATABLE: [&str; 2] = ["audience", "resource"];

impl OauthParameters {
    pub fn of_form(text: &[u8]) -> Result<Self, UnreadableParameters> {
        let sent = Self::read(text)?;
        if sent.again.is_empty() { Ok(sent) } else { Err(UnreadableParameters::Twice) }
    }

    /// For the authorization endpoint, where a repeated parameter is told to the application if it is sure which one
    /// that is, and matters only if it is read ([RFC 6749 §4.1.2.1]).
    ///
    /// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
    pub fn of_authorization(text: &[u8]) -> Result<Self, UnreadableParameters> {
        Self::read_all(text)
    }

    fn read(text: &[u8]) -> Result<Self, UnreadableParameters> {
        let sent = Self::read_all(text)?;
        if sent.repeated.is_empty() { Ok(sent) } else { Err(UnreadableParameters::Twice) }
    }

    fn read_all(text: &[u8]) -> Result<Self, UnreadableParameters> {
        let mut sent = Self::default();
        for (name, value) in pairs(text).map_err(|_| UnreadableParameters::Broken)? {
            if name.contains('\0') || value.contains('\0') {
                return Err(UnreadableParameters::Broken);
            }
            match sent.known.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(first) if REPEATABLE.contains(&first.key().as_str()) => {
                    sent.again.push(value);
                }
                Entry::Occupied(first) => {
                    sent.repeated.insert(first.key().clone());
                }
            }
        }
        Ok(sent)
    }

    /// A body is what it looks like, not what its label says: many clients send JSON and call it a form,
    /// and the other way round.
    pub fn of_body(body: &[u8]) -> Result<Self, UnreadableParameters> {
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Self::read(body);
        }
        let members = parse_object(body).map_err(|_| UnreadableParameters::Broken)?;
        let mut known = BTreeMap::new();
        for (name, value) in members {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(yes) => yes.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => return Err(UnreadableParameters::Broken),
            };
            known.insert(name, text);
        }
        Ok(Self { known, ..Self::default() })
    }

    /// Every `audience` and `resource`, once each.
    pub fn targets(&self) -> Vec<&str> {
        let named = REPEATABLE.iter().filter_map(|name| self.get(name));
        let again = self.again.iter().map(String::as_str).filter(|value| !value.is_empty());
        let mut targets: Vec<&str> = named.chain(again).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether this name was given more than once, whatever its values are.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// As a query, with `changed` in place of what was sent; `None` takes a parameter away.
    pub fn query_with(&self, changed: &[(&str, Option<String>)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let kept = |name: &str| changed.iter().all(|(other, _)| *other != name);
        for (name, value) in
            self.known.iter().filter(|(name, value)| kept(name) && !value.is_empty())
        {
            query.append_pair(name, value);
        }
        for (name, value) in changed {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(text: &str) -> Result<OauthParameters, UnreadableParameters> {
        OauthParameters::of_body(text.as_bytes())
    }

    #[test]
    fn c08_a_parameter_given_twice_is_refused() {
        for twice in ["a=1&a=2", "a=1&a=1", "a=1&a=", "%61=1&a=1", r#"{"a":"1","a":"1"}"#] {
            assert!(form(twice).is_err(), "{twice}");
        }
        assert_eq!(form("a=1&a=2").err(), Some(UnreadableParameters::Twice));
    }

    #[test]
    fn a_body_is_what_it_looks_like() {
        for same in ["scope=a+b&n=7", " {\"scope\":\"a b\",\"n\":7,\"x\":null}"] {
            let read = form(same).unwrap();
            assert_eq!((read.get("scope"), read.get("n")), (Some("a b"), Some("7")), "{same}");
            assert!(!read.has("x"));
        }
    }

    #[test]
    fn what_has_no_value_is_not_given() {
        let read = form("state=&a").unwrap();
        assert!(!read.has("state") && !read.has("a"));
        assert_eq!(read.query_with(&[]), "");
    }

    #[test]
    fn broken_parameters_are_refused() {
        let deep = format!("{{\"a\":{}}}", "[".repeat(100_000));
        for broken in ["a=%", "a=%f", "a=%ff", "a=%00", "{\"a\":{}}", "{\"a\":[\"x\"]}", "{", &deep]
        {
            assert_eq!(form(broken).err(), Some(UnreadableParameters::Broken), "{broken:.40}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = OauthParameters::of_body(&bytes);
        }

        #[test]
        fn what_is_written_is_read_again(name in "[a-z]{1,8}", value in "\\PC{1,40}") {
            let text = OauthParameters::default().query_with(&[(&name, Some(value.clone()))]);
            let read = OauthParameters::of_form(text.as_bytes()).unwrap();
            prop_assert_eq!(read.get(&name), Some(value.as_str()));
        }
    }
}
