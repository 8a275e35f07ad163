//! A page with a message and no form: refusals, errors, the end of a session.
use super::headers::render;
use super::layout::{Action, Page, bare};
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::reason::with_reason;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;
use std::fmt;
use std::rc::Rc;

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

/// How a part of the site shows a message inside what its pages have around them.
///
/// The proof of a caller leaves it in the extensions of the request, so that a refusal keeps the menu that the page
/// had.
#[derive(Clone)]
pub struct Surroundings(pub Rc<dyn Fn(Message, StatusCode) -> HttpResponse>);

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

/// Content of a message page.
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
    let page = Message {
        tone: Tone::Error,
        heading: heading.to_owned(),
        text: text.to_owned(),
        request_id: caller(request).request_id,
        actions: vec![Action::new("Your account", "/account")],
    };
    with_reason(page.render(bare(heading), status), text.to_owned())
}

/// The page that says to a person what an [`ApiError`] says to a program, with the same status.
pub fn of(request: &HttpRequest, refusal: &ApiError) -> HttpResponse {
    let status = refusal.status_code();
    let description = refusal.description();
    let (heading, text) = match (link_refused(description), status) {
        (Some((heading, text)), _) => (heading, text.to_owned()),
        (None, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
            ("One moment please", "Understudy cannot answer right now. Try again.".to_owned())
        }
        (None, StatusCode::NOT_FOUND) => ("Page not found", sentence(description)),
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

/// Heading and text for a refused link. Programs get the error texts of Auth0 instead.
fn link_refused(description: &str) -> Option<(&'static str, &'static str)> {
    Some(match description.strip_prefix("Impersonation - ")? {
        "Not for this user" => (
            "This link is for somebody else",
            "Only the person it was made for can open it. Sign in as that person, or ask for a link of your own.",
        ),
        "Not permitted" => (
            "This impersonation is not permitted",
            "What allowed it has changed since the link was made. Nobody was signed in.",
        ),
        "Access expired" => ("This link has expired", "Ask for a new one."),
        "Link already used" => {
            ("This link was used already", "A link can be opened once. Ask for a new one.")
        }
        "Link revoked" => {
            ("This link was revoked", "It cannot be opened any more. Ask for a new one.")
        }
        "Not confirmed" => (
            "This form has expired",
            "Nothing was done. Open the link again and confirm on the page that it shows.",
        ),
        _ => (
            "This link does not work",
            "It is incomplete, was changed on its way, or was not made here. Copy the whole link, or ask for a new one.",
        ),
    })
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        let dot = if text.ends_with('.') { "" } else { "." };
        format!("{}{}{dot}", first.to_uppercase(), letters.as_str())
    })
}
