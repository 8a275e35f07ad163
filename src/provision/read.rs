//! Text → [`File`], or every mistake.
use super::file::{Draft, File, LeftOut, WantedOrganization};
use super::fill_in::fill_in;
use super::locate::line_of;
use super::mistake::{Mistake, Notes, Path, printable};
use super::names::{EntryNames, KnownNames, check_id, read_status};
use super::options::Prune;
use super::section::FileSection;
use super::stored::StoredDirectory;
use super::substitute::Substitution;
use super::{metadata_file, read_client, read_user};
use crate::domain::organization;
use crate::domain::permission::{self, APP_SERVICE};
use crate::domain::role::{self, BUILT_IN};
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use secrecy::ExposeSecret as _;
use std::collections::HashSet;

/// Nobody mends more in one go, and each is looked up in the text by itself.
const MOST_MISTAKES: usize = 100;

/// Reads a file; `env` answers `${NAME}`.
///
/// # Errors
///
/// Every mistake of the file, in its order; of a text that is no YAML only the first.
pub fn read(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<File, Vec<Mistake>> {
    read_with_files(text, env, |_| Err("other files cannot be read from here".to_owned()))
}

/// The same; `file` answers `metadata_file`.
pub fn read_with_files(
    text: &str,
    env: impl Fn(&str) -> Option<String>,
    file: impl Fn(&str) -> Result<String, String>,
) -> Result<File, Vec<Mistake>> {
    let notes = Notes::default();
    let draft = draft(text, &notes, env, file)?;
    let file = FileSection::new(&draft.values, Path::default(), &notes);
    let file = file.map(|top| read_file(top, Elsewhere::Anything));
    let found = notes.into_inner();
    match file {
        Some(file) if found.is_empty() => Ok(File { draft: Some(draft), ..file }),
        _ => Err(mistakes(text, found)),
    }
}

/// The same without judging the entries: what one of them leaves out may stand in the database, beside which it is read
/// by [`super::plan()`] and [`super::apply()`].
///
/// # Errors
///
/// A text that is no YAML.
pub fn read_draft(
    text: &str,
    env: impl Fn(&str) -> Option<String>,
    file: impl Fn(&str) -> Result<String, String>,
) -> Result<File, Vec<Mistake>> {
    let notes = Notes::default();
    let draft = draft(text, &notes, env, file)?;
    let draft = Draft { found: notes.into_inner(), ..draft };
    Ok(File { draft: Some(draft), ..File::default() })
}

/// The values of a file that an export wrote, for programs that read JSON; nothing is replaced in them.
pub fn values(text: &str) -> serde_json::Value {
    serde_norway::from_str(text).unwrap_or_default()
}

fn draft(
    text: &str,
    notes: &Notes,
    env: impl Fn(&str) -> Option<String>,
    file: impl Fn(&str) -> Result<String, String>,
) -> Result<Draft, Vec<Mistake>> {
    let yaml: serde_norway::Value =
        serde_norway::from_str(text).map_err(|error| vec![not_yaml(&error)])?;
    let mut values = Substitution { env: &env, notes }.value(yaml, &Path::default());
    metadata_file::bring_in(&mut values, notes, &file);
    Ok(Draft { text: text.into(), values, found: Vec::new() })
}

/// The file as it is meant beside what is stored. `None`: it was made and not read.
///
/// # Errors
///
/// Every mistake of the file, now that both are known.
pub(super) fn beside(
    file: &File,
    stored: &StoredDirectory,
    prune: Prune,
) -> Result<Option<File>, Vec<Mistake>> {
    let Some(draft) = &file.draft else { return Ok(None) };
    let mut values = draft.values.clone();
    fill_in(&mut values, stored);
    let notes = Notes::default();
    for (path, problem) in &draft.found {
        notes.add(path.clone(), problem.clone());
    }
    let elsewhere = match prune {
        Prune::No => Elsewhere::Stored(stored),
        // What is not in the file will be gone.
        Prune::Yes => Elsewhere::Nothing,
    };
    let read =
        FileSection::new(&values, Path::default(), &notes).map(|top| read_file(top, elsewhere));
    let found = notes.into_inner();
    match read {
        Some(read) if found.is_empty() => Ok(Some(read.with_nothing_left_out())),
        _ => Err(mistakes(draft.text.expose_secret(), found)),
    }
}

impl File {
    /// What was left out has been filled in: whatever is not there now is `null`, which is the default.
    fn with_nothing_left_out(mut self) -> Self {
        let only_reset =
            |left_out: LeftOut| LeftOut { reset: left_out.reset, ..LeftOut::default() };
        for wanted in &mut self.organizations {
            wanted.left_out = only_reset(wanted.left_out);
        }
        for wanted in &mut self.users {
            wanted.left_out = only_reset(wanted.left_out);
        }
        for wanted in &mut self.clients {
            wanted.left_out = only_reset(wanted.left_out);
        }
        self
    }
}

fn not_yaml(error: &serde_norway::Error) -> Mistake {
    let line = error.location().map_or(1, |place| place.line());
    Mistake { line, key: String::new(), problem: printable(&error.to_string()) }
}

fn mistakes(text: &str, found: Vec<(Path, String)>) -> Vec<Mistake> {
    let more = found.len().saturating_sub(MOST_MISTAKES);
    let mut told = HashSet::new();
    let mut mistakes: Vec<Mistake> = found
        .into_iter()
        .take(MOST_MISTAKES)
        .map(|(path, problem)| (line_of(text, &path), path.to_string(), problem))
        // What follows from a mistake at the same place is not told again.
        .filter(|(line, key, problem)| {
            problem.ends_with("is missing") || told.insert((*line, key.clone()))
        })
        .map(|(line, key, problem)| Mistake { line, key, problem })
        .collect();
    mistakes.sort_by_key(|mistake| mistake.line);
    if more > 0 {
        let line = text.lines().count().max(1);
        let problem = format!("and {more} more mistakes");
        mistakes.push(Mistake { line, key: String::new(), problem });
    }
    mistakes
}

/// What is there besides the file.
#[derive(Clone, Copy)]
enum Elsewhere<'a> {
    Nothing,
    /// Nobody has looked yet.
    Anything,
    Stored(&'a StoredDirectory),
}

impl Elsewhere<'_> {
    fn and(self, names: EntryNames) -> EntryNames {
        let mut names = names;
        let all = [&mut names.organizations, &mut names.roles, &mut names.clients];
        match self {
            Self::Nothing => {}
            Self::Anything => all.into_iter().for_each(|known| known.open = true),
            Self::Stored(stored) => {
                let [organizations, roles, clients] = all;
                organizations.names.extend(stored.organizations.iter().map(|one| one.id.clone()));
                roles.names.extend(stored.roles.iter().map(|one| one.name.clone()));
                clients.names.extend(stored.clients.iter().map(|one| one.record.id.clone()));
            }
        }
        names
    }
}

fn read_file(top: FileSection<'_>, elsewhere: Elsewhere<'_>) -> File {
    if !top.gives("version") {
        top.missing("version");
    } else if top.whole_number("version") != Some(1) {
        top.wrong("version", "must be 1");
    }
    let impersonation_enabled = top.section("settings").and_then(read_settings);
    let organizations = read_organizations(&top);
    let roles = read_roles(&top);
    let names = elsewhere.and(EntryNames {
        organizations: organizations.iter().map(|wanted| wanted.record.id.clone()).collect(),
        roles: roles
            .iter()
            .map(|role| role.name.clone())
            .chain(BUILT_IN.map(str::to_owned).into_iter().filter(|name| name != APP_SERVICE))
            .collect(),
        clients: names_of(&top, "clients", "client_id"),
    });
    let users = read_user::read_all(&top, &names);
    let clients = read_client::read_all(&top, &names);
    if !top.sections("policies").is_empty() {
        top.wrong("policies", "policies come with a later version; leave them out");
    }
    top.finish();
    File { impersonation_enabled, organizations, roles, users, clients, draft: None }
}

/// What a section that is read later will be called.
fn names_of(top: &FileSection<'_>, key: &'static str, id: &'static str) -> KnownNames {
    top.sections(key).iter().filter_map(|section| section.text(id)).collect()
}

fn read_settings(section: FileSection<'_>) -> Option<bool> {
    let enabled = section.section("impersonation").and_then(read_switch);
    section.finish();
    enabled
}

/// `{enabled: true}`.
fn read_switch(section: FileSection<'_>) -> Option<bool> {
    let enabled = section.flag("enabled");
    section.finish();
    enabled
}

fn read_organizations(top: &FileSection<'_>) -> Vec<WantedOrganization> {
    let mut seen = HashSet::new();
    let read = |section: FileSection<'_>| {
        let id = section.required("id").unwrap_or_default();
        check_id(&section, "id", &id, &mut seen);
        let (status, left_out) = read_status(&section);
        let record = OrganizationRecord {
            name: section
                .checked_text("name", check_organization_name)
                .unwrap_or_else(|| id.clone()),
            status,
            impersonation_enabled: section
                .section("impersonation")
                .and_then(read_switch)
                .unwrap_or(true),
            id,
        };
        section.finish();
        WantedOrganization { record, left_out }
    };
    top.sections("organizations").into_iter().map(read).collect()
}

fn check_organization_name(name: &str) -> Result<(), &'static str> {
    if organization::is_name(name) {
        Ok(())
    } else {
        Err("is no name: a line of at most 255 characters")
    }
}

fn read_roles(top: &FileSection<'_>) -> Vec<RoleRecord> {
    let mut seen = HashSet::new();
    let read = |section: FileSection<'_>| {
        let name = section.required("name").unwrap_or_default();
        check_id(&section, "name", &name, &mut seen);
        if role::is_built_in(&name) {
            section.wrong("name", format!("`{name}` is built in and stays as it is"));
        }
        if name.chars().count() > role::LONGEST_NAME {
            section.wrong("name", "is longer than 100 characters");
        }
        let mut permissions = section.checked("permissions", check_permission).unwrap_or_default();
        permissions.sort_unstable();
        let rank = section.whole_number("rank").unwrap_or(0);
        section.finish();
        RoleRecord { name, permissions, rank }
    };
    top.sections("roles").into_iter().map(read).collect()
}

fn check_permission(name: &str) -> Result<(), &'static str> {
    if permission::is_well_formed(name) {
        Ok(())
    } else {
        Err("is no permission: lower-case words joined by `:`, `-`, `_` or `.`")
    }
}
