//! The pages for people: signing in and out, the account, confirming and stopping an impersonation.
//!
//! No handler trusts a cookie by itself: [`browser::BrowserSession`] is what its cookies prove. Every
//! form is a [`forms::Posted`] with a token bound to its session; every page leaves through
//! [`headers`]. Templates only escape and repeat; what they say is made beside their handlers.
pub mod account;
pub mod answer;
pub mod assets;
pub mod bar;
pub mod browser;
pub mod confirm;
pub mod consent;
pub mod console;
pub mod error;
pub mod farewell;
pub mod forms;
pub mod frame;
pub mod go;
pub mod headers;
pub mod impersonation;
pub mod message;
pub mod reset_password;
pub mod return_to;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;
pub mod step_up;
pub mod stop;
pub mod throttled;
pub mod times;
pub mod words;

use super::error::ApiError;
use super::extract::Anyone;
use super::form::pairs;
pub use answer::{answer, form_post};
pub use browser::BrowserSession;
pub use frame::{Page, frame};
pub use headers::{render, render_leading_to};

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError as _, Route, guard, web};
use std::future::ready;

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.configure(console::routes)
        .configure(account::routes)
        .service(resource("/", "GET, HEAD").route(read().to(account::home)))
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
        .service(console::resource("/impersonation/bar.js", "GET, HEAD").route(read().to(bar::get)))
        .service(resource("/impersonation/stop", "POST").route(web::post().to(stop::post)))
        .service(resource("/impersonation/stopped", "GET, HEAD").route(read().to(stop::stopped)))
        .service(console::resource("/static/{file}", "GET, HEAD").route(read().to(assets::get)));
}

fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path where every other method is 405 with `Allow`.
fn resource(path: &str, allow: &'static str) -> Resource {
    let other = move |_: Anyone, request: HttpRequest| {
        let text = "this method is not allowed here";
        let refusal = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", text);
        let mut answer = in_kind(&request, &refusal);
        answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
        ready(answer)
    };
    web::resource(path).default_service(web::to(other))
}

/// Whatever no route is for.
pub async fn not_found(_: Anyone, request: HttpRequest) -> HttpResponse {
    in_kind(&request, &ApiError::not_found("there is no such page"))
}

/// A browser gets a page, a program gets JSON, with the same status.
pub fn in_kind(request: &HttpRequest, refusal: &ApiError) -> HttpResponse {
    if wants_html(request) { message::of(request, refusal) } else { refusal.error_response() }
}

/// Whether a person is looking: browsers say so, programs do not.
pub fn wants_html(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT);
    accepted.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
}

/// The sentence for what was just done, which the query has a word for.
fn done_in(request: &HttpRequest, sentences: &[(&str, &'static str)]) -> Option<&'static str> {
    let done = parameter(request, "done");
    sentences.iter().find(|(word, _)| *word == done).map(|(_, text)| *text)
}

/// One value of the query; empty when it is not given, given twice or broken.
fn parameter(request: &HttpRequest, name: &str) -> String {
    let Ok(pairs) = pairs(request.query_string().as_bytes()) else { return String::new() };
    let mut values = pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None | Some(_), _) => String::new(),
    }
}
