//! `/setup`: the first administrator of a fresh installation, by the code that the server printed.
//!
//! As soon as there is an administrator, the page is not there.
use crate::crypto::random;
use crate::flows::Failure;
use crate::flows::login::change_password::{self, SHORTEST};
use crate::flows::login::set_up::{FirstAdministrator, SetUpRefusal, is_needed, set_up};
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render};
use crate::http::ui::layout::Page;
use crate::http::ui::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// Names the notice that the sign-in page shows after the set-up.
pub const DONE: &str = "set-up";

#[derive(Template)]
#[template(path = "setup.html")]
struct SetUpPage {
    page: Page,
    csrf: String,
    /// Repeated when another field was wrong: it cannot be printed again.
    code: String,
    email: String,
    name: String,
    shortest: usize,
    error: Option<&'static str>,
    /// The field that is wrong.
    wrong: &'static str,
}

#[derive(Default)]
struct SetUpWords<'a> {
    code: &'a str,
    email: &'a str,
    name: &'a str,
    error: Option<(&'static str, &'static str)>,
}

pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    check_needed(&browser).await?;
    Ok(page(&browser, StatusCode::OK, &SetUpWords::default()))
}

/// Whether this installation waits for its first administrator. A database that does not answer counts as no,
/// because then the sign-in page says what is wrong.
pub async fn waits(browser: &BrowserSession) -> bool {
    is_needed(&browser.ctx).await.unwrap_or(false)
}

async fn check_needed(browser: &BrowserSession) -> Result<(), PageError> {
    let needed = is_needed(&browser.ctx).await.map_err(|cause| browser.accident(&cause))?;
    if needed { Ok(()) } else { Err(over(browser)) }
}

fn over(browser: &BrowserSession) -> PageError {
    let text = "Somebody administers this installation already. Ask them.";
    PageError::new(&browser.request, StatusCode::NOT_FOUND, "Page not found", text)
}

fn page(browser: &BrowserSession, status: StatusCode, words: &SetUpWords<'_>) -> HttpResponse {
    let secure = cookies::is_secure(&browser.request);
    let known = cookies::sign_in(&browser.request, secure);
    let secret = known.clone().unwrap_or_else(random::secret);
    let page = SetUpPage {
        page: frame(browser, "The first administrator"),
        csrf: forms::token(&browser.ctx, "set-up", &[&secret]),
        code: words.code.to_owned(),
        email: words.email.to_owned(),
        name: words.name.to_owned(),
        shortest: SHORTEST,
        error: words.error.map(|(_, text)| text),
        wrong: words.error.map_or("", |(field, _)| field),
    };
    let answer = render(&page, status);
    let cookie = cookies::made(cookies::sign_in_name(secure), secret, secure, None);
    with_cookies(answer, known.is_none().then_some(cookie))
}

pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let names = ["csrf", "code", "email", "name", "password", "repeated"];
    let mut form = posted.only(&browser.request, &names)?;
    let secret = cookies::sign_in(&browser.request, cookies::is_secure(&browser.request));
    let genuine = secret
        .is_some_and(|secret| forms::verify(&browser.ctx, "set-up", &[&secret], form.get("csrf")));
    if !genuine {
        return Err(PageError::forged(&browser.request));
    }
    check_needed(&browser).await?;
    let (email, name) = (form.take("email"), form.take("name"));
    let (code, password) = (form.take("code"), form.take("password"));
    let typed_code = code.clone();
    let again = |status, error: (&'static str, &'static str)| {
        let code = if error.0 == "code" { "" } else { typed_code.as_str() };
        page(&browser, status, &SetUpWords { code, email: &email, name: &name, error: Some(error) })
    };
    if password != form.get("repeated") {
        let error = ("repeated", "The passwords don't match.");
        return Ok(again(StatusCode::BAD_REQUEST, error));
    }
    let typed = FirstAdministrator { code, email: email.clone(), name: name.clone(), password };
    match set_up(&browser.ctx, typed, &browser.caller).await {
        Ok(_) => {
            let answer = redirect(browser.request.method(), "/login?return_to=%2Fconsole");
            Ok(with_cookies(answer, [cookies::set_notice(&browser.request, DONE)]))
        }
        Err(Failure::Refused(SetUpRefusal::NotNeeded)) => Err(over(&browser)),
        Err(Failure::Refused(refusal)) => {
            let wait = if let SetUpRefusal::Throttled(wait) = refusal { Some(wait) } else { None };
            let (status, field, text) = words_of(refusal);
            Ok(throttled::told(again(status, (field, text)), wait))
        }
        Err(Failure::Accident(cause)) => Err(browser.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(&browser.request)),
    }
}

fn words_of(refusal: SetUpRefusal) -> (StatusCode, &'static str, &'static str) {
    use change_password::PasswordRefusal as Password;
    let bad = StatusCode::BAD_REQUEST;
    match refusal {
        SetUpRefusal::NotNeeded => (StatusCode::NOT_FOUND, "code", "It is done already."),
        SetUpRefusal::WrongCode => (
            StatusCode::FORBIDDEN,
            "code",
            "This code does not work. It may be mistyped, used, or older than an hour.",
        ),
        SetUpRefusal::Throttled(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, "code", throttled::words(wait))
        }
        SetUpRefusal::BadEmail => (bad, "email", "Enter a valid email address."),
        SetUpRefusal::EmailTaken => (bad, "email", "Somebody else has this email address already."),
        SetUpRefusal::BadName => (bad, "name", "A name is a line of at most 200 characters."),
        SetUpRefusal::Password(Password::TooLong) => {
            (bad, "password", "A password has at most 4096 bytes.")
        }
        SetUpRefusal::Password(Password::Guessable) => {
            (bad, "password", "Don't use your name or email address as the password.")
        }
        SetUpRefusal::Password(
            Password::TooShort
            | Password::Unchanged
            | Password::WrongPassword
            | Password::Throttled(_),
        ) => (bad, "password", "The password has fewer than 12 characters."),
    }
}
