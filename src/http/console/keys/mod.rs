//! `/console/keys`: what this server signs with, the change from one key to the next, and the emergency. For staff of the
//! operator: the keys are those of all organizations.
pub mod list;
pub mod replace;
pub mod rotate;

use super::ConsoleSession;
use crate::domain::permission::KEYS_WRITE;
use crate::http::ui::error::PageError;
use crate::http::ui::read;
use actix_web::web;

const HERE: &str = "/console/keys";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(super::resource("/console/keys", "GET, HEAD").route(read().to(list::list)))
        .service(
            super::resource("/console/keys/rotate", "GET, HEAD, POST")
                .route(read().to(rotate::ask))
                .route(web::post().to(rotate::rotate)),
        )
        .service(
            super::resource("/console/keys/replace", "GET, HEAD, POST")
                .route(read().to(replace::ask))
                .route(web::post().to(replace::replace)),
        )
        .service(
            super::resource("/console/keys/{id}/public", "GET, HEAD")
                .route(read().to(list::public)),
        );
}

fn require(console: &ConsoleSession) -> Result<(), PageError> {
    console.require(KEYS_WRITE)?;
    match console.organization() {
        None => Ok(()),
        Some(_) => Err(console.missing()),
    }
}
