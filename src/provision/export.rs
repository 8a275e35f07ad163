//! The database as a file that [`super::read()`] takes, without secrets.
use super::document::{self, Document};
use super::stored::Stored;
use super::substitute::escape;
use crate::domain::client::ClientKind;
use crate::flows::Context;
use crate::store::registrations::ClientRecord;
use crate::store::{Conn, StoreError};
use serde_json::{Value, json};
use serde_norway::{Mapping, Value as Yaml};

const HEAD: &str = "\
# Written by `understudy export`, without passwords and client secrets: applied to the same database it
# changes nothing; in another one people and applications need new ones.
";

pub async fn export(ctx: &Context) -> Result<String, StoreError> {
    let conn = ctx.store.conn().await?;
    export_from(&conn).await
}

pub async fn export_from(conn: &Conn) -> Result<String, StoreError> {
    Ok(text(&Stored::load(conn).await?))
}

pub(super) fn text(stored: &Stored) -> String {
    let organizations =
        stored.organizations.iter().map(document::of_organization).map(organization);
    let roles = stored.roles.iter().map(|record| entry(document::of_role(record), &[]));
    let users = stored.users.iter().map(|user| document::of_user(&user.record, &user.roles));
    let clients = stored.clients.iter().map(|client| self::client(&client.record));
    let enabled = json!({ "impersonation": { "enabled": stored.impersonation_enabled } });
    let mut top = Mapping::new();
    top.insert("version".into(), 1.into());
    top.insert("settings".into(), yaml(enabled));
    top.insert("organizations".into(), organizations.collect::<Vec<_>>().into());
    top.insert("roles".into(), roles.collect::<Vec<_>>().into());
    top.insert("users".into(), users.map(user).collect::<Vec<_>>().into());
    top.insert("clients".into(), clients.collect::<Vec<_>>().into());
    // Plain values have nothing that YAML could not write.
    let body = serde_norway::to_string(&top).unwrap_or_default();
    format!("{HEAD}{body}")
}

fn organization(document: Document) -> Yaml {
    entry(document, &[("impersonation", json!({ "enabled": true }))])
}

fn user(document: Document) -> Yaml {
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
fn entry(document: Document, defaults: &[(&str, Value)]) -> Yaml {
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
