//! What would change, and the rows that would be written. Pure: the file, what is stored, and passwords
//! that were hashed before.
use super::file::{File, LeftOut, WantedClient, WantedOrganization, WantedPassword, WantedUser};
use super::mistake::printable;
use super::options::Prune;
use super::plan::{Change, PlannedAction, What, change, note_secret};
use super::step::{ApplyStep, ApplyTurn, UserWrite, Write};
use super::stored::StoredDirectory;
use super::{administrators, conflicts, document};
use crate::crypto::random;
use crate::store::applications::write::StoredClient;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::{StoredUser, UserRecord};
use std::collections::{HashMap, HashSet};

/// The steps in the order in which they can be done, or what stands in the way.
///
/// `new_hashes` has one entry for each user of the file: the hash of a password that is new.
pub(super) fn steps(
    file: &File,
    stored: &StoredDirectory,
    new_hashes: &[Option<String>],
    prune: Prune,
) -> Result<Vec<ApplyStep>, Vec<String>> {
    let users = users(file, stored, new_hashes);
    let clients = clients(file, stored);
    let mut steps = Vec::new();
    if prune == Prune::Yes {
        let named: HashSet<&str> = users.iter().map(|step| step.change.id.as_str()).collect();
        steps.extend(unnamed(stored.all_ids().into_iter(), &named, What::User, || {
            Write::DeleteUser
        }));
        let named = clients.iter().map(|step| step.change.id.as_str()).collect();
        let ids = stored.clients.iter().map(|client| client.record.id.as_str());
        steps.extend(unnamed(ids, &named, What::Client, || Write::DeleteClient));
    } else {
        check_emails(stored, &users)?;
    }
    conflicts::check(file, stored, prune)?;
    steps.extend(settings(file, stored));
    steps.extend(organizations(file, stored));
    steps.extend(roles(file, stored));
    steps.extend(users);
    steps.extend(clients);
    if prune == Prune::Yes {
        let kept = file.organizations.iter().map(|wanted| wanted.record.id.as_str()).collect();
        let ids = stored.organizations.iter().map(|record| record.id.as_str());
        steps.extend(unnamed(ids, &kept, What::Organization, || Write::DeleteOrganization));
        let kept = file.roles.iter().map(|record| record.name.as_str()).collect();
        let ids = stored.roles.iter().map(|record| record.name.as_str());
        steps.extend(unnamed(ids, &kept, What::Role, || Write::DeleteRole));
    }
    if administrators::leaves_somebody(
        administrators::before(stored),
        administrators::after(stored, &steps),
    ) {
        Ok(steps)
    } else {
        Err(vec![administrators::NOBODY_LEFT.to_owned()])
    }
}

fn unnamed<'a>(
    ids: impl Iterator<Item = &'a str>,
    named: &HashSet<&str>,
    what: What,
    write: impl Fn() -> Write,
) -> Vec<ApplyStep> {
    ids.filter(|id| !named.contains(id))
        .map(|id| {
            let (id, fields) = (id.to_owned(), Vec::new());
            let change = Change { action: PlannedAction::Delete, what, id, fields };
            ApplyStep { change, write: write() }
        })
        .collect()
}

/// Nobody's address is taken from them because somebody else is written down with it.
fn check_emails(stored: &StoredDirectory, steps: &[ApplyStep]) -> Result<(), Vec<String>> {
    let named: HashSet<&str> = steps.iter().map(|step| step.change.id.as_str()).collect();
    let taken: HashMap<&str, &str> = stored
        .users
        .iter()
        .filter(|user| !named.contains(user.record.id.as_str()))
        .filter_map(|user| Some((user.record.email_canonical.as_deref()?, user.record.id.as_str())))
        .collect();
    let conflict = |step: &ApplyStep| {
        let Write::User(user) = &step.write else { return None };
        let owner = taken.get(user.record.email_canonical.as_deref()?)?;
        let (id, owner) = (printable(&step.change.id), printable(owner));
        Some(format!(
            "the e-mail address of user `{id}` belongs to user `{owner}`, whom the file does not name"
        ))
    };
    let conflicts: Vec<String> = steps.iter().filter_map(conflict).collect();
    if conflicts.is_empty() { Ok(()) } else { Err(conflicts) }
}

fn settings(file: &File, stored: &StoredDirectory) -> Option<ApplyStep> {
    let wanted = file.impersonation_enabled?;
    let doc = |enabled: bool| vec![("impersonation", serde_json::json!({ "enabled": enabled }))];
    let before = doc(stored.impersonation_enabled);
    let change = change(What::Settings, "impersonation", Some(&before), &doc(wanted));
    Some(ApplyStep { change, write: Write::Settings { impersonation_enabled: wanted } })
}

fn organizations(file: &File, stored: &StoredDirectory) -> Vec<ApplyStep> {
    let known: HashMap<&str, &OrganizationRecord> =
        stored.organizations.iter().map(|record| (record.id.as_str(), record)).collect();
    let step = |wanted: &WantedOrganization| {
        let mut record = wanted.record.clone();
        let before = known.get(record.id.as_str()).copied();
        if let (Some(before), true) = (before, wanted.left_out.status) {
            record.status.clone_from(&before.status);
        }
        let switched = before.is_some_and(|before| before.status != record.status);
        let before = before.map(document::of_organization);
        let after = document::of_organization(&record);
        let change = change(What::Organization, &record.id, before.as_ref(), &after);
        ApplyStep { change, write: Write::Organization { record, switched } }
    };
    file.organizations.iter().map(step).collect()
}

fn roles(file: &File, stored: &StoredDirectory) -> Vec<ApplyStep> {
    let known: HashMap<&str, &RoleRecord> =
        stored.roles.iter().map(|record| (record.name.as_str(), record)).collect();
    let step = |record: &RoleRecord| {
        let before = known.get(record.name.as_str()).map(|before| document::of_role(before));
        let after = document::of_role(record);
        let change = change(What::Role, &record.name, before.as_ref(), &after);
        ApplyStep { change, write: Write::Role(record.clone()) }
    };
    file.roles.iter().map(step).collect()
}

fn users(file: &File, stored: &StoredDirectory, new_hashes: &[Option<String>]) -> Vec<ApplyStep> {
    let meant = stored.users_of(file);
    let hashes = new_hashes.iter().map(Option::as_deref).chain(std::iter::repeat(None));
    let step = |((wanted, before), hash)| user(wanted, before, hash, stored);
    file.users.iter().zip(meant).zip(hashes).map(step).collect()
}

fn user(
    wanted: &WantedUser,
    before: Option<&StoredUser>,
    new_hash: Option<&str>,
    stored: &StoredDirectory,
) -> ApplyStep {
    let mut record = settled(&wanted.record, wanted.left_out, before.map(|b| &b.record));
    if let Some(before) = before {
        record.id.clone_from(&before.record.id);
    } else if record.id.is_empty() {
        record.id = random::id("usr", stored.now);
    }
    let new_hash = match &wanted.password {
        // Those of the file are for the beginning.
        Some(_) if before.is_some() && !wanted.left_out.reset => None,
        Some(WantedPassword::Hash(hash)) => Some(hash.as_str()),
        Some(WantedPassword::Plain(_)) => new_hash,
        None => None,
    };
    let new_hash =
        new_hash.filter(|hash| before.and_then(|b| b.password_hash.as_deref()) != Some(hash));
    let doc_before = before.map(|before| document::of_user(&before.record, &before.roles));
    let after = document::of_user(&record, &wanted.roles);
    let mut change = change(What::User, &record.id, doc_before.as_ref(), &after);
    note_secret(&mut change, new_hash.is_some(), "password");
    let stops = before.is_some_and(|before| stops(&before.record.status, &record.status));
    let moves_email = before.is_some_and(|b| b.record.email_canonical != record.email_canonical);
    let write = UserWrite {
        roles: wanted.roles.clone(),
        password_hash: new_hash.map(str::to_owned),
        signs_out: before.is_some() && (new_hash.is_some() || stops),
        moves_email,
        record,
    };
    ApplyStep { change, write: Write::User(Box::new(write)) }
}

/// The wanted row; what the file leaves out and others change stays as it is.
fn settled(wanted: &UserRecord, left_out: LeftOut, before: Option<&UserRecord>) -> UserRecord {
    let mut record = wanted.clone();
    let Some(before) = before else { return record };
    if left_out.status {
        record.status.clone_from(&before.status);
    }
    if left_out.user_metadata {
        record.user_metadata.clone_from(&before.user_metadata);
    }
    if left_out.app_metadata {
        record.app_metadata.clone_from(&before.app_metadata);
    }
    if left_out.box_ {
        record.box_.clone_from(&before.box_);
    }
    record
}

fn clients(file: &File, stored: &StoredDirectory) -> Vec<ApplyStep> {
    let known: HashMap<&str, &StoredClient> =
        stored.clients.iter().map(|client| (client.record.id.as_str(), client)).collect();
    let step = |wanted: &WantedClient| {
        let mut record = wanted.record.clone();
        let before = known.get(record.id.as_str()).copied();
        if let (Some(before), true) = (before, wanted.left_out.status) {
            record.status.clone_from(&before.record.status);
        }
        let stored_secrets =
            before.map(|before| before.secret_hashes.as_slice()).unwrap_or_default();
        let new_secret = wanted.secret_hash.clone().filter(|hash| {
            (before.is_none() || wanted.left_out.reset)
                && stored_secrets != std::slice::from_ref(hash)
        });
        let doc_before = before.map(|before| document::of_client(&before.record));
        let after = document::of_client(&record);
        let mut change = change(What::Client, &record.id, doc_before.as_ref(), &after);
        note_secret(&mut change, new_secret.is_some(), "client_secret");
        let turn = before.map_or(ApplyTurn::None, |before| ApplyTurn::of(&before.record, &record));
        let write = Write::Client { record: Box::new(record), secret_hash: new_secret, turn };
        ApplyStep { change, write }
    };
    file.clients.iter().map(step).collect()
}

fn stops(before: &str, after: &str) -> bool {
    before != after && after == "inactive"
}
