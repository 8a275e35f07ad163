//! Scopes: an ordered set of scope tokens ([RFC 6749 §3.3]).
//!
//! [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

pub const OPENID: &str = "openid";
pub const PROFILE: &str = "profile";
pub const EMAIL: &str = "email";
pub const PHONE: &str = "phone";
pub const OFFLINE_ACCESS: &str = "offline_access";
/// Make, read, change and delete the app users of one's application.
pub const MANAGE_APP_USERS: &str = "manage_app_users";
/// Managing all users of the organization.
pub const MANAGE_MANAGED_USERS: &str = "manage_managed_users";

/// What every application may ask for: claims about the person who signs in.
pub const STANDARD: &[&str] = &[OPENID, PROFILE, EMAIL, PHONE];

/// The longest list of words that a request may send: scopes, `prompt`, `acr_values`.
pub const MAX_WORDS: usize = 64;
pub const MAX_WORDS_BYTES: usize = 4096;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(Vec<String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAScope {
    #[error("a scope is printable ASCII without space, quote and backslash")]
    Character,
    #[error("a request names at most 64 scopes, in 4096 bytes")]
    TooMany,
}

/// The words of a list that a request sent, which are separated by spaces; `None` for a list that is too long.
///
/// The limits are looked at before anything else is done with the text, because nobody has proven anything yet.
pub fn words(text: &str) -> Option<Vec<&str>> {
    if text.len() > MAX_WORDS_BYTES {
        return None;
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    (words.len() <= MAX_WORDS).then_some(words)
}

impl Scopes {
    /// From a request: space-separated; doubles are dropped, the first order is kept.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        Self::distinct(words(text).ok_or(NotAScope::TooMany)?)
    }

    /// From a row or a token of ours. An application may have registered more scopes than a request may name, so
    /// there is no limit.
    pub fn parse_stored(text: &str) -> Result<Self, NotAScope> {
        Self::distinct(text.split(' ').filter(|word| !word.is_empty()))
    }

    fn distinct<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAScope> {
        let (mut seen, mut scopes) = (HashSet::new(), Vec::new());
        for word in words {
            if !word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(NotAScope::Character);
            }
            if seen.insert(word) {
                scopes.push(word.to_owned());
            }
        }
        Ok(Self(scopes))
    }

    /// For one scope. Lists are compared by [`Self::is_subset_of`], whose cost is linear.
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
        let others: HashSet<&str> = other.iter().collect();
        self.iter().all(|scope| others.contains(scope))
    }

    /// Both, each scope once.
    #[must_use]
    pub fn union<'a>(&self, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut seen: HashSet<&str> = self.iter().collect();
        let new = others.into_iter().filter(|scope| seen.insert(*scope)).map(str::to_owned);
        let new: Vec<String> = new.collect();
        Self(self.0.iter().cloned().chain(new).collect())
    }

    /// Only those that pass, in the same order. Where `pass` looks into a list, the cost is bounded by
    /// [`MAX_WORDS`], because one of the two comes from a request.
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
        Self::parse_stored(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn k10_a_list_of_scopes_from_a_request_is_short() {
        let words = |many: usize| (0..many).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(Scopes::parse(&words(64)).unwrap().iter().count(), 64);
        assert_eq!(Scopes::parse(&words(65)), Err(NotAScope::TooMany));
        assert_eq!(Scopes::parse(&"a ".repeat(65)), Err(NotAScope::TooMany));
        assert_eq!(Scopes::parse(&"a".repeat(4096)).unwrap().iter().count(), 1);
        assert_eq!(Scopes::parse(&"a".repeat(4097)), Err(NotAScope::TooMany));
        assert_eq!(Scopes::parse(&" ".repeat(4097)), Err(NotAScope::TooMany));
        assert_eq!(Scopes::parse("a \"b"), Err(NotAScope::Character));
    }

    #[test]
    fn k10_what_is_stored_may_be_longer_and_keeps_its_order() {
        let many = (0..500).map(|n| format!("scope-{n}")).collect::<Vec<_>>().join(" ");
        let all = Scopes::parse_stored(&many).unwrap();
        assert_eq!(all.to_string(), many);
        assert_eq!(all.union(["scope-7", "new", "new"]).to_string(), format!("{many} new"));
        assert_eq!(Scopes::try_from(many).unwrap(), all);
    }

    proptest! {
        #[test]
        fn k10_sets_of_scopes_are_what_a_plain_search_says(one in "([a-e] ?){0,9}", two in "([a-e] ?){0,9}") {
            let (one, two) = (Scopes::parse(&one).unwrap(), Scopes::parse(&two).unwrap());
            prop_assert_eq!(one.is_subset_of(&two), one.iter().all(|scope| two.contains(scope)));
            let both = one.union(two.iter());
            prop_assert!(one.is_subset_of(&both) && two.is_subset_of(&both));
            let mut names: Vec<&str> = both.iter().collect();
            let length = names.len();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), length);
        }
    }
}
