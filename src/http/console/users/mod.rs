//! `/console/users`: finding somebody, everything about them, what may be changed, and what
//! applications would be told of them.
pub mod detail;
pub mod list;
pub mod member;
pub mod member_change;
pub mod preview;
pub mod status;

use super::ConsoleSession;
use crate::domain::UserId;
use crate::domain::user::{User, UserKind};
use crate::flows::directory::view_user::find_user;
use crate::flows::impersonation::start_impersonation::encode;
use crate::http::ui::error::PageError;
use crate::http::ui::read;
use actix_web::web;

const HERE: &str = "/console/users";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(super::resource("/console/users", "GET, HEAD").route(read().to(list::list)))
        .service(
            super::resource("/console/users/{user_id}", "GET, HEAD").route(read().to(detail::show)),
        )
        .service(
            super::resource("/console/users/{user_id}/preview", "GET, HEAD")
                .route(read().to(preview::show)),
        )
        .service(
            super::resource("/console/users/{user_id}/sessions/{id}/end", "POST")
                .route(web::post().to(detail::end_session)),
        )
        .service(
            super::resource("/console/users/{user_id}/roles/give", "POST")
                .route(web::post().to(member_change::give)),
        )
        .service(
            super::resource("/console/users/{user_id}/roles/take", "POST")
                .route(web::post().to(member_change::take)),
        )
        .service(
            super::resource("/console/users/{user_id}/status", "GET, HEAD, POST")
                .route(read().to(status::ask))
                .route(web::post().to(status::set)),
        );
}

/// The page of a user.
pub fn path(id: &UserId) -> String {
    format!("{HERE}/{}", encode(id.as_str()))
}

/// Whom the address of a page below `/console/users/{id}` names.
pub fn named(console: &ConsoleSession) -> Result<UserId, PageError> {
    let id = console.segment(2).and_then(|id| UserId::parse(id).ok());
    id.ok_or_else(|| console.missing())
}

/// The same, when the person may see them.
pub async fn seen(console: &ConsoleSession) -> Result<User, PageError> {
    let id = named(console)?;
    let found = find_user(console.ctx(), console.user(), &id).await;
    found.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())
}

/// A word about what kind of user somebody is, where it is not an ordinary one.
pub fn kind(kind: UserKind) -> Option<&'static str> {
    match kind {
        UserKind::Person => None,
        UserKind::AppUser => Some("App user"),
        UserKind::ServiceAccount => Some("Service account"),
    }
}
