//! `client add`, `client list` and `client end-tokens`.
use super::commands::{mistaken, with_context, with_database};
use super::{Problem, output};
use crate::config::SettingsPurpose;
use crate::crypto::xml::decode;
use crate::domain::ClientId;
use crate::protocols::samlp::names::{entity_id, metadata_url};
use crate::provision::{self, PlannedAction, Prune, ServiceProvider, What};
use crate::store;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;

/// Adds one, and says where the application finds our side of it.
pub fn add(metadata: &Path, asked: &ServiceProvider) -> Result<(), Problem> {
    let metadata = read_metadata(metadata)?;
    let (id, file) =
        provision::service_provider(&metadata, asked).map_err(|mistakes| mistaken(&mistakes))?;
    let client = ClientId::parse(id)?;
    with_context(SettingsPurpose::Link, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let plan = provision::plan(&conn, &file, Prune::No).await?;
        let is_new = |change: &provision::Change| change.action == PlannedAction::Create;
        if !plan.changes.iter().filter(|change| change.what == What::Client).all(is_new) {
            let problem = format!("there is an application `{client}`; change it with `apply`");
            return Err(Problem::failed(problem));
        }
        provision::apply_to(&mut conn, &file, Prune::No).await?;
        let (notices, entity_id) = (file.notices(), entity_id(ctx.issuer()));
        let metadata_url = metadata_url(ctx.issuer(), &client);
        let text = output::with_notices(&format!("added {client}"), &notices);
        output::done(
            &json!({
                "client_id": client.as_str(),
                "entity_id": entity_id,
                "metadata_url": metadata_url,
                "notices": notices,
            }),
            &format!("{text}\nour entity ID: {entity_id}\nour metadata: {metadata_url}"),
        );
        Ok(())
    })
}

/// A file, or standard input for `-`, in the encoding that it names.
fn read_metadata(file: &Path) -> Result<String, Problem> {
    let named =
        |problem: &dyn std::fmt::Display| Problem::failed(format!("{}: {problem}", file.display()));
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(file).map_err(|cause| named(&cause))?
    };
    decode(&bytes).map_err(|cause| named(&cause))
}

/// `KEY=VALUE`; a value that is no JSON is text.
pub fn setting(text: &str) -> Result<(String, Value), Problem> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| Problem::settings(format!("--set {text}: write it as KEY=VALUE")))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

/// Ends everything that an application was given; to be used after a leaked secret was changed.
pub fn end_tokens(client_id: String) -> Result<(), Problem> {
    let client = ClientId::parse(client_id)?;
    with_context(SettingsPurpose::Link, async |ctx| {
        if provision::applications::end_tokens_from_outside(&ctx, &client).await? {
            let value = json!({ "client_id": client.as_str(), "ended": true });
            output::done(&value, &format!("ended all tokens of {client}"));
            Ok(())
        } else {
            Err(Problem::failed(format!("there is no application `{client}`")))
        }
    })
}

/// Every application, in the order of their client ids. No secret and no hash of one.
pub fn list() -> Result<(), Problem> {
    with_database(SettingsPurpose::Database, async |conn| {
        let header = ["CLIENT ID", "KIND", "STATUS", "ORGANIZATION", "IMPERSONATION", "NAME"];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        let mut values = Vec::new();
        for client in store::applications::write::list(&conn).await? {
            let client = client.record;
            let organization = client.organization_id.as_deref().unwrap_or("-");
            let may = if client.impersonation_enabled { "on" } else { "off" };
            let words = [&client.id, &client.kind, &client.status, organization, may, &client.name];
            rows.push(words.map(printable).to_vec());
            values.push(json!({
                "client_id": client.id,
                "name": client.name,
                "kind": client.kind,
                "status": client.status,
                "organization": client.organization_id,
                "impersonation": client.impersonation_enabled,
            }));
        }
        output::result(&json!({ "clients": values }), &output::table(&rows));
        Ok(())
    })
}

/// Names come from people; a terminal obeys control characters.
fn printable(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(show).collect()
}
