//! The database as a file that [`super::read()`] takes, without secrets.
use super::document::{self, EntryDocument};
use super::progress::{Phase, Progress};
use super::substitute::escape;
use crate::domain::client::ClientKind;
use crate::flows::Context;
use crate::store::applications::write::{ClientRecord, StoredClient};
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::StoredUser;
use crate::store::{self, Conn, DbError, StoreError, Transactional as _};
use crate::store::{connection::long_transaction, directory::batches as people};
use serde_json::{Value, json};
use serde_norway::{Mapping, Value as Yaml};

const HEAD: &str = "\
# Written by `understudy export`, without passwords and client secrets: applied to the same database it
# changes nothing; in another one people and applications need new ones.
";

/// Takes a piece of the text.
pub type Sink<'a> = &'a mut (dyn FnMut(&str) -> std::io::Result<()> + Send);

#[derive(Debug, thiserror::Error)]
pub enum Exporting {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever reads it has gone, or the disk is full.
    #[error("the export cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<DbError> for Exporting {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// Writes the directory as it is now, a page of people at a time: a million of them need no more memory than a thousand.
pub async fn export(
    ctx: &Context,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<(), Exporting> {
    let mut conn = ctx.store.conn().await?;
    export_to(&mut conn, sink, progress).await
}

/// The same as one text.
pub async fn export_from(conn: &mut Conn) -> Result<String, Exporting> {
    let mut text = String::new();
    let mut sink = |piece: &str| {
        text.push_str(piece);
        Ok(())
    };
    export_to(conn, &mut sink, Progress::none()).await?;
    Ok(text)
}

async fn export_to(
    conn: &mut Conn,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> Result<(), Exporting> {
    long_transaction::begin(conn);
    let done = conn
        .transaction(async |tx| {
            long_transaction::lift_limits_of_snapshot(tx).await?;
            write(tx, sink, progress).await
        })
        .await;
    long_transaction::end(conn);
    done
}

async fn write(tx: &Conn, sink: Sink<'_>, progress: Progress<'_>) -> Result<(), Exporting> {
    let (enabled, _) = store::installation::settings::feature_and_clock(tx).await?;
    sink(HEAD)?;
    sink(&settings(enabled))?;
    sink(&organizations(&store::directory::organizations::list(tx).await?))?;
    sink(&roles(&store::directory::roles::list_custom(tx).await?))?;
    let total = usize::try_from(people::estimate_count(tx).await?).unwrap_or_default();
    let (mut after, mut done) = (String::new(), 0);
    loop {
        let page = people::list_page(tx, &after).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.record.id);
        let text = users(&page);
        // The key of the section stands once.
        sink(if done == 0 { &text } else { text.strip_prefix("users:\n").unwrap_or(&text) })?;
        done += page.len();
        progress.at(Phase::Export, done, total.max(done));
    }
    if done == 0 {
        sink(&users(&[]))?;
    }
    Ok(sink(&clients(&store::applications::write::list(tx).await?))?)
}

fn settings(enabled: bool) -> String {
    let enabled = json!({ "impersonation": { "enabled": enabled } });
    let mut top = Mapping::new();
    top.insert("version".into(), 1.into());
    top.insert("settings".into(), yaml(enabled));
    // Plain values have nothing that YAML could not write.
    serde_norway::to_string(&top).unwrap_or_default()
}

fn section(name: &str, entries: Vec<Yaml>) -> String {
    let mut top = Mapping::new();
    top.insert(name.into(), entries.into());
    serde_norway::to_string(&top).unwrap_or_default()
}

fn organizations(records: &[OrganizationRecord]) -> String {
    let entries = records.iter().map(document::of_organization).map(organization);
    section("organizations", entries.collect())
}

fn roles(records: &[RoleRecord]) -> String {
    section("roles", records.iter().map(|record| entry(document::of_role(record), &[])).collect())
}

fn users(people: &[StoredUser]) -> String {
    let entries = people.iter().map(|one| user(document::of_user(&one.record, &one.roles)));
    section("users", entries.collect())
}

fn clients(stored: &[StoredClient]) -> String {
    section("clients", stored.iter().map(|stored| client(&stored.record)).collect())
}

/// The whole of `stored` as a file.
#[cfg(test)]
pub(super) fn text(stored: &super::stored::StoredDirectory) -> String {
    [
        HEAD.to_owned(),
        settings(stored.impersonation_enabled),
        organizations(&stored.organizations),
        roles(&stored.roles),
        users(&stored.users),
        clients(&stored.clients),
    ]
    .concat()
}

fn organization(document: EntryDocument) -> Yaml {
    entry(document, &[("impersonation", json!({ "enabled": true }))])
}

fn user(document: EntryDocument) -> Yaml {
    let no_address = document.iter().any(|(key, value)| *key == "email" && value.is_null());
    // Without an address there is nothing to be verified.
    entry(document, &[("kind", json!("person")), ("email_verified", json!(!no_address))])
}

fn client(record: &ClientRecord) -> Yaml {
    let kind = ClientKind::parse(&record.kind).unwrap_or(ClientKind::Web);
    let grants: Vec<_> = kind.default_grant_types().iter().map(|grant| grant.as_str()).collect();
    let method =
        if record.jwks.is_some() { "private_key_jwt" } else { kind.default_auth_method().as_str() };
    let signs_in = !matches!(kind, ClientKind::Global | ClientKind::Machine);
    let unsolicited = signs_in && record.initiate_login_uri.is_none();
    let acting = json!({
        "enabled": false, "redeem": "confirm", "unsolicited": unsolicited, "read_scopes": [],
        "read_only": false,
    });
    let defaults = [
        ("first_party", json!(true)),
        ("token_endpoint_auth_method", json!(method)),
        ("grant_types", json!(grants)),
        ("introspect", json!(false)),
        ("id_token_signed_response_alg", json!("RS256")),
        ("access_token_lifetime", json!(3600)),
        ("impersonation", acting),
    ];
    entry(document::of_client(record), &defaults)
}

/// Keys at their default are left out; `status` never is, because that would mean: as it stands.
fn entry(document: EntryDocument, defaults: &[(&str, Value)]) -> Yaml {
    let mut entry = Mapping::new();
    for (key, value) in document {
        let is_default = match defaults.iter().find(|(name, _)| *name == key) {
            Some((_, default)) => value == *default,
            None => is_nothing(&value),
        };
        if !is_default {
            entry.insert(key.into(), yaml(value));
        }
    }
    entry.into()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn yaml(value: Value) -> Yaml {
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(flag) => flag.into(),
        Value::Number(number) => serde_norway::to_value(number).unwrap_or(Yaml::Null),
        Value::String(text) => escape(&text).into(),
        Value::Array(items) => items.into_iter().map(yaml).collect::<Vec<_>>().into(),
        Value::Object(entries) => {
            let pairs = entries.into_iter().map(|(key, value)| (key.into(), yaml(value)));
            pairs.collect::<Mapping>().into()
        }
    }
}
