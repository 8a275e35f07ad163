//! The rooms: one folder for each protocol, all of one shape. They never import each other.
//!
//! A room reads what an application asks and words what it is told; who is signed in it learns from a
//! flow. Start at [`PROTOCOLS`]; adding a protocol is a folder and a line there and in [`routes`].
pub mod common;
pub mod continued;
pub mod oauth2;
pub mod samlp;
#[cfg(test)]
mod tests;
pub mod wsfed;

use crate::http::api::{head_of_what_changes, method_not_allowed_get};
use crate::login::Protocol;
use actix_web::web::{ServiceConfig, get, head, resource, to};

/// Every room of this server.
pub static PROTOCOLS: &[&dyn Protocol] =
    &[&oauth2::Oauth2, &samlp::Samlp, &wsfed::Wsfed, &wsfed::rms::WsfedRms];

pub fn routes(cfg: &mut ServiceConfig) {
    oauth2::routes::routes(cfg);
    samlp::routes::routes(cfg);
    wsfed::routes::routes(cfg);
    wsfed::rms::routes(cfg);
    cfg.service(
        resource(common::sign_on::PATH)
            .route(get().to(continued::get))
            .route(head().to(head_of_what_changes))
            .default_service(to(method_not_allowed_get)),
    );
}
