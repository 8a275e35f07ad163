//! What a file leaves out stays as it is: its entries are completed from the database before they are read.
//!
//! `null` is not left out: it stays, and the reader takes it for the default.
use super::document::{self, EntryDocument};
use super::stored::{StoredDirectory, StoredPeople};
use crate::store::applications::write::StoredClient;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::users::canonical_email;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Mappings whose keys are left out one by one. Others, such as metadata of users, are values as a whole.
const BY_KEY: [&str; 4] = ["impersonation", "saml", "wsfed", "box"];
/// How an application shows who it is: these keys fit together or not at all.
const SECRETS: [&str; 2] = ["client_secret", "client_secret_hash"];

pub(super) fn fill_in(values: &mut Value, stored: &StoredDirectory) {
    let organizations: HashMap<&str, &OrganizationRecord> =
        stored.organizations.iter().map(|one| (one.id.as_str(), one)).collect();
    each(values, "organizations", |own| {
        let record = text(own, "id").and_then(|id| organizations.get(id));
        complete(
            own,
            record.map(|record| document::of_organization(record)).unwrap_or_default(),
            &[],
        );
    });
    each(values, "roles", |own| {
        let record = stored.roles.iter().find(|one| is_named(own, "name", &one.name));
        complete(own, record.map(document::of_role).unwrap_or_default(), &[]);
    });
    let people = stored.people();
    each(values, "users", |own| user(own, &people));
    let clients: HashMap<&str, &StoredClient> =
        stored.clients.iter().map(|one| (one.record.id.as_str(), one)).collect();
    each(values, "clients", |own| client(own, &clients));
}

fn each(values: &mut Value, section: &str, fill: impl Fn(&mut Map<String, Value>)) {
    let entries = values.get_mut(section).and_then(Value::as_array_mut);
    for own in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        fill(own);
    }
}

fn text<'a>(own: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    own.get(key).and_then(Value::as_str)
}

fn is_named(own: &Map<String, Value>, key: &str, id: &str) -> bool {
    text(own, key) == Some(id)
}

/// Another kind than the stored one: what was said of that is not so of this.
fn changes_kind(own: &Map<String, Value>, stored: &str) -> bool {
    own.contains_key("kind") && text(own, "kind") != Some(stored)
}

fn user(own: &mut Map<String, Value>, people: &StoredPeople<'_>) {
    let email = text(own, "email").map(canonical_email);
    let id = text(own, "id");
    let found = match (id, &email) {
        (Some(id), _) => people.by_id.get(id),
        (None, Some(email)) => people.by_email.get(email.as_str()),
        (None, None) => None,
    };
    let Some(found) = found else { return };
    let mut but = Vec::new();
    // Whoever writes another address down vouches for it.
    if own.contains_key("email") && found.record.email_canonical != email {
        but.push("email_verified");
    }
    if changes_kind(own, &found.record.kind) {
        but.extend(["application", "external_app_user_id", "box"]);
    }
    if own.get("application").is_some_and(Value::is_null) {
        but.push("external_app_user_id");
    }
    if id.is_none() {
        but.push("id");
    }
    complete(own, document::of_user(&found.record, &found.roles), &but);
}

fn client(own: &mut Map<String, Value>, stored: &HashMap<&str, &StoredClient>) {
    let found = text(own, "client_id").and_then(|id| stored.get(id));
    let Some(record) = found.map(|found| &found.record) else { return };
    let of_record: EntryDocument = document::given_of_client(record)
        .into_iter()
        .filter(|(key, _)| {
            !changes_kind(own, &record.kind) || ["name", "organization", "status"].contains(key)
        })
        .collect();
    let mut but = Vec::new();
    let gives_secret = SECRETS.iter().any(|key| own.contains_key(*key));
    let method = text(own, "token_endpoint_auth_method");
    if own.contains_key("jwks") || (gives_secret && record.jwks.is_some()) {
        but.push("token_endpoint_auth_method");
    }
    if gives_secret || method.is_some_and(|method| method != "private_key_jwt") {
        but.push("jwks");
    }
    // Metadata say everything themselves.
    let metadata = own.get("saml").is_some_and(|saml| saml.get("metadata").is_some());
    if metadata {
        but.push("saml");
    }
    complete(own, of_record, &but);
}

fn complete(own: &mut Map<String, Value>, stored: EntryDocument, but: &[&str]) {
    for (key, value) in stored.into_iter().filter(|(key, _)| !but.contains(key)) {
        match (own.get_mut(key), value) {
            (None, Value::Null) => {}
            (None, value) => {
                own.insert(key.to_owned(), value);
            }
            (Some(Value::Object(inner)), Value::Object(stored)) if BY_KEY.contains(&key) => {
                for (key, value) in stored {
                    inner.entry(key).or_insert(value);
                }
            }
            (Some(_), _) => {}
        }
    }
}
