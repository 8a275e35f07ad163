//! Identifiers: any text of 1 to 255 characters, so that a directory can be imported whole.
use super::text::is_plain_line;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// What an [`Id`] is of; never made.
pub mod kind {
    pub enum User {}
    pub enum Client {}
    pub enum Organization {}
    pub enum Session {}
    pub enum Impersonation {}
}

pub type UserId = Id<kind::User>;
pub type ClientId = Id<kind::Client>;
pub type OrganizationId = Id<kind::Organization>;
pub type SessionId = Id<kind::Session>;
pub type ImpersonationId = Id<kind::Impersonation>;

/// Compared byte for byte: no case folding, no trimming, no normalisation.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id has 1 to 255 characters and no control or invisible character, and is neither `.` nor `..`"
)]
pub struct NotAnId;

/// Whether a name can stand in a path, percent-encoded or not: `.` and `..` are taken away by every reader of URLs,
/// however they are written ([RFC 3986 §5.2.4]).
///
/// [RFC 3986 §5.2.4]: https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4
pub fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
}

impl<K> Id<K> {
    pub fn parse(text: impl Into<String>) -> Result<Self, NotAnId> {
        let text = text.into();
        let fits = !text.is_empty() && text.chars().count() <= 255;
        if fits && is_path_segment(&text) && !text.chars().any(char::is_control) {
            Ok(Self { text, kind: PhantomData })
        } else {
            Err(NotAnId)
        }
    }

    /// An id that somebody types, in a file or a form: of characters that can be seen ([`is_plain_line`]). Ids that
    /// are stored already are read by [`Self::parse`], whatever an earlier release took.
    pub fn parse_typed(text: impl Into<String>) -> Result<Self, NotAnId> {
        let id = Self::parse(text)?;
        if is_plain_line(id.as_str()) { Ok(id) } else { Err(NotAnId) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K> TryFrom<String> for Id<K> {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        Self::parse(text)
    }
}

impl<K> From<Id<K>> for String {
    fn from(id: Id<K>) -> Self {
        id.text
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Id<K> {}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imported_id_is_kept_byte_for_byte() {
        for text in ["auth0|507f1f", "a b", "Ünïcode", "../x", "%7C"] {
            assert_eq!(UserId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn k51_an_id_that_no_path_can_carry_is_refused() {
        for text in [".", ".."] {
            assert_eq!(UserId::parse(text), Err(NotAnId));
        }
        for text in ["...", ".a", "..%2F", "%2E%2E", "a/..", "~", "a;b", "a@b:c"] {
            assert_eq!(UserId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn k53_a_typed_id_is_of_characters_that_can_be_seen() {
        for text in ["usr\u{202e}1", "usr_1\u{200b}", "\u{feff}usr", "a\u{ad}b", "a\u{e0041}"] {
            assert_eq!(UserId::parse_typed(text), Err(NotAnId), "{text:?}");
            assert!(UserId::parse(text).is_ok(), "{text:?}: it may be stored already");
        }
        for text in ["usr_1", "auth0|1", "Ünïcode", "علی", "a b"] {
            assert!(UserId::parse_typed(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn empty_overlong_and_control_characters_are_refused() {
        for text in [String::new(), "x".repeat(256), "a\0b".into(), "a\nb".into()] {
            assert_eq!(UserId::parse(text), Err(NotAnId));
        }
    }
}
