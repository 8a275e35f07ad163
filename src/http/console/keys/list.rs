//! The keys, and the public part of one.
use super::{HERE, require};
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::operations::see_keys::{KeyState, PublishedKey, ShownKey, list_keys};
use crate::http::console::kit::ShownMoment;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::{FormTargets, render, secure};
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage {
    page: Page,
    console: ConsoleFrame,
    rows: Vec<KeyRow>,
}

struct KeyRow {
    id: String,
    algorithm: String,
    purpose: &'static str,
    state: &'static str,
    tone: &'static str,
    created: ShownMoment,
    ends: Option<ShownMoment>,
    fingerprint: Option<String>,
    /// Where its public part is, and what that is.
    public: Option<(String, &'static str)>,
}

const SENTENCES: &[(&str, &str)] = &[(
    "rotated",
    "The next keys sign from now on. What the old ones signed counts until it ends.",
)];

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let (keys, _) = list_keys(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Keys, "Signing keys", SENTENCES);
    let page = KeysPage { page, console: frame, rows: keys.into_iter().map(row).collect() };
    Ok(render(&page, StatusCode::OK))
}

pub fn purpose(name: &str) -> &'static str {
    match name {
        "token" => "Tokens (OpenID Connect)",
        "xml" => "SAML and WS-Federation",
        _ => "Impersonation links",
    }
}

fn row(key: ShownKey) -> KeyRow {
    let (state, tone) = match key.state {
        KeyState::Current => ("Current", "good"),
        KeyState::Next => ("Next", "news"),
        KeyState::Retiring => ("Retiring", "warn"),
        KeyState::Retired => ("Retired", "off"),
    };
    let what = key.public().map(|public| match public {
        PublishedKey::Jwk(_) => "Public key (JWK)",
        PublishedKey::Certificate(_) => "Certificate (PEM)",
    });
    let href = format!("{HERE}/{}/public", encode(&key.id));
    KeyRow {
        public: what.map(|what| (href, what)),
        purpose: purpose(&key.purpose),
        state,
        tone,
        created: key.created_at.into(),
        ends: key.ends_at.map(ShownMoment::from),
        fingerprint: key.fingerprint,
        algorithm: key.algorithm,
        id: key.id,
    }
}

pub async fn public(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let id = console.segment(2).ok_or_else(|| console.missing())?;
    let (keys, _) = list_keys(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let key = keys.into_iter().find(|key| key.id == id).ok_or_else(|| console.missing())?;
    let (mime, extension, body) = match key.public().ok_or_else(|| console.missing())? {
        PublishedKey::Jwk(jwk) => ("application/jwk+json", "json", format!("{jwk:#}\n")),
        PublishedKey::Certificate(pem) => ("application/x-pem-file", "pem", pem),
    };
    // Ids are ours, of letters, digits and an underscore.
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = key.id.chars().filter(plain).collect();
    let mut answer = HttpResponse::Ok();
    secure(&mut answer, &FormTargets::nowhere_else());
    answer.insert_header((
        header::CONTENT_DISPOSITION,
        format!("attachment; filename=\"understudy-{name}.{extension}\""),
    ));
    Ok(answer.content_type(mime).body(body))
}
