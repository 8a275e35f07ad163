//! The pages for people: signing in and out, the account, confirming and stopping an impersonation.
//!
//! No handler trusts a cookie by itself: [`crate::http::ui::browser::BrowserSession`] is what its cookies prove. Every
//! form is a [`crate::http::ui::forms::Posted`] with a token bound to its session; every page leaves through
//! [`headers`](crate::http::ui::headers). Templates only escape and repeat; what they say is made beside their handlers.
pub mod answer;
pub mod bar;
pub mod confirm;
pub mod consent;
pub mod farewell;
pub mod go;
pub mod home;
pub mod impersonation;
pub mod reset_password;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;
pub mod step_up;
pub mod stop;

use super::error::ApiError;
use super::extract::Anyone;
use super::ui::{in_kind, read, resource};
pub use crate::http::ui::browser::BrowserSession;
pub use crate::http::ui::frame::frame;
pub use crate::http::ui::headers::{render, render_leading_to};
pub use crate::http::ui::layout::Page;
pub use answer::{answer, form_post};

use actix_web::{HttpRequest, HttpResponse, web};

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/", "GET, HEAD").route(read().to(home::home)))
        .service(
            resource("/login", "GET, HEAD, POST")
                .route(read().to(sign_in::get))
                .route(web::post().to(sign_in::post)),
        )
        .service(
            resource("/setup", "GET, HEAD, POST")
                .route(read().to(set_up::get))
                .route(web::post().to(set_up::post)),
        )
        .service(
            resource("/reset-password", "GET, HEAD, POST")
                .route(read().to(reset_password::get))
                .route(web::post().to(reset_password::post)),
        )
        .service(
            resource("/logout", "GET, HEAD, POST")
                .route(read().to(sign_out::get))
                .route(web::post().to(sign_out::post)),
        )
        .service(
            resource("/consent", "GET, HEAD, POST")
                .route(read().to(consent::get))
                .route(web::post().to(consent::post)),
        )
        .service(
            resource("/go", "GET, HEAD, POST")
                .route(read().to(go::get))
                .route(web::post().to(go::post)),
        )
        .service(
            resource("/me/impersonation", "GET, HEAD, DELETE")
                .route(read().to(impersonation::get))
                .route(web::delete().to(impersonation::delete)),
        )
        .service(
            crate::http::console::resource("/impersonation/bar.js", "GET, HEAD")
                .route(read().to(bar::get)),
        )
        .service(resource("/impersonation/stop", "POST").route(web::post().to(stop::post)))
        .service(resource("/impersonation/stopped", "GET, HEAD").route(read().to(stop::stopped)))
        .service(
            crate::http::console::resource("/static/{file}", "GET, HEAD")
                .route(read().to(crate::http::ui::assets::get)),
        );
}

/// Whatever no route is for.
pub async fn not_found(_: Anyone, request: HttpRequest) -> HttpResponse {
    in_kind(&request, &ApiError::not_found("there is no such page"))
}
