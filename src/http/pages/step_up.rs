//! "Confirm your password": what every page that asks for it has in common.
use crate::authentication::throttle;
use crate::flows::step_up::Refusal;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};

/// The fields of `templates/password_field.html`; no other form has fields of these names.
pub const USERNAME: &str = "step_up_username";
pub const PASSWORD: &str = "step_up_password";

/// Says how long to wait, where the password was not looked at because of too many attempts.
pub fn saying_how_long(mut answer: HttpResponse, refused: Option<Refusal>) -> HttpResponse {
    if refused == Some(Refusal::Throttled) {
        let seconds = header::HeaderValue::from(throttle::WINDOW.num_seconds());
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    answer
}

/// Why the password was not taken, for people.
pub fn words_of(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::WrongPassword => (StatusCode::FORBIDDEN, "The password is wrong."),
        Refusal::TooLong => (StatusCode::BAD_REQUEST, "A password has at most 4096 bytes."),
        Refusal::Throttled => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts. Wait a quarter of an hour and try again.",
        ),
    }
}
