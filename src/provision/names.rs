//! What entries of a directory file have in common: ids, names of other entries, the status.
use super::file::LeftOut;
use super::mistake::printable;
use super::section::FileSection;
use crate::domain::OrganizationId;
use std::collections::HashSet;

pub(super) const STATUSES: [&str; 2] = ["active", "inactive"];

/// The names of one kind of thing.
#[derive(Default)]
pub(super) struct KnownNames {
    pub(super) names: HashSet<String>,
    /// Others may be somewhere else.
    pub(super) open: bool,
}

impl KnownNames {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.open || self.names.contains(name)
    }
}

impl FromIterator<String> for KnownNames {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self { names: names.into_iter().collect(), open: false }
    }
}

/// What others may refer to.
pub(super) struct EntryNames {
    pub(super) organizations: KnownNames,
    pub(super) roles: KnownNames,
    pub(super) clients: KnownNames,
}

impl EntryNames {
    /// The organization that `section` belongs to.
    pub(super) fn organization(&self, section: &FileSection<'_>) -> Option<String> {
        let id = section.text("organization")?;
        if !self.organizations.contains(&id) {
            section.wrong("organization", unknown("organization", &id));
        }
        Some(id)
    }
}

pub(super) fn unknown(what: &str, name: &str) -> String {
    format!("there is no {what} `{}` in this file or in the database", printable(name))
}

pub(super) fn twice(name: &str) -> String {
    format!("`{}` stands for another one already", printable(name))
}

/// Every id is well-formed and comes once; an empty one has been told of already.
pub(super) fn check_id(
    section: &FileSection<'_>,
    key: &'static str,
    id: &str,
    seen: &mut HashSet<String>,
) {
    if id.is_empty() {
        return;
    }
    if let Err(problem) = OrganizationId::parse_typed(id) {
        section.wrong(key, problem.to_string());
    }
    if !seen.insert(id.to_owned()) {
        section.wrong(key, twice(id));
    }
}

/// `status`, and whether it was left out.
pub(super) fn read_status(section: &FileSection<'_>) -> (String, LeftOut) {
    let status = section.word("status", &STATUSES).unwrap_or("active").to_owned();
    (status, LeftOut { status: !section.gives("status"), ..LeftOut::default() })
}

/// Whether a secret of the file counts for an entry that is there already: as a rule somebody has changed it since.
pub(super) fn read_reset(
    section: &FileSection<'_>,
    key: &'static str,
    secrets: [&'static str; 2],
) -> bool {
    let reset = section.flag(key).unwrap_or(false);
    if reset && !secrets.iter().any(|secret| section.gives(secret)) {
        let [plain, _] = secrets;
        section.wrong(key, format!("needs a `{plain}` to set"));
    }
    reset
}
