//! What the macros of `templates/console/kit.html` are given.
use crate::flows::impersonation::start_impersonation::encode;
pub use crate::http::ui::times::ShownMoment;

/// `path?name=value&…`, without the parameters that are empty.
pub fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    for (nth, (name, value)) in given.enumerate() {
        address.push(if nth == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.push_str(&encode(value));
    }
    address
}

/// A user or an application, printed by the macro `person`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShownPerson {
    pub name: String,
    /// What tells people of one name apart; may be empty.
    pub address: String,
    /// A local path.
    pub href: Option<String>,
}

/// How many rows a page has, as (none, one, many) say it: nobody counts a million.
pub fn counted(rows: usize, pages: &Pager, (none, one, many): (&str, &str, &str)) -> String {
    match (rows, pages.first.is_some() || pages.next.is_some()) {
        (0, _) => none.to_owned(),
        (1, false) => one.to_owned(),
        (rows, false) => format!("{rows} {many}"),
        (rows, true) => format!("{rows} {many} on this page"),
    }
}

/// One of several views of the same thing.
pub struct Tab {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}

/// Keyset paging goes forward; back is the browser's own button, or the first page.
#[derive(Debug, Default)]
pub struct Pager {
    /// `None` on the first page.
    pub first: Option<String>,
    pub next: Option<String>,
}

/// Hint and error under a field.
#[derive(Debug, Default)]
pub struct Help {
    pub hint: Option<&'static str>,
    pub error: Option<String>,
}

impl Help {
    /// The ids of hint and error of the field of this name.
    pub fn described(&self, name: &str) -> String {
        let hint = self.hint.map(|_| format!("{name}-hint"));
        let error = self.error.as_ref().map(|_| format!("{name}-error"));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }
}

/// One line of text, or several.
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: &'static str,
    pub value: String,
    pub longest: usize,
    pub required: bool,
    pub help: Help,
}

impl Field {
    pub fn new(name: &'static str, label: &'static str, value: &str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            value: value.to_owned(),
            longest: 1000,
            required: false,
            help: Help::default(),
        }
    }

    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Another `type` of `<input>`: `url`, `number`, `email`.
    #[must_use]
    pub fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// Characters that fit.
    #[must_use]
    pub fn at_most(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.help.hint = Some(hint);
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.help.error = error;
        self
    }
}

/// One of several.
pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    pub choices: Vec<Choice>,
    pub required: bool,
    pub help: Help,
}

pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

impl Select {
    /// `choices` are values with their labels.
    pub fn new<V: AsRef<str>, L: AsRef<str>>(
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (V, L)>,
        chosen: &str,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, label)| Choice {
            chosen: value.as_ref() == chosen,
            value: value.as_ref().to_owned(),
            label: label.as_ref().to_owned(),
        });
        let choices = choices.collect();
        Self { name, label, choices, required: false, help: Help::default() }
    }

    /// The empty choice is not enough.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.help.hint = Some(hint);
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.help.error = error;
        self
    }
}

/// Yes or no; posted as `on`, else not at all.
pub struct Toggle {
    pub name: &'static str,
    pub label: &'static str,
    pub checked: bool,
    pub help: Help,
}

impl Toggle {
    pub fn new(name: &'static str, label: &'static str, checked: bool) -> Self {
        Self { name, label, checked, help: Help::default() }
    }

    #[must_use]
    pub fn hint(mut self, hint: Option<&'static str>) -> Self {
        self.help.hint = hint;
        self
    }

    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.help.error = error;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_what_is_given_and_nothing_breaks_out_of_it() {
        let parameters = [("q", "a&b=c d"), ("role", ""), ("status", "active")];
        assert_eq!(
            address("/console/users", &parameters),
            "/console/users?q=a%26b%3Dc%20d&status=active"
        );
        assert_eq!(address("/console/users", &[("q", "")]), "/console/users");
    }

    #[test]
    fn a_field_names_what_describes_it() {
        let field =
            Field::new("ttl", "Lifetime", "").hint("Seconds.").error(Some("Too long.".into()));
        assert_eq!(field.help.described(field.name), "ttl-hint ttl-error");
        assert_eq!(Field::new("a", "A", "").error(None).help.described("a"), "");
    }
}
