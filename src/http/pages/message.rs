//! A page that only says something: refusals, errors, partings.
use super::frame::{Action, Page, bare};
use super::headers::render;
use crate::http::caller;
use crate::http::error::ApiError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Info,
    Success,
    Error,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    page: Page,
    tone: Tone,
    heading: String,
    text: String,
    /// Only about the browser's own session; never whom a link belongs to.
    signed_in_as: Option<String>,
    detail: Option<String>,
    actions: Vec<Action>,
}

/// What a message says.
pub struct Message {
    pub tone: Tone,
    pub heading: String,
    pub text: String,
    pub request_id: Option<String>,
    pub actions: Vec<Action>,
}

impl Message {
    pub fn render(self, page: Page, status: StatusCode) -> HttpResponse {
        let Self { tone, heading, text, request_id: detail, actions } = self;
        let page = MessagePage { page, tone, heading, text, signed_in_as: None, detail, actions };
        render(&page, status)
    }
}

/// A refusal, with the request's id to ask for help with.
pub fn error(request: &HttpRequest, status: StatusCode, heading: &str, text: &str) -> HttpResponse {
    Message {
        tone: Tone::Error,
        heading: heading.to_owned(),
        text: text.to_owned(),
        request_id: caller(request).request_id,
        actions: vec![Action::new("Your account", "/account")],
    }
    .render(bare(heading), status)
}

/// The page that says to a person what an [`ApiError`] says to a program, with the same status.
pub fn of(request: &HttpRequest, refusal: &ApiError) -> HttpResponse {
    let status = refusal.status_code();
    let description = refusal.description();
    let (heading, text) = match (description.strip_prefix("Impersonation - "), status) {
        (Some("Not for this user"), _) => (
            "This link is for somebody else",
            format!("{description}. Only the person it was made for can open it, signed in here."),
        ),
        (Some("Not permitted"), _) => (
            "This impersonation is not permitted",
            format!("{description}. What allowed it has changed since the link was made."),
        ),
        (Some(_), _) => ("This link does not work", format!("{description}. Ask for a new one.")),
        (None, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
            ("One moment please", "Understudy cannot answer right now. Try again.".to_owned())
        }
        (None, StatusCode::NOT_FOUND) => ("There is nothing here", sentence(description)),
        (None, status) if status.is_server_error() => {
            ("Something went wrong here", sentence(description))
        }
        (None, _) => ("This request cannot be served", sentence(description)),
    };
    let mut answer = error(request, status, heading, &text);
    if let Some(wait) = refusal.error_response().headers().get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    answer
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        let dot = if text.ends_with('.') { "" } else { "." };
        format!("{}{}{dot}", first.to_uppercase(), letters.as_str())
    })
}
