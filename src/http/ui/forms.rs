//! Forms: read strictly, and only from a page of ours in the same browser.
//!
//! Each form carries a token bound to what it does and to the session it does it in. Beside it the
//! browser's own word is heard, where it gives one (`Sec-Fetch-Site`, `Origin`).
use super::error::PageError;
use crate::crypto::mac::MacKey;
use crate::crypto::random;
use crate::flows::Context;
use crate::http::form::pairs;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use std::collections::BTreeMap;

/// Larger than any form of ours, with the longest request an application can make in it.
pub const LARGEST: usize = 64 * 1024;

/// A fresh token each time, so that what a compressed page looks like tells nothing about it.
pub fn token(ctx: &Context, purpose: &str, parts: &[&str]) -> String {
    made(&ctx.shared.forms, purpose, parts)
}

pub fn verify(ctx: &Context, purpose: &str, parts: &[&str], token: &str) -> bool {
    is_made(&ctx.shared.forms, purpose, parts, token)
}

fn made(key: &MacKey, purpose: &str, parts: &[&str]) -> String {
    let salt = random::secret();
    let mac = key.sign(purpose, &salted(&salt, parts));
    format!("{salt}.{mac}")
}

fn is_made(key: &MacKey, purpose: &str, parts: &[&str], token: &str) -> bool {
    let halves = token.split_once('.');
    halves.is_some_and(|(salt, mac)| key.verify(purpose, &salted(salt, parts), mac))
}

fn salted<'a>(salt: &'a str, parts: &[&'a str]) -> Vec<&'a str> {
    std::iter::once(salt).chain(parts.iter().copied()).collect()
}

/// Whether the browser says that the request came from a page of this server.
///
/// `Origin: null` counts only together with `Sec-Fetch-Site`, which no page can forge.
pub fn is_same_origin(request: &HttpRequest, issuer: &str) -> bool {
    match (word(request, "sec-fetch-site"), word(request, "origin")) {
        (None | Some("same-origin" | "none"), None) | (Some("same-origin"), Some("null")) => true,
        (None | Some("same-origin" | "none"), Some(origin)) => origin == issuer,
        (Some(_), _) => false,
    }
}

/// Whether nothing says that a form came from a page of somebody else. For forms that carry a token bound to a
/// cookie, which is their proof.
///
/// Our pages send no referrer, and so browsers say `Origin: null` of their forms ([Fetch §3.2]); a browser
/// without Fetch Metadata, or a proxy that strips it, then says nothing else.
///
/// [Fetch §3.2]: https://fetch.spec.whatwg.org/#origin-header
pub fn may_be_ours(request: &HttpRequest, issuer: &str) -> bool {
    let says_nothing = word(request, "sec-fetch-site").is_none();
    is_same_origin(request, issuer) || (says_nothing && word(request, "origin") == Some("null"))
}

/// The one value of a header; `?` when there are several or it cannot be read.
fn word<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    let value = values.next().map(|value| value.to_str().unwrap_or("?"));
    if values.next().is_some() { Some("?") } else { value }
}

/// The fields of a form that a page of ours posted; each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormRefusal {
    #[error("the fields cannot be read")]
    Unreadable,
    #[error("a field is given twice")]
    Duplicate,
    #[error("a field is unknown")]
    Unknown,
}

impl Form {
    pub fn parse(body: &[u8]) -> Result<Self, FormRefusal> {
        let mut fields = BTreeMap::new();
        for (name, value) in pairs(body).map_err(|_| FormRefusal::Unreadable)? {
            if fields.insert(name, value).is_some() {
                return Err(FormRefusal::Duplicate);
            }
        }
        Ok(Self(fields))
    }

    /// Refused when there is any other field.
    pub fn only(self, names: &[&str]) -> Result<Self, FormRefusal> {
        if self.0.keys().all(|name| names.contains(&name.as_str())) {
            Ok(self)
        } else {
            Err(FormRefusal::Unknown)
        }
    }

    /// Empty when it is not given.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }

    /// `None` when it is not given; an empty field is given.
    pub fn take_given(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Every field with its name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The form of a request, when it came from a page of ours as far as the browser says.
pub struct Posted(pub Form);

impl FromRequest for Posted {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload);
        Box::pin(async move {
            let payload = payload.await.map_err(|_| unreadable(&request))?;
            Self::read(&request, payload, LARGEST).await
        })
    }
}

impl Posted {
    /// Reads the form of `request`, of at most `largest` bytes.
    pub async fn read(
        request: &HttpRequest,
        payload: web::Payload,
        largest: usize,
    ) -> Result<Self, PageError> {
        let ctx = request.app_data::<web::Data<Context>>();
        let ctx = ctx.ok_or_else(|| PageError::busy(request))?;
        if !may_be_ours(request, ctx.issuer()) {
            return Err(PageError::forged(request));
        }
        if !is_form(request) {
            let (status, text) =
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Only the forms of our own pages fit here.");
            return Err(PageError::new(request, status, "Unsupported form", text));
        }
        let body = payload.to_bytes_limited(largest).await;
        let body = body.map_err(|_| too_large(request))?.map_err(|_| unreadable(request))?;
        Ok(Self(Form::parse(&body).map_err(|refusal| refuse(request, refusal))?))
    }

    pub fn only(self, request: &HttpRequest, names: &[&str]) -> Result<Form, PageError> {
        self.0.only(names).map_err(|refusal| refuse(request, refusal))
    }
}

fn refuse(request: &HttpRequest, refusal: FormRefusal) -> PageError {
    let text = match refusal {
        FormRefusal::Unreadable => "The form cannot be read.",
        FormRefusal::Duplicate => "A field of the form is given twice.",
        FormRefusal::Unknown => "The form has a field that does not belong there.",
    };
    PageError::malformed(request, text)
}

fn unreadable(request: &HttpRequest) -> PageError {
    PageError::malformed(request, "The form cannot be read.")
}

fn too_large(request: &HttpRequest) -> PageError {
    let text = "The form is larger than 64 KiB.";
    PageError::new(request, StatusCode::PAYLOAD_TOO_LARGE, "Too large", text)
}

fn is_form(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
