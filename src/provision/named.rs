//! Who and what a file names, found before it is read beside the database.
use super::file::File;
use crate::store::directory::users::canonical_email;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Named {
    pub(super) users: Vec<String>,
    /// In the form in which they are compared.
    pub(super) emails: Vec<String>,
    pub(super) organizations: BTreeSet<String>,
    /// Applications that users belong to.
    pub(super) clients: BTreeSet<String>,
    /// Whether it says something of applications: those must not share names with others.
    pub(super) has_clients: bool,
}

impl Named {
    pub(super) fn of(file: &File) -> Self {
        let mut named = file.draft.as_ref().map(|draft| Self::in_values(&draft.values));
        let named = named.get_or_insert_default();
        for wanted in &file.organizations {
            named.organizations.insert(wanted.record.id.clone());
        }
        if file.draft.is_none() {
            for wanted in &file.users {
                named.users.extend(wanted.id.clone());
                named.emails.extend(wanted.record.email_canonical.clone());
                named.organizations.extend(wanted.record.organization_id.clone());
                named.clients.extend(wanted.record.created_by_client_id.clone());
            }
        }
        for wanted in &file.clients {
            named.organizations.extend(wanted.record.organization_id.clone());
        }
        named.has_clients |= !file.clients.is_empty();
        std::mem::take(named)
    }

    fn in_values(values: &Value) -> Self {
        let entries = |section: &str| {
            let entries = values.get(section).and_then(Value::as_array);
            entries.map(Vec::as_slice).unwrap_or_default()
        };
        let texts = |section: &str, key: &str| -> Vec<String> {
            let found = entries(section).iter().filter_map(|own| own.get(key)?.as_str());
            found.map(str::to_owned).collect()
        };
        let emails = texts("users", "email");
        let homes = ["users", "clients"].map(|section| texts(section, "organization")).concat();
        Self {
            users: texts("users", "id"),
            emails: emails.iter().map(|email| canonical_email(email)).collect(),
            organizations: texts("organizations", "id").into_iter().chain(homes).collect(),
            clients: texts("users", "application").into_iter().collect(),
            has_clients: !entries("clients").is_empty(),
        }
    }
}
