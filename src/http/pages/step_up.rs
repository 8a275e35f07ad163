//! "Confirm your password": what every page that asks for it has in common.
use crate::authentication::throttle::RetryAfter;
use crate::flows::login::step_up::StepUpRefusal;
use crate::http::ui::throttled;
use actix_web::http::StatusCode;

/// The fields of `templates/password_field.html`; no other form has fields of these names.
pub const USERNAME: &str = "step_up_username";
pub const PASSWORD: &str = "step_up_password";

/// How long to wait, where [`words_of`] says to wait.
pub fn wait_of(refusal: StepUpRefusal) -> Option<RetryAfter> {
    match refusal {
        StepUpRefusal::Throttled(wait) => Some(wait),
        StepUpRefusal::WrongPassword | StepUpRefusal::TooLong => None,
    }
}

/// Why the password was not taken, for people.
pub fn words_of(refusal: StepUpRefusal) -> (StatusCode, &'static str) {
    match refusal {
        StepUpRefusal::WrongPassword => (StatusCode::FORBIDDEN, "The password is wrong."),
        StepUpRefusal::TooLong => (StatusCode::BAD_REQUEST, "A password has at most 4096 bytes."),
        StepUpRefusal::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, throttled::words(wait)),
    }
}
