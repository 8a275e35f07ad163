//! One application as a form has it: the same words as in the file, read by the same reader.
use super::document;
use super::file::WantedClient;
use super::mistake::{Notes, Path, PathStep};
use super::names::{EntryNames, KnownNames};
use super::read_client;
use super::saml_metadata;
use super::section::FileSection;
use crate::crypto::hash::sha256;
use crate::domain::Timestamp;
use crate::domain::client::ClientKind;
use crate::store::applications::write::ClientRecord;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// One that has been read and found right.
pub struct ClientEntry(pub(super) WantedClient);

impl ClientEntry {
    pub fn record(&self) -> &ClientRecord {
        &self.0.record
    }

    /// Of the metadata that it was read from.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.0.valid_until
    }

    /// What was left out, guessed or not understood in the metadata.
    pub fn notices(&self) -> &[String] {
        &self.0.notices
    }
}

/// What is wrong, and where. Never quotes a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The way to the key without numbers of lists, as in `saml.acs_urls`.
    pub key: String,
    pub problem: String,
}

/// Reads one entry of `clients`; `organizations` are those that it may belong to.
///
/// # Errors
///
/// Everything that is wrong, in the order of the reader; of one key only the first.
pub fn read_entry(
    values: &Map<String, Value>,
    organizations: impl IntoIterator<Item = String>,
) -> Result<ClientEntry, Vec<Fault>> {
    let names = EntryNames {
        organizations: organizations.into_iter().collect(),
        roles: KnownNames::default(),
        clients: KnownNames::default(),
    };
    let notes = Notes::default();
    let file = json!({ "clients": [values] });
    let top = FileSection::new(&file, Path::default(), &notes);
    let wanted = top.map(|top| read_client::read_all(&top, &names)).unwrap_or_default();
    let mut faults: Vec<Fault> = Vec::new();
    for (path, problem) in notes.into_inner() {
        let fault = fault(&path, problem);
        if faults.iter().all(|known| known.key != fault.key) {
            faults.push(fault);
        }
    }
    match wanted.into_iter().next() {
        Some(wanted) if faults.is_empty() => Ok(ClientEntry(wanted)),
        Some(_) | None => Err(faults),
    }
}

/// Without `clients[0]`; what is missing stands at its own key.
fn fault(path: &Path, problem: String) -> Fault {
    let key = |step: &PathStep| match step {
        PathStep::Key(key) => Some(key.clone()),
        PathStep::Item(_) => None,
    };
    let mut keys: Vec<String> = path.0.iter().skip(2).filter_map(key).collect();
    let missing = problem.strip_prefix('`').and_then(|rest| rest.strip_suffix("` is missing"));
    match missing.map(str::to_owned) {
        Some(missing) => {
            keys.push(missing);
            Fault { key: keys.join("."), problem: "is missing".to_owned() }
        }
        None => Fault { key: keys.join("."), problem },
    }
}

/// A stored application in the words that [`read_entry`] takes, without what is not given.
pub fn words(record: &ClientRecord) -> Map<String, Value> {
    let given = document::given_of_client(record).into_iter();
    given.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A new application of `kind` where nothing has been said yet.
pub fn blank(kind: ClientKind) -> Map<String, Value> {
    let grants: Vec<_> = kind.default_grant_types().iter().map(|grant| grant.as_str()).collect();
    let signs_in = !matches!(kind, ClientKind::Global | ClientKind::Machine);
    let values = json!({
        "kind": kind.as_str(),
        "first_party": true,
        "grant_types": grants,
        "introspect": false,
        "id_token_signed_response_alg": "RS256",
        "access_token_lifetime": 3600,
        "impersonation": { "enabled": false, "redeem": "confirm", "unsolicited": signs_in },
        "saml": (kind == ClientKind::Saml).then(|| json!({ "sign_response": true })),
    });
    match values {
        Value::Object(values) => values,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Stands for everything that is registered of an application, but for its secrets: who changes one says by
/// this what they saw.
pub fn version(record: &ClientRecord) -> String {
    let document = Value::from_iter(document::of_client(record));
    URL_SAFE_NO_PAD.encode(sha256(document.to_string().as_bytes()))
}

/// What a service provider's metadata say of it.
pub struct MetadataImport {
    /// As the values of `saml`.
    pub saml: Map<String, Value>,
    pub display_name: Option<String>,
    pub valid_until: Option<Timestamp>,
    /// What was left out, guessed or not understood.
    pub notices: Vec<String>,
}

/// Reads them; of several the one of `entity_id`.
///
/// Metadata that ask for an encryption that is not spoken here are read with `encrypt_assertion` on and no key: such an
/// entry cannot be saved until somebody gives a key or switches encryption off.
///
/// # Errors
///
/// What is wrong with them.
pub fn saml_of(metadata: &str, entity_id: Option<&str>) -> Result<MetadataImport, String> {
    let read = |more: Value| {
        let mut saml = json!({ "metadata": metadata, "entity_id": entity_id });
        if let (Some(saml), Value::Object(more)) = (saml.as_object_mut(), more) {
            saml.extend(more);
        }
        let values = json!({ "client_id": "x", "kind": "saml", "saml": saml });
        read_entry(&values.as_object().cloned().unwrap_or_default(), [])
    };
    let faults = match read(json!({})) {
        Ok(entry) => return imported(entry, metadata, entity_id),
        Err(faults) => faults,
    };
    if let [only] = faults.as_slice()
        && only.key == "saml.encrypt_assertion"
        && let Ok(entry) = read(json!({ "encrypt_assertion": false }))
    {
        let mut import = imported(entry, metadata, entity_id)?;
        import.saml.insert("encrypt_assertion".to_owned(), Value::Bool(true));
        import.notices.clear();
        import.notices.push(format!("Encryption {}", only.problem));
        return Ok(import);
    }
    let first = faults.into_iter().next();
    Err(first.map_or_else(|| "cannot be read".to_owned(), |fault| fault.problem))
}

fn imported(
    entry: ClientEntry,
    metadata: &str,
    entity_id: Option<&str>,
) -> Result<MetadataImport, String> {
    let told = saml_metadata::read(metadata, entity_id, None)?;
    let (valid_until, notices) = (entry.valid_until(), entry.notices().to_vec());
    match entry.0.record.saml {
        Some(Value::Object(saml)) => {
            Ok(MetadataImport { saml, display_name: told.display_name, valid_until, notices })
        }
        Some(_) | None => Err("cannot be read".to_owned()),
    }
}
