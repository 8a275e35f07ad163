//! `/console/roles`: what each role may do, who holds it; made, changed and removed by whoever reaches it.
mod detail;
mod form;
mod list;
mod new;
pub mod words;

use super::ConsoleSession;
use crate::flows::Failure;
use crate::flows::directory::manage_roles::RoleRefusal;
use crate::flows::impersonation::start_impersonation::encode;
use crate::http::ui::error::PageError;
use crate::http::ui::read;
use actix_web::http::StatusCode;
use actix_web::web;

const HERE: &str = "/console/roles";

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(super::resource("/console/roles", "GET, HEAD").route(read().to(list::list)))
        // Not below the list: any text is a name.
        .service(
            super::resource("/console/new-role", "GET, HEAD, POST")
                .route(read().to(new::show))
                .route(web::post().to(new::create)),
        )
        .service(
            super::resource("/console/roles/{name}", "GET, HEAD, POST")
                .route(read().to(detail::show))
                .route(web::post().to(detail::change)),
        )
        .service(
            super::resource("/console/roles/{name}/delete", "POST")
                .route(web::post().to(detail::delete)),
        );
}

/// The page of one.
pub fn path(name: &str) -> String {
    format!("{HERE}/{}", encode(name))
}

/// Which field of a form is wrong, and how; `None` for what no form can mend.
fn mend(refusal: &RoleRefusal) -> Option<(StatusCode, &'static str, String)> {
    let bad = |field, text: &str| Some((StatusCode::BAD_REQUEST, field, text.to_owned()));
    match refusal {
        RoleRefusal::BadName => bad("name", "A name is a line of 1 to 100 characters."),
        RoleRefusal::BadRank => bad("rank", "A whole number from 0 to 1000."),
        RoleRefusal::BadPermission(name) => bad(
            "others",
            &format!("“{name}” is no permission: lower-case words joined by : - _ or ."),
        ),
        RoleRefusal::NameTaken => {
            Some((StatusCode::CONFLICT, "name", "There is a role of this name.".to_owned()))
        }
        RoleRefusal::NoSuchRole
        | RoleRefusal::NotPermitted
        | RoleRefusal::BuiltIn
        | RoleRefusal::TooHigh
        | RoleRefusal::Held(_) => None,
    }
}

fn refused(console: &ConsoleSession, failure: Failure<RoleRefusal>) -> PageError {
    let request = console.request();
    let forbidden = |heading, text| PageError::new(request, StatusCode::FORBIDDEN, heading, text);
    PageError::failure(request, failure, |refusal| match refusal {
        RoleRefusal::NoSuchRole => console.missing(),
        RoleRefusal::NotPermitted => forbidden(
            "You can't do this",
            "Only the operator's staff with the right to change roles do this.",
        ),
        RoleRefusal::BuiltIn => forbidden(
            "This role is built in",
            "Built-in roles stay as they are. Make one of your own.",
        ),
        RoleRefusal::TooHigh => forbidden(
            "This is above you",
            "Nobody hands out permissions or a rank that they do not have. Nothing was done.",
        ),
        RoleRefusal::Held(_) => {
            let text = "There are people who hold it. Take it from them first.";
            PageError::new(request, StatusCode::CONFLICT, "This role is held", text)
        }
        RoleRefusal::NameTaken
        | RoleRefusal::BadName
        | RoleRefusal::BadPermission(_)
        | RoleRefusal::BadRank => console.malformed("The form is not filled in as it should be."),
    })
}
