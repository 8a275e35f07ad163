//! `/login`: a person signs in with a password.
//!
//! The page is also shown in place of a link that waits for its actor, so that the link's secret is in a
//! field and not in a second address.
use super::farewell;
use super::set_up;
use crate::authentication::SignInRefusal;
use crate::crypto::random;
use crate::domain::SessionId;
use crate::domain::client::Client;
use crate::flows::Failure;
use crate::flows::login::browser::{find_application, sign_out_everything};
use crate::flows::login::sign_in::{Credentials, CredentialsRefusal, SignedIn, sign_in};
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Form, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render_leading_to};
use crate::http::ui::layout::Page;
use crate::http::ui::parameter;
use crate::http::ui::return_to::ReturnTo;
use crate::http::ui::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    page: Page,
    return_to: String,
    csrf: String,
    /// From a `login_hint` or the failed attempt; may be empty.
    email: String,
    /// The same words whether the account exists or not.
    error: Option<String>,
    notice: Option<String>,
    /// Whose session ends with this sign-in.
    signed_in_as: Option<String>,
    application: Option<String>,
}

/// What the token of the form is for.
const PURPOSE: &str = "sign-in";

/// What the page says beside its form.
#[derive(Default)]
struct SignInWords<'a> {
    email: &'a str,
    error: Option<&'a str>,
    notice: Option<String>,
    signed_in_as: Option<String>,
    application: Option<&'a Client>,
}

pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let return_to = ReturnTo::parse(&parameter(&browser.request, "return_to"));
    let fresh = browser.own().is_none() && return_to.is_for_administrators();
    if fresh && set_up::waits(&browser).await {
        return Ok(redirect(browser.request.method(), "/setup"));
    }
    let application = application(&browser, &return_to).await?;
    let email = return_to.email().unwrap_or_default();
    let signed_in_as = browser.own_name();
    let words = SignInWords {
        email: &email,
        notice: signed_in_as.is_none().then(|| set_up_notice(&browser)).flatten(),
        signed_in_as,
        application: application.as_deref(),
        ..SignInWords::default()
    };
    Ok(page(&browser, StatusCode::OK, &return_to, words))
}

/// After the set-up, this is the page that its administrator comes to.
fn set_up_notice(browser: &BrowserSession) -> Option<String> {
    let done = cookies::notice(&browser.request).is_some_and(|notice| notice == set_up::DONE);
    done.then(|| "Administrator created. Sign in to continue.".to_owned())
}

/// The form at the address of the page that somebody has to sign in for.
pub fn page_for(browser: &BrowserSession, return_to: &str, notice: Option<&str>) -> HttpResponse {
    let words = SignInWords { notice: notice.map(str::to_owned), ..SignInWords::default() };
    page(browser, StatusCode::OK, &ReturnTo::parse(return_to), words)
}

fn page(
    browser: &BrowserSession,
    status: StatusCode,
    return_to: &ReturnTo,
    words: SignInWords<'_>,
) -> HttpResponse {
    let secure = cookies::is_secure(&browser.request);
    let known = cookies::sign_in(&browser.request, secure);
    let secret = known.clone().unwrap_or_else(random::secret);
    let page = LoginPage {
        page: frame(browser, "Sign in"),
        return_to: return_to.as_str().to_owned(),
        csrf: forms::token(&browser.ctx, PURPOSE, &[&secret, session_of(browser)]),
        email: words.email.to_owned(),
        error: words.error.map(str::to_owned),
        notice: words.notice,
        signed_in_as: words.signed_in_as,
        application: words.application.map(|client| client.name.clone()),
    };
    let answer = render_leading_to(&page, status, &return_to.targets());
    let cookie = cookies::made(cookies::sign_in_name(secure), secret, secure, None);
    with_cookies(answer, known.is_none().then_some(cookie))
}

async fn application(
    browser: &BrowserSession,
    return_to: &ReturnTo,
) -> Result<Option<Arc<Client>>, PageError> {
    let Some(id) = return_to.client() else { return Ok(None) };
    find_application(&browser.ctx, &id).await.map_err(|cause| browser.accident(&cause))
}

pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let names = ["csrf", "return_to", "email", "password"];
    let mut form = posted.only(&browser.request, &names)?;
    let return_to = ReturnTo::parse(form.get("return_to"));
    let origin = origin_of(&browser, &form);
    let (email, password) = (form.take("email"), form.take("password"));
    // Pasted addresses often have white space around them.
    let email = email.trim().to_owned();
    match origin {
        FormOrigin::ThisBrowser => {}
        FormOrigin::Foreign => return Err(PageError::forged(&browser.request)),
        FormOrigin::Stale if browser.own().is_some() => {
            return Ok(redirect(browser.request.method(), return_to.as_str()));
        }
        FormOrigin::Stale => return again(&browser, &return_to, &email).await,
    }
    if email.chars().any(char::is_control) {
        return Err(PageError::malformed(&browser.request, "Enter a valid email address."));
    }
    let acquaintance = cookies::acquaintance(&browser.request);
    let typed = Credentials { email: &email, password, acquaintance: acquaintance.as_deref() };
    match sign_in(&browser.ctx, typed, &browser.caller).await {
        Ok(signed_in) => enter(&browser, &signed_in, &return_to).await,
        Err(failure) => refuse(&browser, &return_to, &email, failure).await,
    }
}

/// Where a sign-in form comes from.
enum FormOrigin {
    /// Made for this browser, and nobody has signed in to it since.
    ThisBrowser,
    /// It stood open while another tab signed in or out, or the button was pressed twice.
    Stale,
    /// No page of this server made it.
    Foreign,
}

fn origin_of(browser: &BrowserSession, form: &Form) -> FormOrigin {
    let csrf = form.get("csrf");
    if csrf.is_empty() {
        return FormOrigin::Foreign;
    }
    let secret = cookies::sign_in(&browser.request, cookies::is_secure(&browser.request));
    let genuine = secret.is_some_and(|secret| {
        forms::verify(&browser.ctx, PURPOSE, &[&secret, session_of(browser)], csrf)
    });
    if genuine { FormOrigin::ThisBrowser } else { FormOrigin::Stale }
}

/// A form is bound to the session that it would replace, if there is one.
fn session_of(browser: &BrowserSession) -> &str {
    browser.own().map_or("", |session| session.id.as_str())
}

/// Shows the form again with everything that was typed except the password.
async fn again(
    browser: &BrowserSession,
    return_to: &ReturnTo,
    email: &str,
) -> Result<HttpResponse, PageError> {
    let application = application(browser, return_to).await?;
    let notice = Some("This page was open for a while. Please sign in once more.".to_owned());
    let words = SignInWords {
        email,
        notice,
        application: application.as_deref(),
        ..SignInWords::default()
    };
    Ok(page(browser, StatusCode::FORBIDDEN, return_to, words))
}

/// Always a new session in a new cookie. What this browser was signed in to before is over, and so is every
/// impersonation that it holds: its actor was somebody else, or the same person in another session.
async fn enter(
    browser: &BrowserSession,
    signed_in: &SignedIn,
    return_to: &ReturnTo,
) -> Result<HttpResponse, PageError> {
    let ended = sign_out_everything(&browser.ctx, &browser.seen, &browser.caller).await;
    ended.map_err(|cause| browser.accident(&cause))?;
    let request = &browser.request;
    let own = cookies::set_own(request, &signed_in.session_token);
    let known = cookies::set_acquaintance(request, &signed_in.acquaintance);
    let acted: Vec<SessionId> = browser.seen.held.iter().map(|held| held.session.clone()).collect();
    let to = if return_to.is_default() {
        super::home::landing(&signed_in.user)
    } else {
        return_to.as_str()
    };
    let answer = farewell::onward(request, &browser.ctx, &acted, to).await;
    let answer = answer.map_err(|cause| browser.accident(&cause))?;
    let gone = cookies::remove_all_impersonated(request);
    Ok(with_cookies(answer, [own, known].into_iter().chain(gone)))
}

async fn refuse(
    browser: &BrowserSession,
    return_to: &ReturnTo,
    email: &str,
    failure: Failure<CredentialsRefusal>,
) -> Result<HttpResponse, PageError> {
    let reason = match failure {
        Failure::Refused(reason) => reason,
        Failure::Accident(cause) => return Err(browser.accident(&cause)),
        Failure::Busy => return Err(PageError::busy(&browser.request)),
    };
    let (status, error) = words_of(reason);
    let application = application(browser, return_to).await?;
    let application = application.as_deref();
    let words = SignInWords { email, error: Some(error), application, ..SignInWords::default() };
    let wait = match reason {
        CredentialsRefusal::Throttled(wait) => Some(wait),
        CredentialsRefusal::SignIn(_) | CredentialsRefusal::Malformed => None,
    };
    Ok(throttled::told(page(browser, status, return_to, words), wait))
}

/// Same error for an unknown account, a missing password and a wrong password, so that accounts cannot be probed.
fn words_of(reason: CredentialsRefusal) -> (StatusCode, &'static str) {
    match reason {
        CredentialsRefusal::SignIn(SignInRefusal::WrongCredentials | SignInRefusal::NoLogin)
        | CredentialsRefusal::Malformed => {
            (StatusCode::BAD_REQUEST, "The email address or the password is wrong.")
        }
        CredentialsRefusal::SignIn(SignInRefusal::Inactive) => {
            (StatusCode::FORBIDDEN, "This account is not active. Ask your administrator.")
        }
        CredentialsRefusal::Throttled(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, throttled::words(wait))
        }
    }
}
