//! What cannot be seen in a file alone: names that are taken, and metadata that is past its time.
use super::file::File;
use super::mistake::printable;
use super::options::Prune;
use super::stored::StoredDirectory;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) fn check(
    file: &File,
    stored: &StoredDirectory,
    prune: Prune,
) -> Result<(), Vec<String>> {
    let mut conflicts = expired(file, stored);
    if prune == Prune::No {
        conflicts.extend(taken(file, stored));
    }
    if conflicts.is_empty() { Ok(()) } else { Err(conflicts) }
}

fn expired(file: &File, stored: &StoredDirectory) -> Vec<String> {
    let past = file.clients.iter().filter_map(|wanted| {
        let until = wanted.valid_until.filter(|until| *until <= stored.now)?;
        let id = printable(&wanted.record.id);
        Some(format!("the metadata of application `{id}` was valid until {}", until.to_rfc3339()))
    });
    past.collect()
}

/// A message says by its entity ID, or its realm, which application it is for.
fn taken(file: &File, stored: &StoredDirectory) -> Vec<String> {
    let named: HashSet<&str> =
        file.clients.iter().map(|wanted| wanted.record.id.as_str()).collect();
    let others = stored.clients.iter().filter(|c| !named.contains(c.record.id.as_str()));
    let taken: HashMap<(&str, &str), &str> = others
        .flat_map(|other| {
            let record = &other.record;
            names(record.saml.as_ref(), record.wsfed.as_ref()).map(|name| (name, &*record.id))
        })
        .collect();
    let conflicts = file.clients.iter().flat_map(|wanted| {
        let record = &wanted.record;
        let owner = |name| taken.get(&name).map(|owner| (name, *owner));
        let found = names(record.saml.as_ref(), record.wsfed.as_ref()).filter_map(owner);
        found.map(|((what, _), owner)| {
            let (id, owner) = (printable(&record.id), printable(owner));
            format!(
                "the {what} of application `{id}` is that of application `{owner}`, which the file does not name"
            )
        })
    });
    conflicts.collect()
}

pub(super) fn names<'a>(
    saml: Option<&'a Value>,
    wsfed: Option<&'a Value>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let text = |value: Option<&'a Value>, key| value.and_then(|value| value.get(key)?.as_str());
    let entity_id = text(saml, "entity_id").map(|name| ("entity ID", name));
    entity_id.into_iter().chain(text(wsfed, "realm").map(|name| ("realm", name)))
}
