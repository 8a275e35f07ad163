//! `/console/audit`: the audit trail, as a list that can be filtered and followed, and as an export.
mod export;
mod list;
pub mod shown;

use super::resource;
use crate::domain::permission::{AUDIT_READ, AUDIT_READ_OWN};
use crate::flows::operations::list_audit_events::{EventSearch, visible_to};
use crate::http::console::ConsoleSession;
use crate::http::console::filters::{Filters, Parties};
use crate::http::ui::error::PageError;
use crate::http::ui::{labels, read};
use actix_web::web;

const HERE: &str = "/console/audit";
const NAMES: &[&str] =
    &["type", "actor", "subject", "application", "impersonation", "ticket", "from", "to"];

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/console/audit", "GET, HEAD").route(read().to(list::list)))
        .service(resource("/console/audit/export", "POST").route(web::post().to(export::export)));
}

fn require(console: &ConsoleSession) -> Result<(), PageError> {
    if console.may(AUDIT_READ) { Ok(()) } else { console.require(AUDIT_READ_OWN) }
}

/// The search that the filters describe, within what this person may see; and the filter that was not recognized.
async fn wanted(
    console: &ConsoleSession,
    filters: &Filters,
) -> Result<(EventSearch, Option<String>), PageError> {
    let Parties { actor, subject, client, unrecognized } = filters.parties(console).await?;
    let search = EventSearch {
        kinds: filters.given("type").map(|kind| labels::kinds(&kind)).unwrap_or_default(),
        actor,
        subject,
        client,
        impersonation: filters.given("impersonation"),
        ticket: filters.given("ticket"),
        since: filters.moment(console, "from")?,
        until: filters.moment(console, "to")?,
        ..EventSearch::default()
    };
    Ok((visible_to(console.user(), search), unrecognized))
}
