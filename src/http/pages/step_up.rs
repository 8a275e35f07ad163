//! "Confirm your password": what every page that asks for it has in common.
use crate::authentication::throttle::RetryAfter;
use crate::flows::login::step_up::Refusal;
use crate::http::ui::throttled;
use actix_web::http::StatusCode;

/// The fields of `templates/password_field.html`; no other form has fields of these names.
pub const USERNAME: &str = "step_up_username";
pub const PASSWORD: &str = "step_up_password";

/// How long to wait, where [`words_of`] says to wait.
pub fn wait_of(refusal: Refusal) -> Option<RetryAfter> {
    match refusal {
        Refusal::Throttled(wait) => Some(wait),
        Refusal::WrongPassword | Refusal::TooLong => None,
    }
}

/// Why the password was not taken, for people.
pub fn words_of(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::WrongPassword => (StatusCode::FORBIDDEN, "The password is wrong."),
        Refusal::TooLong => (StatusCode::BAD_REQUEST, "A password has at most 4096 bytes."),
        Refusal::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, throttled::words(wait)),
    }
}
