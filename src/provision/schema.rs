//! The JSON Schema of the directory file, for editors that complete and check while somebody types.
//!
//! It says which keys there are and what kind of value each takes. What depends on other keys or on the database, the
//! reader alone says. That both know the same keys is a test.
use super::names::STATUSES;
use super::read_user::KINDS;
use crate::crypto::xml::Cipher;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{ClientKind, GrantType, SigningAlgorithm};
use crate::domain::federation::{NameIdFormat, USER_FIELDS};
use serde_json::{Value, json};

/// A document of JSON Schema 2020-12.
pub fn schema() -> Value {
    let mut top = section(vec![
        ("version", json!({ "const": 1 })),
        ("settings", section(vec![("impersonation", switch())])),
        ("organizations", list(organization())),
        ("roles", list(role())),
        ("users", list(user())),
        ("clients", list(client())),
        ("policies", json!({ "type": ["array", "null"], "maxItems": 0 })),
    ]);
    if let Some(top) = top.as_object_mut() {
        top.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        top.insert("title".to_owned(), json!("Understudy directory file"));
        top.insert("type".to_owned(), json!("object"));
        top.insert("required".to_owned(), json!(["version"]));
    }
    top
}

fn organization() -> Value {
    with_id("id", vec![("name", text()), ("status", words(STATUSES)), ("impersonation", switch())])
}

fn role() -> Value {
    with_id("name", vec![("permissions", list(text_item())), ("rank", whole_number())])
}

fn user() -> Value {
    section(vec![
        ("id", text()),
        ("email", text()),
        ("email_verified", flag()),
        ("kind", words(KINDS)),
        ("status", words(STATUSES)),
        ("organization", text()),
        ("name", text()),
        ("given_name", text()),
        ("family_name", text()),
        ("nickname", text()),
        ("picture", text()),
        ("phone_number", text()),
        ("roles", list(text_item())),
        ("user_metadata", object()),
        ("app_metadata", object()),
        ("application", text()),
        ("external_app_user_id", text()),
        ("box", object()),
        ("password", text()),
        ("password_hash", text()),
        ("password_reset", flag()),
        ("totp_secret", json!({ "type": "null" })),
    ])
}

fn client() -> Value {
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let keys = vec![
        ("name", text()),
        ("kind", words(ClientKind::ALL.map(ClientKind::as_str))),
        ("status", words(STATUSES)),
        ("organization", text()),
        ("first_party", flag()),
        ("client_secret", text()),
        ("client_secret_hash", text()),
        ("client_secret_reset", flag()),
        ("token_endpoint_auth_method", words(methods)),
        ("jwks", object()),
        ("redirect_uris", list(text_item())),
        ("post_logout_redirect_uris", list(text_item())),
        ("initiate_login_uri", text()),
        ("backchannel_logout_uri", text()),
        ("grant_types", list(one_of(GrantType::ALL.map(GrantType::as_str)))),
        ("scopes", list(text_item())),
        ("api_scopes", list(one_of(ApiScope::ALL.map(ApiScope::as_str)))),
        ("audiences", list(text_item())),
        ("introspect", flag()),
        (
            "id_token_signed_response_alg",
            words(SigningAlgorithm::ALL.map(SigningAlgorithm::as_str)),
        ),
        ("access_token_lifetime", whole_number()),
        ("impersonation", acting()),
        ("saml", saml()),
        ("wsfed", wsfed()),
        ("box", box_()),
    ];
    with_id("client_id", keys)
}

fn acting() -> Value {
    section(vec![
        ("enabled", flag()),
        ("redeem", words(["confirm", "direct"])),
        ("unsolicited", flag()),
        ("read_scopes", list(text_item())),
        ("read_only", flag()),
    ])
}

fn saml() -> Value {
    section(vec![
        ("metadata", text()),
        ("metadata_file", text()),
        ("metadata_certificate", text()),
        ("metadata_valid_until", text()),
        ("entity_id", text()),
        ("acs_urls", list(text_item())),
        ("acs_indexes", list(json!({ "type": "integer", "minimum": 0, "maximum": 65535 }))),
        ("slo_url", text()),
        ("slo_response_url", text()),
        ("slo_binding", words(["redirect", "post"])),
        ("certificate", text()),
        ("certificates", list(text_item())),
        ("encryption_certificate", text()),
        ("encryption_algorithm", words(Cipher::ALL.map(Cipher::uri))),
        ("encrypt_assertion", flag()),
        ("require_signed_requests", flag()),
        ("sign_response", flag()),
        ("name_id_format", words(NameIdFormat::ALL.map(NameIdFormat::as_str))),
        ("idp_initiated", flag()),
        ("delegation_restriction", flag()),
        ("attributes", attributes()),
    ])
}

fn wsfed() -> Value {
    section(vec![
        ("realm", text()),
        ("reply_urls", list(text_item())),
        ("token_version", words(["1.1", "2.0"])),
        ("wst", words(["2005/02", "1.3"])),
        ("attributes", attributes()),
    ])
}

fn box_() -> Value {
    section(vec![
        ("authorized_in", list(text_item())),
        ("public_keys", list(with_id("id", vec![("pem", text())]))),
        ("perform_actions_as_users", flag()),
        ("on_behalf_of", flag()),
        ("generate_user_access_tokens", flag()),
        ("enterprise_access", flag()),
    ])
}

fn switch() -> Value {
    section(vec![("enabled", flag())])
}

/// The names that the application knows, each with a field of the user.
fn attributes() -> Value {
    let fields = USER_FIELDS.iter().map(|(field, _, _)| *field);
    json!({ "type": ["object", "null"], "additionalProperties": one_of(fields) })
}

/// A mapping with these keys and no others. Whatever may be left out may be `null`, which resets it.
fn section(keys: Vec<(&str, Value)>) -> Value {
    let properties = Value::from_iter(keys);
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false })
}

/// The same with the key that says which entry it is.
fn with_id(id: &'static str, keys: Vec<(&str, Value)>) -> Value {
    let all = [(id, text_item())].into_iter().chain(keys).collect();
    let mut entry = section(all);
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("type".to_owned(), json!("object"));
        entry.insert("required".to_owned(), json!([id]));
    }
    entry
}

fn list(items: Value) -> Value {
    let kind = json!(["array", "null"]);
    Value::from_iter([("type", kind), ("items", items)])
}

fn text() -> Value {
    json!({ "type": ["string", "null"] })
}

fn text_item() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn flag() -> Value {
    json!({ "type": ["boolean", "null"] })
}

fn whole_number() -> Value {
    json!({ "type": ["integer", "null"] })
}

fn object() -> Value {
    json!({ "type": ["object", "null"] })
}

fn one_of(words: impl IntoIterator<Item = &'static str>) -> Value {
    json!({ "enum": words.into_iter().collect::<Vec<_>>() })
}

fn words(words: impl IntoIterator<Item = &'static str>) -> Value {
    let all: Vec<Value> = words.into_iter().map(Value::from).chain([Value::Null]).collect();
    json!({ "enum": all })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::{read, values};
    use std::collections::BTreeSet;

    /// Each section with a key that nobody knows, and where its schema stands.
    const UNKNOWN: &str = r"
version: 1
nobody: 1
settings: {nobody: 1, impersonation: {nobody: 1}}
organizations: [{id: o, nobody: 1, impersonation: {nobody: 1}}]
roles: [{name: r, nobody: 1}]
users: [{id: u, nobody: 1}]
clients:
  - {client_id: a, kind: machine, nobody: 1, impersonation: {nobody: 1}, box: {nobody: 1, public_keys: [{nobody: 1}]}}
  - {client_id: b, kind: saml, saml: {nobody: 1}}
  - {client_id: c, kind: wsfed, wsfed: {nobody: 1}}
";

    /// Every mapping with fixed keys in a schema, by the way to it.
    fn walk(schema: &Value, path: &str, found: &mut Vec<(String, BTreeSet<String>)>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.push((path.to_owned(), properties.keys().cloned().collect()));
            for (key, value) in properties {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(value, &below, found);
            }
        }
        if schema["items"].is_object() {
            walk(&schema["items"], path, found);
        }
    }

    /// `clients[0].box.nobody` without places in lists.
    fn section_of(key: &str) -> String {
        let plain: String = key
            .split('[')
            .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest))
            .collect();
        plain.trim_end_matches("nobody").trim_end_matches('.').to_owned()
    }

    #[test]
    fn the_schema_and_the_reader_know_the_same_keys_of_every_section() {
        let Err(mistakes) = read(UNKNOWN, |_| None) else { panic!("nobody is known") };
        let mut read: Vec<(String, BTreeSet<String>)> = mistakes
            .iter()
            .filter_map(|mistake| {
                let (_, keys) = mistake.problem.split_once("the keys here are: ")?;
                let mut keys: BTreeSet<_> = keys.split(", ").map(str::to_owned).collect();
                let section = section_of(&mistake.key);
                if section == "clients.saml" {
                    // Replaced by what is in it before the section is read.
                    keys.insert("metadata_file".to_owned());
                }
                Some((section, keys))
            })
            .collect();
        let mut told = Vec::new();
        walk(&schema(), "", &mut told);
        read.sort();
        read.dedup();
        told.sort();
        assert_eq!(told, read);
        assert_eq!(told.len(), 13, "every section: {told:?}");
    }

    /// What this schema uses of JSON Schema, and nothing else.
    fn check(schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let of_type = match &schema["type"] {
            Value::Null => true,
            Value::String(only) => only == kind,
            kinds @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                kinds.as_array().unwrap().iter().any(|one| one == kind)
            }
        };
        let listed = schema["enum"].as_array().is_none_or(|words| words.contains(value));
        let constant = schema.get("const").is_none_or(|only| only == value);
        if !of_type || !listed || !constant {
            wrong.push(format!("{path}: {value}"));
        }
        for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
            check(&schema["items"], item, &format!("{path}[{nth}]"), wrong);
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(known), _) => check(known, value, &format!("{path}.{key}"), wrong),
                (None, Value::Bool(false)) => wrong.push(format!("{path}: unknown {key}")),
                (
                    None,
                    more @ (Value::Null
                    | Value::Bool(true)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_)),
                ) => check(more, value, &format!("{path}.{key}"), wrong),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
                wrong.push(format!("{path}: {key} is missing"));
            }
        }
    }

    fn wrong(text: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        check(&schema(), &values(text), "", &mut wrong);
        wrong
    }

    #[test]
    fn the_files_of_this_project_fit_the_schema_and_mistakes_do_not() {
        for text in [
            include_str!("../../examples/demo.yaml"),
            include_str!("../../tests/it/support/directory.yaml"),
            "version: 1\nusers: [{email: a@b.test, name: null, roles: null}]",
        ] {
            assert!(values(text).is_object());
            assert_eq!(wrong(text), Vec::<String>::new());
        }
        for text in [
            "organizations: []",
            "version: 2",
            "version: 1\nuser: []",
            "version: 1\nusers: [{email: 1}]",
            "version: 1\nusers: [{kind: robot}]",
            "version: 1\nroles: [{permissions: []}]",
            "version: 1\nclients: [{client_id: a, kind: webb}]",
            "version: 1\nclients: [{client_id: a, api_scopes: [everything]}]",
            "version: 1\nclients: [{client_id: a, saml: {acs_url: x}}]",
            "version: 1\nclients: [{client_id: a, wsfed: {attributes: {mail: shoe_size}}}]",
        ] {
            assert_eq!(wrong(text).len(), 1, "{text}: {:?}", wrong(text));
            assert!(read(text, |_| None).is_err(), "the reader takes it: {text}");
        }
    }
}
