//! Answers to too many attempts.
use crate::authentication::throttle::RetryAfter;
use actix_web::HttpResponse;
use actix_web::http::header;

/// How long to wait, in words.
pub fn words(wait: RetryAfter) -> &'static str {
    match wait.seconds() {
        ..=60 => "Too many attempts. Try again in a minute.",
        61..=900 => "Too many attempts. Try again in 15 minutes.",
        _ => "Too many attempts. Try again in an hour.",
    }
}

/// The answer with the seconds to wait, if there are any.
pub fn told(mut answer: HttpResponse, wait: Option<RetryAfter>) -> HttpResponse {
    if let Some(wait) = wait {
        let seconds = header::HeaderValue::from(wait.seconds());
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    answer
}
