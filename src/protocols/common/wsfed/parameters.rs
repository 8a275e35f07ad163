//! The parameters of a request: each at most once, by query or by form.
use super::request::Bad;
use crate::http::form::{FormError, pairs};
use std::collections::BTreeMap;

/// A `wctx` of 8 KiB and a `wreq` fit, with everything escaped.
pub const LONGEST: usize = 64 * 1024;

/// What was sent; names that nobody reads are left alone.
pub struct Sent(BTreeMap<String, String>);

impl Sent {
    /// # Errors
    ///
    /// [`Bad::Unreadable`], [`Bad::Twice`], [`Bad::TooLong`].
    pub fn read(text: &[u8]) -> Result<Self, Bad> {
        if text.len() > LONGEST {
            return Err(Bad::TooLong);
        }
        let mut sent = BTreeMap::new();
        let unreadable = |problem| match problem {
            FormError::Encoding | FormError::Utf8 | FormError::TooMany => Bad::Unreadable,
        };
        for (name, value) in pairs(text).map_err(unreadable)? {
            if sent.insert(name, value).is_some() {
                return Err(Bad::Twice);
            }
        }
        Ok(Self(sent))
    }

    /// Absent and empty are the same: nothing was said.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// As it was sent, the empty text too.
    pub fn exactly(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
