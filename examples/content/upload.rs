//! `POST /api/2.0/files/content`: a form of two parts, `attributes` (JSON) and `file`.

use crate::answer::Refusal;
use crate::caller::Caller;
use crate::files::{Arrived, Files};
use actix_multipart::{Field, Multipart};
use actix_web::HttpResponse;
use actix_web::web::Data;
use futures_util::StreamExt as _;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;

const LARGEST_FILE: usize = 16 * 1024 * 1024;
const LARGEST_ATTRIBUTES: usize = 64 * 1024;
const MAX_NAME_LEN: usize = 255;

#[derive(Deserialize)]
struct Attributes {
    name: String,
    parent: Parent,
}

#[derive(Deserialize)]
struct Parent {
    id: String,
}

pub async fn upload(
    caller: Caller,
    files: Data<Files>,
    mut form: Multipart,
) -> Result<HttpResponse, Refusal> {
    let (mut attributes, mut content) = (None, None);
    while let Some(field) = form.next().await {
        let field = field.map_err(|_| Refusal::BadRequest("The form cannot be read"))?;
        match field.name().unwrap_or_default() {
            "attributes" => attributes = Some(read_attributes(field).await?),
            "file" => content = Some(read_file(field).await?),
            _ => return Err(Refusal::BadRequest("The form has a part that is not known")),
        }
    }
    let attributes = attributes.ok_or(Refusal::BadRequest("attributes are missing"))?;
    let (size, sha1) = content.ok_or(Refusal::BadRequest("file is missing"))?;
    if attributes.parent.id != "0" {
        return Err(Refusal::NotFound);
    }
    let arrived = Arrived { name: attributes.name, size, sha1 };
    let kept = files.keep(&caller.id, caller.as_user(), arrived, now())?;
    let body = json!({ "total_count": 1, "entries": [kept.whole()] });
    Ok(HttpResponse::Created().json(body))
}

async fn read_attributes(mut field: Field) -> Result<Attributes, Refusal> {
    let unreadable = Refusal::BadRequest("attributes are no JSON object with name and parent");
    let mut text = Vec::new();
    while let Some(chunk) = field.next().await {
        text.extend_from_slice(&chunk.map_err(|_| unreadable)?);
        if text.len() > LARGEST_ATTRIBUTES {
            return Err(Refusal::TooLarge);
        }
    }
    let attributes: Attributes = serde_json::from_slice(&text).map_err(|_| unreadable)?;
    let name = &attributes.name;
    let fits = !name.trim().is_empty() && name.chars().count() <= MAX_NAME_LEN;
    let wrong = |c: char| c.is_control() || c == '/' || c == '\\';
    if fits && !name.contains(wrong) { Ok(attributes) } else { Err(unreadable) }
}

/// The size and the SHA-1 of the file, because the demo does not store contents.
async fn read_file(mut field: Field) -> Result<(usize, String), Refusal> {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut size = 0;
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|_| Refusal::BadRequest("The file did not arrive whole"))?;
        size += chunk.len();
        if size > LARGEST_FILE {
            return Err(Refusal::TooLarge);
        }
        digest.update(&chunk);
    }
    let mut sha1 = String::with_capacity(40);
    for byte in digest.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(sha1, "{byte:02x}");
    }
    Ok((size, sha1))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the demo reads the clock")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
