//! Scopes: an ordered set of scope tokens ([RFC 6749 §3.3]).
//!
//! [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
use serde::{Deserialize, Serialize};
use std::fmt;

pub const OPENID: &str = "openid";
pub const PROFILE: &str = "profile";
pub const EMAIL: &str = "email";
pub const PHONE: &str = "phone";
pub const OFFLINE_ACCESS: &str = "offline_access";
/// Make, read, change and delete the app users of one's application.
pub const MANAGE_APP_USERS: &str = "manage_app_users";
/// The same for everybody in the organization.
pub const MANAGE_MANAGED_USERS: &str = "manage_managed_users";

/// What every application may ask for: claims about the person who signs in.
pub const STANDARD: &[&str] = &[OPENID, PROFILE, EMAIL, PHONE];

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(Vec<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is printable ASCII without space, quote and backslash")]
pub struct NotAScope;

impl Scopes {
    /// Space-separated; doubles are dropped, the first order is kept.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let mut scopes: Vec<String> = Vec::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(NotAScope);
            }
            if !scopes.iter().any(|known| known == token) {
                scopes.push(token.to_owned());
            }
        }
        Ok(Self(scopes))
    }

    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|known| known == scope)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.contains(scope))
    }

    /// Both, each scope once.
    #[must_use]
    pub fn union<'a>(&self, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scopes = self.0.clone();
        for scope in others {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Self(scopes)
    }

    /// Only those that pass, in the same order.
    #[must_use]
    pub fn filter(&self, pass: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| pass(scope)).cloned().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl TryFrom<String> for Scopes {
    type Error = NotAScope;
    fn try_from(text: String) -> Result<Self, NotAScope> {
        Self::parse(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}
