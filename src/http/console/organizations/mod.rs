//! `/console/organizations`: found, made, changed, switched off, removed.
mod detail;
mod list;
mod new;
mod status;

use super::ConsoleSession;
use crate::domain::OrganizationId;
use crate::flows::Failure;
use crate::flows::directory::manage_organizations::OrganizationRefusal;
use crate::flows::impersonation::start_impersonation::encode;
use crate::http::ui::error::PageError;
use crate::http::ui::read;
use actix_web::http::StatusCode;
use actix_web::web;

const HERE: &str = "/console/organizations";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        super::resource("/console/organizations", "GET, HEAD").route(read().to(list::list)),
    )
    // Not below the list: any text is an id.
    .service(
        super::resource("/console/new-organization", "GET, HEAD, POST")
            .route(read().to(new::form))
            .route(web::post().to(new::create)),
    )
    .service(
        super::resource("/console/organizations/{id}", "GET, HEAD, POST")
            .route(read().to(detail::show))
            .route(web::post().to(detail::change)),
    )
    .service(
        super::resource("/console/organizations/{id}/status", "GET, HEAD, POST")
            .route(read().to(status::ask))
            .route(web::post().to(status::set)),
    )
    .service(
        super::resource("/console/organizations/{id}/delete", "POST")
            .route(web::post().to(detail::delete)),
    );
}

/// The page of one.
pub fn path(id: &str) -> String {
    format!("{HERE}/{}", encode(id))
}

pub fn named(console: &ConsoleSession) -> Result<OrganizationId, PageError> {
    let id = console.segment(2).and_then(|id| OrganizationId::parse(id).ok());
    id.ok_or_else(|| console.missing())
}

/// Words for a no that no form can mend.
fn refused(console: &ConsoleSession, failure: Failure<OrganizationRefusal>) -> PageError {
    let request = console.request();
    PageError::failure(request, failure, |refusal| match refusal {
        OrganizationRefusal::NoSuchOrganization => console.missing(),
        OrganizationRefusal::NotPermitted => {
            let text = "Only the operator's staff with the right to change organizations do this.";
            PageError::new(request, StatusCode::FORBIDDEN, "You can't do this", text)
        }
        OrganizationRefusal::BadName => {
            console.malformed("A name is a line of 1 to 255 characters.")
        }
        OrganizationRefusal::BadId => {
            console.malformed("An id has 1 to 255 characters, and no line break.")
        }
        OrganizationRefusal::IdTaken => {
            let text = "There is an organization of this id already. Nothing was done.";
            PageError::new(request, StatusCode::CONFLICT, "This id is taken", text)
        }
        OrganizationRefusal::NotEmpty(_) => {
            let text = "There are people or applications in it. Move or remove them first, or \
                        switch the organization off.";
            PageError::new(request, StatusCode::CONFLICT, "It is not empty", text)
        }
        OrganizationRefusal::LastAdministrator => {
            let text = "The last administrator is in it. Nothing was done.";
            PageError::new(request, StatusCode::CONFLICT, "An administrator is needed", text)
        }
    })
}
