//! `/console/applications`: finding, making and changing them, by the rules of the provisioning file
//! ([`crate::provision`]): [`specs`] names every setting, [`form`] reads what was typed.
pub mod create;
pub mod detail;
pub mod edit;
pub mod form;
pub mod list;
pub mod metadata;
pub mod remove;
pub mod secret;
pub mod setup;
pub mod shown;
pub mod snippets;
pub mod specs;
pub mod upload;

use super::ConsoleSession;
use crate::domain::ClientId;
use crate::domain::client::ClientKind;
use crate::flows::Failure;
use crate::flows::impersonation::start_impersonation::encode;
use crate::http::ui::error::PageError;
use crate::http::ui::read;
use crate::provision::applications::ClientRecord;
use crate::provision::applications::{ApplicationView, By, WriteRefusal, view};
use actix_web::http::StatusCode;
use actix_web::web;

const HERE: &str = "/console/applications";
const NEW: &str = "/console/new-application";

pub fn routes(cfg: &mut web::ServiceConfig) {
    let page = super::resource;
    cfg.service(page("/console/applications", "GET, HEAD").route(read().to(list::list)))
        .service(
            page("/console/new-application", "GET, HEAD, POST")
                .route(read().to(create::show))
                .route(web::post().to(create::save)),
        )
        .service(
            page("/console/new-application/metadata", "POST")
                .route(web::post().to(metadata::for_new)),
        )
        .service(
            page("/console/applications/{client_id}", "GET, HEAD").route(read().to(detail::show)),
        )
        .service(
            page("/console/applications/{client_id}/setup", "GET, HEAD")
                .route(read().to(setup::show)),
        )
        .service(
            page("/console/applications/{client_id}/edit", "GET, HEAD, POST")
                .route(read().to(edit::show))
                .route(web::post().to(edit::save)),
        )
        .service(
            page("/console/applications/{client_id}/metadata", "POST")
                .route(web::post().to(metadata::for_one)),
        )
        .service(
            page("/console/applications/{client_id}/secret", "GET, HEAD, POST")
                .route(read().to(secret::show))
                .route(web::post().to(secret::rotate)),
        )
        .service(
            page("/console/applications/{client_id}/status", "GET, HEAD, POST")
                .route(read().to(remove::ask_status))
                .route(web::post().to(remove::set_status)),
        )
        .service(
            page("/console/applications/{client_id}/end-tokens", "GET, HEAD, POST")
                .route(read().to(remove::ask_end_tokens))
                .route(web::post().to(remove::end_tokens)),
        )
        .service(
            page("/console/applications/{client_id}/delete", "GET, HEAD, POST")
                .route(read().to(remove::ask))
                .route(web::post().to(remove::delete)),
        );
}

/// The page of an application.
pub fn path(id: &str) -> String {
    format!("{HERE}/{}", encode(id))
}

/// The application of the address, when the person may see it.
async fn seen(console: &ConsoleSession) -> Result<(ClientId, ApplicationView), PageError> {
    let id = console.segment(2).and_then(|id| ClientId::parse(id).ok());
    let id = id.ok_or_else(|| console.missing())?;
    let found = view(console.ctx(), console.user(), &id).await;
    let view = found.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    Ok((id, view))
}

fn by(console: &ConsoleSession) -> By<'_> {
    By { user: console.user(), caller: &console.browser.caller }
}

fn kind_of(record: &ClientRecord) -> ClientKind {
    ClientKind::parse(&record.kind).unwrap_or(ClientKind::Web)
}

/// A refusal that is no matter of what was typed.
fn refuse(console: &ConsoleSession, failure: Failure<WriteRefusal>) -> PageError {
    let conflict =
        |text| PageError::new(console.request(), StatusCode::CONFLICT, "This is out of date", text);
    PageError::failure(console.request(), failure, |reason| match reason {
        WriteRefusal::Missing => console.missing(),
        WriteRefusal::HigherPrivileges => superior(console),
        WriteRefusal::NoSecret => conflict("The application keeps no secret any more."),
        WriteRefusal::Changed(_)
        | WriteRefusal::IdTaken
        | WriteRefusal::NameTaken(_)
        | WriteRefusal::Expired(_) => conflict(
            "Somebody changed the application meanwhile. Nothing was done: look at it again.",
        ),
    })
}

fn superior(console: &ConsoleSession) -> PageError {
    let text =
        "This application can act as people, and you do not hold that right. Nothing was done.";
    let heading = "This is not for you to change";
    PageError::new(console.request(), StatusCode::FORBIDDEN, heading, text)
}
