//! What queries ask for.
use super::error::BoxError;
use crate::domain::UserId;
use crate::domain::text::whole_number;
use crate::flows::directory::manage_users::UserListing;
use crate::http::form::pairs;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::{HashMap, HashSet};

const MAX_TERM_LEN: usize = 255;
const MAX_OFFSET: i64 = 10_000;
const MAX_LIMIT: i64 = 1000;
const USUAL_LIMIT: i64 = 100;

/// Parameters by name, each once; those that nobody asks for are passed over, as SDKs send more.
pub(super) struct BoxQuery(HashMap<String, String>);

/// A page by number, or by where the one before ended.
pub(super) enum Paging {
    Offset,
    Marker,
}

impl BoxQuery {
    pub(super) fn read(query: &str) -> Result<Self, BoxError> {
        let mut known = HashMap::new();
        let unreadable = |_| BoxError::field("query", "cannot be read");
        for (name, value) in pairs(query.as_bytes()).map_err(unreadable)? {
            if known.insert(name.clone(), value).is_some() {
                return Err(BoxError::field(&name, "is given twice"));
            }
        }
        Ok(Self(known))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Which fields are wanted; `None` for the usual ones.
    pub(super) fn fields(&self) -> Option<HashSet<&str>> {
        Some(self.get("fields")?.split(',').map(str::trim).collect())
    }

    /// Python writes `True`.
    fn flag(&self, name: &str) -> Result<bool, BoxError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(BoxError::field(name, "must be true or false")),
        }
    }

    fn number(
        &self,
        (name, code): (&'static str, &'static str),
        usual: i64,
        allowed: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, BoxError> {
        let Some(text) = self.get(name) else { return Ok(usual) };
        let number = whole_number(text).filter(|number| allowed.contains(number));
        number.ok_or_else(|| BoxError::Field {
            code,
            name: name.to_owned(),
            message: format!("must be {} to {}", allowed.start(), allowed.end()),
        })
    }

    fn line(&self, name: &str) -> Result<Option<String>, BoxError> {
        let text = self.get(name);
        let fits = |text: &str| {
            text.chars().count() <= MAX_TERM_LEN && !text.chars().any(char::is_control)
        };
        if text.is_some_and(|text| !fits(text)) {
            return Err(BoxError::field(name, "must be a line of at most 255 characters"));
        }
        Ok(text.map(str::to_owned))
    }

    /// `None`: nobody is of the kind that is asked for.
    pub(super) fn listing(&self) -> Result<Option<(UserListing, Paging)>, BoxError> {
        let limit = self.number(("limit", "invalid_limit"), USUAL_LIMIT, 1..=MAX_LIMIT)?;
        let offset = self.number(("offset", "invalid_offset"), 0, 0..=MAX_OFFSET)?;
        let by_marker = self.flag("usemarker")?;
        let after = self.get("marker").filter(|_| by_marker).map(read_marker).transpose()?;
        let listing = UserListing {
            term: self.line("filter_term")?,
            external_id: self.line("external_app_user_id")?,
            after,
            offset: if by_marker { 0 } else { offset },
            limit,
        };
        let paging = if by_marker { Paging::Marker } else { Paging::Offset };
        match self.get("user_type") {
            None | Some("all" | "managed") => Ok(Some((listing, paging))),
            // Somebody of another organization: there are none.
            Some("external") => Ok(None),
            Some(_) => Err(BoxError::field("user_type", "must be all, managed or external")),
        }
    }
}

/// For nobody to read but us.
pub(super) fn marker(last: &UserId) -> String {
    URL_SAFE_NO_PAD.encode(last.as_str())
}

fn read_marker(text: &str) -> Result<UserId, BoxError> {
    let bad = || BoxError::Field {
        code: "invalid_marker",
        name: "marker".to_owned(),
        message: "is none of ours".to_owned(),
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    UserId::parse(text).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> (&'static str, String) {
        match BoxQuery::read(query).and_then(|query| query.listing().map(|_| ())).err() {
            Some(BoxError::Field { code, name, .. }) => (code, name),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn f33_numbers_out_of_range_are_refused_by_their_own_code() {
        for query in ["limit=-1", "limit=0", "limit=x", "limit=1001", "limit=1e3", "limit=1.0"] {
            assert_eq!(refused(query).0, "invalid_limit", "{query}");
        }
        for query in ["offset=-1", "offset=x", "offset=10001", "offset=1e18"] {
            assert_eq!(refused(query).0, "invalid_offset", "{query}");
        }
        assert_eq!(refused("usemarker=true&marker=%21"), ("invalid_marker", "marker".into()));
        for (query, name) in [
            ("usemarker=maybe", "usemarker"),
            ("user_type=aliens", "user_type"),
            ("limit=1&limit=2", "limit"),
            ("filter_term=a%00b", "filter_term"),
        ] {
            assert_eq!(refused(query), ("bad_request", name.to_owned()));
        }
    }

    #[test]
    fn a_marker_is_read_as_it_is_written() {
        let id = UserId::parse("auth0|507f1f").unwrap();
        let query = format!("usemarker=True&marker={}&offset=7", marker(&id));
        let (listing, paging) = BoxQuery::read(&query).unwrap().listing().unwrap().unwrap();
        assert_eq!((listing.after, listing.offset), (Some(id), 0));
        assert!(matches!(paging, Paging::Marker));
    }

    #[test]
    fn commas_between_fields_may_be_escaped() {
        let query = BoxQuery::read("fields=name%2Clogin,role&anything=else").unwrap();
        assert_eq!(query.fields().unwrap(), HashSet::from(["name", "login", "role"]));
    }
}
