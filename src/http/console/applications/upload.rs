//! A form with a file ([RFC 7578]): as strict as [`crate::http::ui::forms`], with more room.
//!
//! [RFC 7578]: https://www.rfc-editor.org/rfc/rfc7578
use crate::crypto::xml::decode;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::may_be_ours;
use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use futures_util::TryStreamExt as _;
use std::collections::BTreeMap;

/// Of a whole form. The metadata of one service provider have a few kilobytes.
const LARGEST: usize = 1024 * 1024;
/// XML that an administrator brings, in the encoding that it names.
const FILE: &str = "file";
/// Each with a name of ours.
const MAX_FIELDS: usize = 8;

/// The fields of a form that a page of ours posted, as text; each name once.
pub struct Uploaded(BTreeMap<String, String>);

impl Uploaded {
    /// Reads the form of `request`, when it came from a page of ours as far as the browser says. No extractor:
    /// who may not send one is refused before any of it is read.
    pub async fn read(
        request: &HttpRequest,
        issuer: &str,
        payload: Payload,
    ) -> Result<Self, PageError> {
        if !may_be_ours(request, issuer) {
            return Err(PageError::forged(request));
        }
        if !is_multipart(request) {
            let text = "Only the forms of our own pages fit here.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(PageError::new(request, status, "Unsupported form", text));
        }
        if announced(request).is_some_and(|length| length > LARGEST) {
            return Err(too_large(request));
        }
        read(request, Multipart::new(request.headers(), payload)).await
    }

    /// Empty when it is not given.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Refused when there is any other field.
    pub fn only(self, request: &HttpRequest, names: &[&str]) -> Result<Self, PageError> {
        if self.0.keys().all(|name| names.contains(&name.as_str())) {
            Ok(self)
        } else {
            let text = "The form has a field that does not belong there.";
            Err(PageError::malformed(request, text))
        }
    }
}

async fn read(request: &HttpRequest, mut form: Multipart) -> Result<Uploaded, PageError> {
    let mut fields = BTreeMap::new();
    let mut room = LARGEST;
    while let Some(mut field) = form.try_next().await.map_err(|_| unreadable(request))? {
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.try_next().await.map_err(|_| unreadable(request))? {
            room = room.checked_sub(chunk.len()).ok_or_else(|| too_large(request))?;
            bytes.extend_from_slice(&chunk);
        }
        let no_text = "A field of the form, or the file, is no text in UTF-8.";
        // Other people's tools write files; the fields are typed into our own page.
        let text = if name == FILE { decode(&bytes).ok() } else { String::from_utf8(bytes).ok() };
        let text = text.ok_or_else(|| PageError::malformed(request, no_text))?;
        if fields.insert(name, text).is_some() || fields.len() > MAX_FIELDS {
            return Err(PageError::malformed(request, "A field of the form is given twice."));
        }
    }
    Ok(Uploaded(fields))
}

fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_multipart(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/form-data")
}

fn unreadable(request: &HttpRequest) -> PageError {
    PageError::malformed(request, "The form cannot be read.")
}

fn too_large(request: &HttpRequest) -> PageError {
    let text = "The file is larger than 1 MiB.";
    PageError::new(request, StatusCode::PAYLOAD_TOO_LARGE, "Too large", text)
}
