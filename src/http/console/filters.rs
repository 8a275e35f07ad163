//! What lists are narrowed by: read from the query, shown again, carried along to the next page.
use super::kit::{Field, Select, address};
use super::session::ConsoleSession;
use crate::domain::Timestamp;
use crate::flows::directory::find_users::Choices;
use crate::flows::impersonation::impersonation_history::{
    MAX_MATCHES, Matches, Recognized, resolve,
};
use crate::http::ui::error::PageError;
use chrono::NaiveDateTime;

/// Longer ones are no search (H33).
const LONGEST: usize = 256;

/// One line to search by, and what narrows it.
pub struct SearchForm {
    pub action: &'static str,
    /// Of the line.
    pub label: &'static str,
    pub text: String,
    pub selects: Vec<Select>,
    pub filtered: bool,
}

/// The people and applications that the filters `actor`, `subject` and `application` stand for.
pub struct Parties {
    pub actor: Option<Vec<String>>,
    pub subject: Option<Vec<String>>,
    pub client: Option<Vec<String>>,
    /// Why an empty list may be empty: a filter was not recognized.
    pub unrecognized: Option<String>,
}

/// What is said about a filter whose text means nobody or nothing.
fn unrecognized(what: &str, text: &str, matches: Option<&Matches>) -> Option<String> {
    match matches?.recognized {
        Recognized::Yes => None,
        Recognized::No => {
            Some(format!("No {what} matches “{text}”. Use a part of the name, or an id."))
        }
        Recognized::TooMany => {
            Some(format!("More than {MAX_MATCHES} {what}s match “{text}”. Type more of the name."))
        }
    }
}

/// The filters of a page, with what was given for them.
pub struct Filters {
    given: Vec<(&'static str, String)>,
}

impl Filters {
    pub fn read(console: &ConsoleSession, names: &[&'static str]) -> Result<Self, PageError> {
        Self::of(console, names, |name| console.parameter(name))
    }

    /// The same from the fields of a form.
    pub fn of(
        console: &ConsoleSession,
        names: &[&'static str],
        find: impl Fn(&str) -> String,
    ) -> Result<Self, PageError> {
        let given: Vec<_> =
            names.iter().map(|name| (*name, find(name).trim().to_owned())).collect();
        let fits =
            |text: &String| text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if given.iter().all(|(_, text)| fits(text)) {
            Ok(Self { given })
        } else {
            Err(console.malformed("A filter is longer than 256 characters, or cannot be read."))
        }
    }

    /// Looks up the people and applications that are filtered by.
    pub async fn parties(&self, console: &ConsoleSession) -> Result<Parties, PageError> {
        let given = ["actor", "subject", "application"].map(|name| self.get(name));
        let found = resolve(console.ctx(), console.user(), given).await;
        let [actor, subject, client] = found.map_err(|e| console.accident(&e))?;
        let unrecognized = unrecognized("user", given[0], actor.as_ref())
            .or_else(|| unrecognized("user", given[1], subject.as_ref()))
            .or_else(|| unrecognized("application", given[2], client.as_ref()));
        let ids = |matches: Option<Matches>| matches.map(|it| it.ids);
        let (actor, subject, client) = (ids(actor), ids(subject), ids(client));
        Ok(Parties { actor, subject, client, unrecognized })
    }

    /// Empty when it is not given.
    pub fn get(&self, name: &str) -> &str {
        self.given.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub fn given(&self, name: &str) -> Option<String> {
        let value = self.get(name);
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A moment in UTC, as `<input type="datetime-local">` writes it.
    pub fn moment(
        &self,
        console: &ConsoleSession,
        name: &str,
    ) -> Result<Option<Timestamp>, PageError> {
        let Some(text) = self.given(name) else { return Ok(None) };
        let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"];
        let read = local.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
        let read = read.map(|at| at.and_utc()).or_else(|| text.parse().ok());
        // Postgres knows no year beyond, and nobody needs one.
        let sane = |at: &Timestamp| (0..4_102_444_800).contains(&at.timestamp());
        let unreadable = || console.malformed("A time is written like 2026-01-31T14:30, in UTC.");
        read.filter(sane).map(Some).ok_or_else(unreadable)
    }

    pub fn is_empty(&self) -> bool {
        self.given.iter().all(|(_, value)| value.is_empty())
    }

    /// `path` with these filters, and `more`.
    pub fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let own = self.given.iter().map(|(name, value)| (*name, value.as_str()));
        address(path, &own.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// As hidden fields of another form, and for the record.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        self.given.iter().filter(|(_, value)| !value.is_empty()).cloned().collect()
    }

    pub fn text(&self, name: &'static str, label: &'static str) -> Field {
        Field::new(name, label, self.get(name)).at_most(LONGEST)
    }

    /// In UTC and to the minute, as `<input type="datetime-local">` reads it.
    pub fn time(&self, name: &'static str, label: &'static str) -> Field {
        let given = self.get(name);
        let given = given
            .parse::<Timestamp>()
            .map_or_else(|_| given.to_owned(), |at| at.format("%Y-%m-%dT%H:%M").to_string());
        Field::new(name, label, &given).of_kind("datetime-local")
    }

    /// The form of a list that is searched as one types.
    pub fn search(
        &self,
        action: &'static str,
        label: &'static str,
        selects: Vec<Select>,
    ) -> SearchForm {
        let (text, filtered) = (self.get("q").to_owned(), !self.is_empty());
        SearchForm { action, label, text, selects, filtered }
    }

    /// Nothing for staff of one organization: they have no choice.
    pub fn organization(&self, offered: &Choices) -> Option<Select> {
        let names = offered.organizations.iter().map(|it| (it.id.as_str(), it.name.as_str()));
        let select = || self.select("organization", "Organization", names);
        (!offered.organizations.is_empty()).then(select)
    }

    pub fn select<'a>(
        &self,
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Select {
        let any = std::iter::once(("", "Any"));
        Select::new(name, label, any.chain(choices), self.get(name))
    }
}
