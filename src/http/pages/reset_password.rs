//! `/reset-password`: a user chooses a new password by the one-time link of an operator. Opening it uses nothing up.
use crate::crypto::random;
use crate::flows::Failure;
use crate::flows::login::change_password::{self, SHORTEST};
use crate::flows::login::reset_password::{ResetRefusal, reset_password};
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render};
use crate::http::ui::layout::Page;
use crate::http::ui::parameter;
use crate::http::ui::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPage {
    page: Page,
    csrf: String,
    code: String,
    shortest: usize,
    error: Option<&'static str>,
    /// The field that is wrong.
    wrong: &'static str,
}

const PURPOSE: &str = "reset-password";

pub async fn get(browser: BrowserSession) -> HttpResponse {
    let code = parameter(&browser.request, "code");
    page(&browser, StatusCode::OK, &code, None)
}

fn page(
    browser: &BrowserSession,
    status: StatusCode,
    code: &str,
    error: Option<(&'static str, &'static str)>,
) -> HttpResponse {
    let secure = cookies::is_secure(&browser.request);
    let known = cookies::sign_in(&browser.request, secure);
    let secret = known.clone().unwrap_or_else(random::secret);
    let page = ResetPage {
        page: frame(browser, "Choose a new password"),
        csrf: forms::token(&browser.ctx, PURPOSE, &[&secret]),
        code: code.to_owned(),
        shortest: SHORTEST,
        error: error.map(|(_, text)| text),
        wrong: error.map_or("", |(field, _)| field),
    };
    let answer = render(&page, status);
    let cookie = cookies::made(cookies::sign_in_name(secure), secret, secure, None);
    with_cookies(answer, known.is_none().then_some(cookie))
}

pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let names = ["csrf", "code", "password", "repeated"];
    let mut form = posted.only(&browser.request, &names)?;
    let secret = cookies::sign_in(&browser.request, cookies::is_secure(&browser.request));
    let genuine = secret
        .is_some_and(|secret| forms::verify(&browser.ctx, PURPOSE, &[&secret], form.get("csrf")));
    if !genuine {
        return Err(PageError::forged(&browser.request));
    }
    let (code, password) = (form.take("code"), form.take("password"));
    if password != form.get("repeated") {
        let error = ("repeated", "The password is not the same both times.");
        return Ok(page(&browser, StatusCode::BAD_REQUEST, &code, Some(error)));
    }
    match reset_password(&browser.ctx, (&code, password), &browser.caller).await {
        Ok(()) => Ok(redirect(browser.request.method(), "/login")),
        Err(Failure::Refused(refusal)) => {
            let wait = if let ResetRefusal::Throttled(wait) = refusal { Some(wait) } else { None };
            let (status, field, text) = words_of(refusal);
            Ok(throttled::told(page(&browser, status, &code, Some((field, text))), wait))
        }
        Err(Failure::Accident(cause)) => Err(browser.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(&browser.request)),
    }
}

fn words_of(refusal: ResetRefusal) -> (StatusCode, &'static str, &'static str) {
    use change_password::PasswordRefusal as Password;
    let bad = StatusCode::BAD_REQUEST;
    match refusal {
        ResetRefusal::WrongCode => (
            StatusCode::FORBIDDEN,
            "code",
            "This link does not work any more: it was used, replaced by a newer one, or is older than an hour. Ask for another.",
        ),
        ResetRefusal::Throttled(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, "code", throttled::words(wait))
        }
        ResetRefusal::Password(Password::TooLong) => {
            (bad, "password", "A password has at most 4096 bytes.")
        }
        ResetRefusal::Password(Password::Guessable) => {
            (bad, "password", "Your name or your email address is no password.")
        }
        ResetRefusal::Password(
            Password::TooShort
            | Password::Unchanged
            | Password::WrongPassword
            | Password::Throttled(_),
        ) => (bad, "password", "The password has fewer than 12 characters."),
    }
}
