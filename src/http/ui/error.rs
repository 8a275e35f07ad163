//! Errors that a page ends in, as text for people. They never contain internal details.
use super::layout::Action;
use super::message::{Message, Surroundings, Tone};
use crate::flows::Accident;
use crate::flows::Failure;
use crate::http::caller;
use crate::http::error::{RETRY_AFTER, is_outage, log};
use crate::http::reason::with_reason;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError};

#[derive(Debug, Clone, thiserror::Error)]
#[error("{heading}")]
pub struct PageError {
    status: StatusCode,
    heading: &'static str,
    text: &'static str,
    retry_after: Option<&'static str>,
    /// A button that leads on: its label and a local path.
    onward: Option<(&'static str, &'static str)>,
    request_id: Option<Box<str>>,
    surroundings: Option<Surroundings>,
}

impl PageError {
    pub fn new(
        request: &HttpRequest,
        status: StatusCode,
        heading: &'static str,
        text: &'static str,
    ) -> Self {
        let request_id = caller(request).request_id.map(String::into_boxed_str);
        let surroundings = request.extensions().get::<Surroundings>().cloned();
        Self { status, heading, text, retry_after: None, onward: None, request_id, surroundings }
    }

    /// With a button that leads on: its label and a local path.
    #[must_use]
    pub fn leading_to(self, label: &'static str, path: &'static str) -> Self {
        Self { onward: Some((label, path)), ..self }
    }

    /// A form that is not one of ours: other fields, another encoding, too large.
    pub fn malformed(request: &HttpRequest, text: &'static str) -> Self {
        Self::new(request, StatusCode::BAD_REQUEST, "Something's wrong with this request", text)
    }

    /// A form that did not come from a page of ours in this browser, or came too late.
    pub fn forged(request: &HttpRequest) -> Self {
        let text = "Nothing was done. Go back, reload the page and try again.";
        Self::new(request, StatusCode::FORBIDDEN, "This form has expired", text)
    }

    pub fn busy(request: &HttpRequest) -> Self {
        let text = "Understudy cannot answer right now. Try again in a moment.";
        let error = Self::new(request, StatusCode::SERVICE_UNAVAILABLE, "One moment please", text);
        Self { retry_after: Some(RETRY_AFTER), ..error }
    }

    pub fn accident(request: &HttpRequest, cause: &Accident) -> Self {
        log(cause);
        if is_outage(cause) {
            return Self::busy(request);
        }
        let surroundings = request.extensions().get::<Surroundings>().cloned();
        Self { surroundings, ..Self::ours(caller(request).request_id) }
    }

    /// For a handler that panicked.
    pub fn panicked(request_id: String) -> Self {
        Self::ours(Some(request_id))
    }

    fn ours(request_id: Option<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            heading: "Something went wrong here",
            text: "This is our fault. If you contact support, mention the request number below.",
            retry_after: None,
            onward: None,
            request_id: request_id.map(String::into_boxed_str),
            surroundings: None,
        }
    }

    /// Converts the failure of a flow; `words` describes its refusals.
    pub fn failure<R>(
        request: &HttpRequest,
        failure: Failure<R>,
        words: impl FnOnce(R) -> Self,
    ) -> Self {
        match failure {
            Failure::Refused(reason) => words(reason),
            Failure::Accident(cause) => Self::accident(request, &cause),
            Failure::Busy => Self::busy(request),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let message = Message {
            tone: Tone::Error,
            heading: self.heading.to_owned(),
            text: self.text.to_owned(),
            request_id: self.request_id.as_deref().map(str::to_owned),
            actions: self
                .onward
                .map(|(label, path)| Action::new(label, path))
                .into_iter()
                .collect(),
        };
        let mut answer = match &self.surroundings {
            Some(Surroundings(draw)) => draw(message, self.status),
            None => message.render(super::layout::bare(self.heading), self.status),
        };
        if let Some(seconds) = self.retry_after {
            let seconds = header::HeaderValue::from_static(seconds);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        with_reason(answer, self.text)
    }
}
