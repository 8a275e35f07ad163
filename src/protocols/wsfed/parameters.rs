//! The parameters of a request: each at most once, by query or by form.
use super::refusal::BadWsfedRequest;
use crate::http::form::pairs;
use std::collections::BTreeMap;

/// A `wctx` of 8 KiB and a `wreq` fit, with everything escaped.
pub const LONGEST: usize = 64 * 1024;

/// The names that are read; whatever else comes along is not looked at, twice or not.
const KNOWN: [&str; 14] = [
    "wa",
    "wtrealm",
    "wreply",
    "wctx",
    "wct",
    "wfresh",
    "wauth",
    "wreq",
    "whr",
    "wreqptr",
    "wresult",
    "wresultptr",
    "wattrptr",
    "wpseudoptr",
];
/// More parts are no request.
const MAX_PARTS: usize = 200;

/// What was sent; names that nobody reads are left alone.
pub struct SentParameters(BTreeMap<String, String>);

impl SentParameters {
    /// # Errors
    ///
    /// [`BadWsfedRequest::Unreadable`], [`BadWsfedRequest::Twice`], [`BadWsfedRequest::TooLong`].
    pub fn read(text: &[u8]) -> Result<Self, BadWsfedRequest> {
        if text.len() > LONGEST {
            return Err(BadWsfedRequest::TooLong);
        }
        let mut sent = BTreeMap::new();
        let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
        for (nth, part) in parts.enumerate() {
            if nth == MAX_PARTS {
                return Err(BadWsfedRequest::Unreadable);
            }
            if !is_known(part) {
                continue;
            }
            for (name, value) in pairs(part).map_err(|_| BadWsfedRequest::Unreadable)? {
                if sent.insert(name, value).is_some() {
                    return Err(BadWsfedRequest::Twice);
                }
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

/// By its decoded name. A name that cannot be decoded is none that is known.
fn is_known(part: &[u8]) -> bool {
    let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
    let decoded = pairs(name).unwrap_or_default();
    decoded.first().is_some_and(|(name, _)| KNOWN.contains(&name.as_str()))
}

/// The parameters, and how they came.
#[derive(Clone, Copy)]
pub enum Arrived<'a> {
    ByQuery(&'a [u8]),
    ByForm(&'a [u8]),
}
