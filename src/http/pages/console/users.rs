//! `/console/users`: finding somebody.
use super::frame::{Frame, Section};
use super::kit::{Pager, Person};
use super::session::ConsoleSession;
use crate::domain::permission::USERS_READ;
use crate::http::pages::Page;
use crate::http::pages::error::PageError;
use crate::http::pages::headers::render;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/users.html")]
struct UsersPage {
    page: Page,
    console: Frame,
    found: Vec<Person>,
    pages: Pager,
}

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(USERS_READ)?;
    let (page, frame) = console.frame(Section::Users, "Users", &[]);
    let page = UsersPage { page, console: frame, found: Vec::new(), pages: Pager::default() };
    Ok(render(&page, StatusCode::OK))
}
