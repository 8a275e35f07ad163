//! What all pages share: layout, forms and their tokens, headers, assets, times, labels.
pub mod assets;
pub mod browser;
pub mod error;
pub mod forms;
pub mod frame;
pub mod headers;
pub mod labels;
pub mod layout;
pub mod message;
pub mod return_to;
pub mod throttled;
pub mod times;

use crate::http::error::ApiError;
use crate::http::extract::Anyone;
use crate::http::form::pairs;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError as _, Route, guard, web};
use std::future::ready;

pub fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path where every other method is 405 with `Allow`.
pub fn resource(path: &str, allow: &'static str) -> Resource {
    let other = move |_: Anyone, request: HttpRequest| {
        let text = "this method is not allowed here";
        let refusal = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", text);
        let mut answer = in_kind(&request, &refusal);
        answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
        ready(answer)
    };
    web::resource(path).default_service(web::to(other))
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
pub fn done_in(request: &HttpRequest, sentences: &[(&str, &'static str)]) -> Option<&'static str> {
    let done = parameter(request, "done");
    sentences.iter().find(|(word, _)| *word == done).map(|(_, text)| *text)
}

/// One value of the query; empty when it is not given, given twice or broken.
pub fn parameter(request: &HttpRequest, name: &str) -> String {
    let Ok(pairs) = pairs(request.query_string().as_bytes()) else { return String::new() };
    let mut values = pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None | Some(_), _) => String::new(),
    }
}
