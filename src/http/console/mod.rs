//! The console: from a customer's name to being signed in as them, and what everybody did.
//!
//! A handler's first argument is a [`ConsoleSession`], or a [`FreshConsoleSession`] where a form gives power, and its
//! first line says which permission it needs.
//! Staff of an organization see what is of it; anything else is not there for them. Pages are made of the
//! components of `templates/console/kit.html`, with the values of [`kit`].
pub mod applications;
pub mod audit;
pub mod end_sessions;
pub mod filters;
pub mod frame;
pub mod impersonations;
pub mod keys;
pub mod kit;
pub mod organizations;
pub mod roles;
pub mod session;
pub mod sign_in_as;
pub mod step_up;
pub mod sure;
pub mod users;

use super::ui::headers::redirect;
pub use frame::{ConsoleFrame, ConsoleSection};
pub use session::ConsoleSession;
pub use step_up::FreshConsoleSession;

use super::ui::error::PageError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpResponse, Resource, web};

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/console", "GET, HEAD").route(super::ui::read().to(home)))
        .configure(end_sessions::routes)
        .configure(users::routes)
        .configure(sign_in_as::routes)
        .configure(impersonations::routes)
        .configure(organizations::routes)
        .configure(roles::routes)
        .configure(applications::routes)
        .configure(keys::routes)
        .configure(audit::routes);
}

/// As on all pages, and compressed: every token in a page is salted, so its size tells nothing.
pub fn resource(
    path: &str,
    allow: &'static str,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    super::ui::resource(path, allow)
        .wrap(from_fn(step_up::set_renewed_cookie))
        .wrap(Compress::default())
}

/// The first page that the person may see.
async fn home(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let first = frame::menu(console.user(), ConsoleSection::Users).into_iter().next();
    let first = first.ok_or_else(|| console.missing())?;
    Ok(redirect(console.request().method(), first.href))
}
