//! The secret of an application: made here, seen once, and never again (H16).
use super::{by, path, refuse, seen, superior};
use crate::domain::permission::CLIENTS_WRITE;
use crate::flows::Failure;
use crate::http::console::kit::ShownMoment;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::provision::applications::ClientRecord;
use crate::provision::applications::{
    ApplicationView, OldTokens, WriteRefusal, may_write, rotate_secret,
};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};

const ROTATE: &str = "rotate-client-secret";

#[derive(Template)]
#[template(path = "console/application_secret.html")]
struct RotateSecretPage {
    page: Page,
    console: ConsoleFrame,
    here: String,
    name: String,
    since: Option<ShownMoment>,
    csrf: String,
}

#[derive(Template)]
#[template(path = "console/application_secret_once.html")]
struct OncePage {
    page: Page,
    console: ConsoleFrame,
    here: String,
    name: String,
    client_id: String,
    secret: String,
    created: bool,
}

/// The page that shows it. Nothing keeps it: neither the browser nor we.
pub fn hand_over(
    console: &ConsoleSession,
    record: &ClientRecord,
    secret: &SecretString,
    created: bool,
) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Applications, "Client secret", &[]);
    let page = OncePage {
        page,
        console: frame,
        here: path(&record.id),
        name: record.name.clone(),
        client_id: record.id.clone(),
        secret: secret.expose_secret().to_owned(),
        created,
    };
    render(&page, if created { StatusCode::CREATED } else { StatusCode::OK })
}

async fn keeper(console: &ConsoleSession) -> Result<ApplicationView, PageError> {
    console.require(CLIENTS_WRITE)?;
    let (_, view) = seen(console).await?;
    if !may_write(console.user(), &view.record) {
        return Err(superior(console));
    }
    if !view.keeps_secret() {
        return Err(refuse(console, Failure::Refused(WriteRefusal::NoSecret)));
    }
    Ok(view)
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let view = keeper(&console).await?;
    let (page, frame) = console.frame(ConsoleSection::Applications, "New client secret", &[]);
    let page = RotateSecretPage {
        page,
        console: frame,
        here: path(&view.record.id),
        csrf: console.token(ROTATE, &[&view.record.id, &view.secrets]),
        name: view.record.name,
        since: view.card.secret_since.map(ShownMoment::from),
    };
    Ok(render(&page, StatusCode::OK))
}

/// The form is good for the secrets that were there when it was made: sent twice, it makes one new secret.
pub async fn rotate(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(CLIENTS_WRITE)?;
    let form = posted.only(console.request(), &["csrf", "end_tokens"])?;
    let (id, view) = seen(&console).await?;
    console.check(&form, ROTATE, &[&view.record.id, &view.secrets])?;
    let tokens = if form.get("end_tokens") == "on" { OldTokens::End } else { OldTokens::Keep };
    let which = (&id, view.secrets.as_str());
    let made = rotate_secret(console.ctx(), by(&console), which, tokens).await;
    let secret = made.map_err(|failure| refuse(&console, failure))?;
    Ok(hand_over(&console, &view.record, &secret, false))
}
