//! What was typed, and the entry that it stands for.
use super::specs::{self, FieldShape, Spec};
use crate::domain::client::ClientKind;
use crate::domain::text::{is_plain_line, whole_number};
use crate::provision::entry::Fault;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub type FormEntry = Map<String, Value>;

/// The fields of the form by name, as they are shown again.
#[derive(Default, Clone)]
pub struct ApplicationFormInput(BTreeMap<&'static str, String>);

impl ApplicationFormInput {
    /// What is registered now, or the beginnings of a new one.
    pub fn of(entry: &FormEntry, kind: ClientKind) -> Self {
        Self(specs::of(kind).map(|spec| (spec.name, show(entry, spec))).collect())
    }

    pub fn posted(kind: ClientKind, find: impl Fn(&str) -> String) -> Self {
        let value = |spec: &Spec| find(spec.name).replace("\r\n", "\n");
        Self(specs::of(kind).map(|spec| (spec.name, value(spec))).collect())
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Something that no field can hold: nothing of it is shown or stored.
    pub fn is_unreadable(&self) -> bool {
        let readable = |text: &String| text.split(['\n', '\t']).all(is_plain_line);
        !self.0.values().all(readable)
    }

    /// `entry` with what was typed, and what cannot even be written down.
    pub fn put(&self, entry: &mut FormEntry, kind: ClientKind) -> Vec<Fault> {
        let had_box = entry.contains_key("box");
        for spec in specs::of(kind).filter(|spec| matches!(spec.shape, FieldShape::Member(_))) {
            entry.insert(spec.at.to_owned(), json!([]));
        }
        let mut faults = Vec::new();
        for spec in specs::of(kind) {
            match value(spec, self.get(spec.name)) {
                Ok(value) => set(entry, spec, value),
                Err(problem) => {
                    let fault = Fault { key: spec.at.to_owned(), problem: problem.to_owned() };
                    faults.push(fault);
                }
            }
        }
        if !had_box && entry.get("box").is_some_and(is_off) {
            entry.remove("box");
        }
        faults
    }
}

/// Whether a section says nothing.
fn is_off(section: &Value) -> bool {
    let nothing = |value: &Value| *value == json!(false) || *value == json!([]);
    section.as_object().is_some_and(|keys| keys.values().all(nothing))
}

/// The value at a way of keys.
fn look<'a>(entry: &'a FormEntry, at: &str) -> Option<&'a Value> {
    match at.split_once('.') {
        None => entry.get(at),
        Some((section, key)) => entry.get(section)?.get(key),
    }
}

fn set(entry: &mut FormEntry, spec: &Spec, value: Value) {
    let (place, key) = match spec.at.split_once('.') {
        None => (entry, spec.at),
        Some((section, key)) => {
            let section = entry.entry(section).or_insert_with(|| json!({}));
            let Some(section) = section.as_object_mut() else { return };
            (section, key)
        }
    };
    match (spec.shape, value) {
        (FieldShape::Member(_), Value::String(word)) => {
            if let Some(list) = place.get_mut(key).and_then(Value::as_array_mut) {
                list.push(Value::String(word));
            }
        }
        // Others of the list may be chosen.
        (FieldShape::Member(_), _) => {}
        (_, Value::Null) => {
            place.remove(key);
        }
        (_, value) => {
            place.insert(key.to_owned(), value);
        }
    }
}

/// A stored value as it is typed.
pub fn show(entry: &FormEntry, spec: &Spec) -> String {
    let found = look(entry, spec.at);
    let list = || found.and_then(Value::as_array).into_iter().flatten();
    let texts = || list().filter_map(Value::as_str).collect::<Vec<_>>();
    let on = |flag: bool| if flag { "on".to_owned() } else { String::new() };
    match spec.shape {
        FieldShape::Text | FieldShape::Url | FieldShape::Word(_) | FieldShape::Certificate => {
            found.and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        FieldShape::Number => found.map(ToString::to_string).unwrap_or_default(),
        FieldShape::Lines => texts().join("\n"),
        FieldShape::Numbers => list().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        FieldShape::Certificates => texts().join("\n\n"),
        FieldShape::Keys => {
            let part = |key: &Value, name: &str| {
                key.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
            };
            let both = |key| format!("{}\n{}", part(key, "id"), part(key, "pem"));
            list().map(both).collect::<Vec<_>>().join("\n\n")
        }
        FieldShape::Json => {
            found.and_then(|json| serde_json::to_string_pretty(json).ok()).unwrap_or_default()
        }
        FieldShape::Pairs => {
            let pairs = found.and_then(Value::as_object).into_iter().flatten();
            let line = |(name, field): (&String, &Value)| {
                format!("{name} = {}", field.as_str().unwrap_or_default())
            };
            pairs.map(line).collect::<Vec<_>>().join("\n")
        }
        FieldShape::Flag => on(found == Some(&Value::Bool(true))),
        FieldShape::Member(word) => on(texts().contains(&word)),
    }
}

/// What was typed as a value; nothing is `null`.
fn value(spec: &Spec, typed: &str) -> Result<Value, &'static str> {
    let text = typed.trim();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(match spec.shape {
        FieldShape::Flag => Value::Bool(!text.is_empty()),
        FieldShape::Member(word) if !text.is_empty() => Value::from(word),
        FieldShape::Lines => lines().collect(),
        FieldShape::Keys => keys(text),
        _ if text.is_empty() => Value::Null,
        FieldShape::Text
        | FieldShape::Url
        | FieldShape::Word(_)
        | FieldShape::Certificate
        | FieldShape::Member(_) => Value::from(text),
        // What is no number is left to the reader, who says so.
        FieldShape::Number => number(text),
        FieldShape::Numbers => text.split(',').map(|it| number(it.trim())).collect(),
        FieldShape::Certificates => certificates(text).into(),
        FieldShape::Json => serde_json::from_str(text).map_err(|_| "is no JSON")?,
        FieldShape::Pairs => {
            let mut pairs = Map::new();
            for line in lines() {
                let (name, field) = line.rsplit_once('=').unwrap_or((line, ""));
                if pairs.insert(name.trim().to_owned(), Value::from(field.trim())).is_some() {
                    return Err("has a name twice");
                }
            }
            Value::Object(pairs)
        }
    })
}

fn number(text: &str) -> Value {
    whole_number(text).map_or_else(|| Value::from(text), Value::from)
}

/// What stands before a key is its id; what is no key at all is left to the reader, who says so.
fn keys(text: &str) -> Value {
    const END: &str = "-----END PUBLIC KEY-----";
    let parts = text.split_inclusive(END).map(str::trim).filter(|part| !part.is_empty());
    let key = |part: &str| {
        let (id, pem) = part.find("-----BEGIN").map_or((part, ""), |at| part.split_at(at));
        json!({ "id": id.trim(), "pem": pem })
    };
    parts.map(key).collect()
}

/// In PEM each ends by itself; in base64 with an empty line.
fn certificates(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut one = String::new();
    let mut in_pem = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("-----BEGIN ") {
            in_pem = true;
            all.push(std::mem::take(&mut one));
        }
        if line.is_empty() && !in_pem {
            all.push(std::mem::take(&mut one));
            continue;
        }
        one.push_str(line);
        one.push('\n');
        if line.starts_with("-----END ") {
            in_pem = false;
            all.push(std::mem::take(&mut one));
        }
    }
    all.push(one);
    all.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// A fault in words for people: the keys of the file are called as the form calls them.
pub fn worded(kind: ClientKind, problem: &str) -> String {
    const AFTER_IT: [&str; 8] =
        ["is ", "must ", "has ", "needs ", "holds ", "cannot ", "describes ", "says "];
    let mut text = problem.to_owned();
    for spec in specs::of(kind) {
        let key = spec.at.rsplit('.').next().unwrap_or(spec.at);
        text = text.replace(&format!("`{key}`"), &format!("“{}”", spec.label));
    }
    if AFTER_IT.iter().any(|start| text.starts_with(start)) {
        text.insert_str(0, if text == "is missing" { "This " } else { "It " });
    }
    // In a file what is quoted is code; here it is text.
    let mut open = false;
    let quote = |c| match c {
        '`' => {
            open = !open;
            if open { '“' } else { '”' }
        }
        other => other,
    };
    text = text.chars().map(quote).collect();
    // A word of the protocol stays as it is spelt.
    if text.split(' ').next().is_some_and(|word| word.contains('_')) {
        return format!("{text}.");
    }
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// In a file the id stands in for a name; people want one.
pub fn name_missing(entry: &FormEntry) -> Option<Fault> {
    let problem = "is missing".to_owned();
    (!entry.contains_key("name")).then(|| Fault { key: "name".to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::entry::{blank, read_entry};

    const PEM: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/box_/keys/app.pub.pem"));

    #[test]
    fn what_is_shown_is_read_back_for_every_kind() {
        for kind in ClientKind::ALL {
            let mut entry = blank(kind);
            entry.insert("client_id".to_owned(), json!("x"));
            entry.insert("name".to_owned(), json!("An application"));
            match kind {
                ClientKind::Saml => {
                    let saml = json!({
                        "entity_id": "urn:x", "acs_urls": ["https://a.example/1", "https://a.example/2"],
                        "acs_indexes": [3, 1], "sign_response": false, "slo_url": "https://a.example/slo",
                        "slo_binding": "post", "name_id_format": "persistent",
                        "attributes": {"a=b": "email", "c": "name"},
                    });
                    entry.insert("saml".to_owned(), saml);
                }
                ClientKind::Wsfed => {
                    let wsfed = json!({"realm": "urn:y", "reply_urls": ["https://a.example/"]});
                    entry.insert("wsfed".to_owned(), wsfed);
                }
                ClientKind::Web => {
                    entry.insert("redirect_uris".to_owned(), json!(["https://a.example/cb"]));
                    entry.insert("scopes".to_owned(), json!(["a:read", "a:write"]));
                    let grants = ["authorization_code", "client_credentials"];
                    entry.insert("grant_types".to_owned(), json!(grants));
                }
                ClientKind::Machine => {
                    let keys = [json!({"id": "a b", "pem": PEM}), json!({"id": "c", "pem": PEM})];
                    let box_ = json!({"on_behalf_of": true, "authorized_in": ["acme"], "public_keys": keys});
                    entry.insert("box".to_owned(), box_);
                }
                ClientKind::Spa | ClientKind::Native | ClientKind::Global => {}
            }
            let acme = || ["acme".to_owned()];
            let meant = read_entry(&entry, acme()).map_err(|faults| format!("{faults:?}")).unwrap();
            let mut again = blank(kind);
            again.insert("client_id".to_owned(), json!("x"));
            assert_eq!(ApplicationFormInput::of(&entry, kind).put(&mut again, kind), []);
            let read = read_entry(&again, acme()).map_err(|faults| format!("{faults:?}")).unwrap();
            assert_eq!(read.record(), meant.record(), "{kind:?}");
        }
    }

    #[test]
    fn certificates_are_told_apart_in_pem_and_in_base64() {
        let pem = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----";
        assert_eq!(certificates(&format!("{pem}\n{pem}")), [pem, pem]);
        assert_eq!(certificates(&format!("AA\nBB\n\n\nCC\n{pem}")).len(), 3);
        assert_eq!(certificates("AA\nBB\n\nCC"), ["AA\nBB", "CC"]);
        assert_eq!(certificates(" "), [""; 0]);
    }

    #[test]
    fn a_fault_speaks_of_the_fields_of_the_form() {
        let kind = ClientKind::Web;
        assert_eq!(worded(kind, "is missing"), "This is missing.");
        assert_eq!(
            worded(kind, "needs an `initiate_login_uri`"),
            "It needs an “Initiate login URI”."
        );
        assert_eq!(worded(kind, "`x` has a fragment"), "“x” has a fragment.");
    }
}
