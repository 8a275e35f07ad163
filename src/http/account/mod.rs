//! The account pages: what people see and change about themselves, and who acted as them.
//!
//! A handler's first argument is an [`AccountOwner`]. Acting as somebody shows and changes nothing of their
//! account here.
pub mod access;
pub mod owner;
pub mod password;
pub mod profile;
pub mod sessions;

use super::console::kit::Tab;
use super::console::session::may_enter;
use super::ui::error::PageError;
use super::ui::frame::frame;
use super::ui::headers::render;
use super::ui::layout::Page;
use super::{
    pages::sign_out,
    ui::{read, resource},
};
use crate::flows::login::account::overview;
use access::AccountAccess;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
pub use owner::AccountOwner;

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/account", "GET, HEAD").route(read().to(get)))
        .service(
            resource("/account/profile", "GET, HEAD, POST")
                .route(read().to(profile::get))
                .route(web::post().to(profile::post)),
        )
        .service(
            resource("/account/password", "GET, HEAD, POST")
                .route(read().to(password::get))
                .route(web::post().to(password::post)),
        )
        .service(resource("/account/sessions", "GET, HEAD").route(read().to(sessions::get)))
        .service(resource("/account/sessions/end", "POST").route(web::post().to(sessions::end_one)))
        .service(
            resource("/account/sessions/end-others", "POST")
                .route(web::post().to(sessions::end_others)),
        )
        .service(resource("/account/access", "GET, HEAD").route(read().to(access::get)))
        .service(resource("/account/access/end", "POST").route(web::post().to(access::end)));
}

/// The pages, in the order of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccountSection {
    Overview,
    Profile,
    Password,
    Sessions,
    Access,
}

fn tabs(here: AccountSection) -> Vec<Tab> {
    [
        (AccountSection::Overview, "Overview", "/account"),
        (AccountSection::Profile, "Profile", "/account/profile"),
        (AccountSection::Password, "Password", "/account/password"),
        (AccountSection::Sessions, "Sessions", "/account/sessions"),
        (AccountSection::Access, "Access", "/account/access"),
    ]
    .into_iter()
    .map(|(page, label, href)| Tab { label, href: href.to_owned(), current: page == here })
    .collect()
}

#[derive(Template)]
#[template(path = "account/overview.html")]
struct OverviewPage {
    page: Page,
    tabs: Vec<Tab>,
    name: String,
    /// May be empty.
    email: String,
    sessions: usize,
    running: Vec<AccountAccess>,
    recent: Vec<AccountAccess>,
    more: bool,
    /// There is something for them in the console.
    console: bool,
    csrf: String,
}

async fn get(owner: AccountOwner) -> Result<HttpResponse, PageError> {
    let seen = overview(owner.ctx(), owner.session()).await;
    let seen = seen.map_err(|cause| owner.accident(&cause))?;
    let (running, recent) =
        access::worded(&owner, &seen.accesses).into_iter().partition(|a| a.running);
    let page = OverviewPage {
        page: frame(&owner.browser, "Your account"),
        tabs: tabs(AccountSection::Overview),
        name: owner.session().user.display_name().to_owned(),
        email: owner.session().user.profile.email.clone().unwrap_or_default(),
        sessions: seen.sessions,
        running,
        recent,
        more: seen.accesses.next.is_some(),
        console: may_enter(&owner.session().user),
        csrf: sign_out::token(&owner.browser),
    };
    Ok(render(&page, StatusCode::OK))
}
