//! Settings out of a service provider's own metadata: read, shown in the form, and saved like everything else.
use super::create::draw_new;
use super::edit::{FormNotes, propose};
use super::form::FormEntry;
use super::shown::{READ, Upload, upload};
use super::upload::Uploaded;
use crate::domain::Timestamp;
use crate::domain::client::ClientKind;
use crate::domain::permission::CLIENTS_WRITE;
use crate::flows::shared::clock;
use crate::http::console::ConsoleSession;
use crate::http::ui::error::PageError;
use crate::provision::entry::{blank, saml_of};
use actix_web::HttpResponse;
use actix_web::web::Payload;
use serde_json::{Map, Value, json};
use url::Url;

const NOTE: &str = "This is what the metadata say. Nothing is saved yet: look it over, then save.";
/// What metadata speak of; everything else is ours to say.
const TOLD: [&str; 12] = [
    "entity_id",
    "acs_urls",
    "acs_indexes",
    "slo_url",
    "slo_response_url",
    "slo_binding",
    "certificates",
    "encryption_certificate",
    "encryption_algorithm",
    "encrypt_assertion",
    "require_signed_requests",
    "name_id_format",
];

struct ReadUpload {
    saml: Map<String, Value>,
    name: String,
    notices: Vec<String>,
}

async fn read(
    console: &ConsoleSession,
    form: &Uploaded,
) -> Result<Result<ReadUpload, String>, PageError> {
    let pasted = form.get("metadata").trim();
    let sent = form.get("file").trim_start_matches('\u{feff}').trim();
    let text = match (pasted.is_empty(), sent.is_empty()) {
        (true, true) => return Ok(Err("Choose a file, or paste the metadata.".to_owned())),
        (false, false) => {
            return Ok(Err("Send a file or paste the metadata, not both.".to_owned()));
        }
        (false, true) => pasted,
        (true, false) => sent,
    };
    let wanted = Some(form.get("entity_id").trim()).filter(|it| !it.is_empty());
    let import = match saml_of(text, wanted) {
        Ok(import) => import,
        Err(problem) => {
            let problem = problem.replace("`entity_id`", "its entity ID");
            return Ok(Err(format!("The document {problem}.")));
        }
    };
    let now = clock::now(console.ctx()).await.map_err(|e| console.accident(&e))?;
    if let Some(until) = import.valid_until.filter(|until: &Timestamp| *until <= now) {
        return Ok(Err(format!("The metadata was valid until {}.", until.to_rfc3339())));
    }
    let entity_id = import.saml.get("entity_id").and_then(Value::as_str).unwrap_or_default();
    let host = Url::parse(entity_id).ok().and_then(|url| url.host_str().map(str::to_owned));
    let name = import.display_name.or(host).unwrap_or_else(|| entity_id.to_owned());
    Ok(Ok(ReadUpload { name, saml: import.saml, notices: import.notices }))
}

async fn checked(
    console: &ConsoleSession,
    payload: Payload,
    id: Option<&str>,
) -> Result<Uploaded, PageError> {
    console.require(CLIENTS_WRITE)?;
    let form = Uploaded::read(console.request(), console.ctx().issuer(), payload).await?;
    let form = form.only(console.request(), &["csrf", "file", "metadata", "entity_id"])?;
    console.check_token(form.get("csrf"), READ, &[id.unwrap_or_default()])?;
    Ok(form)
}

/// The form of the upload again, with what was wrong.
fn wrong(console: &ConsoleSession, form: &Uploaded, id: Option<&str>, error: String) -> FormNotes {
    let upload = Upload {
        error: Some(error),
        metadata: form.get("metadata").to_owned(),
        entity_id: form.get("entity_id").to_owned(),
        open: true,
        ..upload(console, id)
    };
    FormNotes { upload: Some(upload), ..FormNotes::default() }
}

fn put(entry: &mut FormEntry, told: &Map<String, Value>) {
    let saml = entry.entry("saml").or_insert_with(|| json!({}));
    let Some(saml) = saml.as_object_mut() else { return };
    for key in TOLD {
        match told.get(key) {
            Some(value) => saml.insert(key.to_owned(), value.clone()),
            None => saml.remove(key),
        };
    }
}

pub async fn for_new(console: ConsoleSession, payload: Payload) -> Result<HttpResponse, PageError> {
    let form = checked(&console, payload, None).await?;
    let mut entry = blank(ClientKind::Saml);
    let beside = match read(&console, &form).await? {
        Err(problem) => wrong(&console, &form, None, problem),
        Ok(told) => {
            put(&mut entry, &told.saml);
            entry.insert("name".to_owned(), Value::from(told.name));
            FormNotes { note: Some(NOTE), notices: told.notices, ..FormNotes::default() }
        }
    };
    draw_new(&console, (ClientKind::Saml, &entry), beside).await
}

pub async fn for_one(console: ConsoleSession, payload: Payload) -> Result<HttpResponse, PageError> {
    let id = console.segment(2).unwrap_or_default();
    let form = checked(&console, payload, Some(&id)).await?;
    let told = read(&console, &form).await?;
    propose(&console, |entry| match told {
        Err(problem) => wrong(&console, &form, Some(&id), problem),
        Ok(told) => {
            put(entry, &told.saml);
            FormNotes { note: Some(NOTE), notices: told.notices, ..FormNotes::default() }
        }
    })
    .await
}
