//! `/console/users/{id}/sign-in-as`: from a user to seeing what they see.
//!
//! `GET` shows the form, filled in from the query, so that a help desk can link to it; and what the heart
//! says about it, before anything is pressed. Three `POST`s go on: [`ways`]; for whoever signed in long ago
//! through the page of [`super::step_up`].
pub mod check;
pub mod page;
pub mod wanted;
pub mod ways;

use crate::http::ui::read;
use actix_web::web;

/// What the forms of the page are for.
const PURPOSE: &str = "sign-in-as";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        super::resource("/console/users/{user_id}/sign-in-as", "GET, HEAD, POST")
            .route(read().to(page::show))
            .route(web::post().to(ways::open)),
    )
    .service(
        super::resource("/console/users/{user_id}/sign-in-as/link", "POST")
            .route(web::post().to(ways::link)),
    )
    .service(
        super::resource("/console/users/{user_id}/sign-in-as/code", "POST")
            .route(web::post().to(ways::code)),
    );
}
