//! `/console/impersonations`: who acts as whom now, who did, and an end to it.
mod detail;
mod end;
mod history;
mod running;
pub mod shown;

use super::kit::Tab;
use super::resource;
use crate::http::ui::read;
use actix_web::web;

const HERE: &str = "/console/impersonations";
const HISTORY: &str = "/console/impersonations/history";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/console/impersonations", "GET, HEAD").route(read().to(running::list)))
        .service(
            resource("/console/impersonations/history", "GET, HEAD")
                .route(read().to(history::list)),
        )
        .service(
            resource("/console/impersonations/end-all", "POST").route(web::post().to(end::all)),
        )
        .service(
            resource("/console/impersonations/{id}", "GET, HEAD").route(read().to(detail::show)),
        )
        .service(
            resource("/console/impersonations/{id}/end", "POST").route(web::post().to(end::one)),
        );
}

fn tabs(here: &str) -> Vec<Tab> {
    [("Running", HERE), ("History", HISTORY)]
        .into_iter()
        .map(|(label, href)| Tab { label, href: href.to_owned(), current: href == here })
        .collect()
}
