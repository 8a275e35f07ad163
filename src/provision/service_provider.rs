//! One service provider more, by its metadata and nothing else.
use super::file::File;
use super::mistake::Mistake;
use super::read::read;
use super::saml_metadata;
use super::substitute::escape;
use serde_json::{Value, json};
use url::Url;

/// What to call it; its entity ID, if the metadata describe several.
#[derive(Debug, Default, Clone)]
pub struct ServiceProvider {
    pub client_id: Option<String>,
    pub name: Option<String>,
    pub entity_id: Option<String>,
    /// Whether support staff may step into accounts in it.
    pub impersonation: bool,
    /// Keys of `saml` that count more than the metadata.
    pub own: Vec<(String, Value)>,
}

/// A file with this application alone, and its client id: the host of its entity ID unless given.
///
/// # Errors
///
/// What is wrong with the metadata.
pub fn service_provider(
    metadata: &str,
    asked: &ServiceProvider,
) -> Result<(String, File), Vec<Mistake>> {
    let wrong = |problem| vec![Mistake { line: 1, key: "metadata".to_owned(), problem }];
    let told = saml_metadata::read(metadata, asked.entity_id.as_deref(), None).map_err(wrong)?;
    let id = asked.client_id.clone().unwrap_or_else(|| client_id(&told.entity_id));
    let name = asked.name.clone().or(told.display_name).unwrap_or_else(|| id.clone());
    let mut saml = json!({ "metadata": escape(metadata), "entity_id": escape(&told.entity_id) });
    for (key, value) in &asked.own {
        if let Some(saml) = saml.as_object_mut() {
            saml.insert(key.clone(), escaped(value));
        }
    }
    let document = json!({
        "version": 1,
        "clients": [{
            "client_id": escape(&id),
            "name": escape(&name),
            "kind": "saml",
            "saml": saml,
            "impersonation": { "enabled": asked.impersonation },
        }],
    });
    Ok((id, read(&document.to_string(), |_| None)?))
}

/// Text is taken as it is: nothing in it is looked up in the environment.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => escape(text).into(),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), escaped(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn client_id(entity_id: &str) -> String {
    let host = Url::parse(entity_id).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        entity_id.chars().map(plain).take(100).collect()
    })
}
