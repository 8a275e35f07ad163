//! `/go`: a code from the console is typed in another window, and becomes the link that it stands for.
use super::step_up::{PASSWORD, USERNAME, wait_of, words_of};
use crate::authentication::Session;
use crate::authentication::throttle::RetryAfter;
use crate::flows::Failure;
use crate::flows::impersonation::handover_code::{CodeRefusal, use_code};
use crate::flows::impersonation::start_impersonation::StartRefusal;
use crate::flows::login::next_cookie::PresentedCookie;
use crate::flows::login::step_up::prove_again;
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render};
use crate::http::ui::layout::Page;
use crate::http::ui::throttled;
use crate::impersonation::Denial;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

#[derive(Template)]
#[template(path = "go.html")]
struct GoPage {
    page: Page,
    name: String,
    error: Option<&'static str>,
    code: String,
    asks_password: bool,
    /// For password managers; may be empty.
    username: String,
    csrf: String,
}

const PURPOSE: &str = "go";

/// Content of the page in addition to its fields.
#[derive(Clone, Copy, Default)]
struct ShownCode<'a> {
    status: StatusCode,
    error: Option<&'static str>,
    /// What was typed; kept while the password is asked for.
    code: &'a str,
    asks_password: bool,
    /// How long to wait after too many attempts.
    wait: Option<RetryAfter>,
}

pub async fn get(browser: BrowserSession) -> HttpResponse {
    match browser.own() {
        Some(session) => page(&browser, session, ShownCode::default()),
        None => sign_in(&browser),
    }
}

/// A code works only for the agent it was made for, so the sign-in comes first.
fn sign_in(browser: &BrowserSession) -> HttpResponse {
    redirect(browser.request.method(), "/login?return_to=%2Fgo")
}

fn page(browser: &BrowserSession, session: &Session, shown: ShownCode<'_>) -> HttpResponse {
    let page = GoPage {
        page: frame(browser, "Enter your code"),
        name: session.user.display_name().to_owned(),
        error: shown.error,
        code: shown.code.to_owned(),
        asks_password: shown.asks_password,
        username: session.user.profile.email.clone().unwrap_or_default(),
        csrf: forms::token(&browser.ctx, PURPOSE, &[session.id.as_str()]),
    };
    throttled::told(render(&page, shown.status), shown.wait)
}

/// With the password, when the page has asked for it: then the session is a renewed one, whatever becomes of the code.
pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let own = browser.own().cloned();
    let is_superseded = own.is_none();
    let session = match own {
        Some(session) => session,
        None => match browser.superseded().await? {
            Some(session) => session,
            None => return Ok(sign_in(&browser)),
        },
    };
    let session = &session;
    let mut form = posted.only(&browser.request, &["csrf", "code", USERNAME, PASSWORD])?;
    if !forms::verify(&browser.ctx, PURPOSE, &[session.id.as_str()], form.get("csrf")) {
        return Err(PageError::forged(&browser.request));
    }
    let Some(password) = form.take_given(PASSWORD) else {
        if is_superseded {
            return Ok(sign_in(&browser));
        }
        return use_typed(&browser, session, form.get("code")).await;
    };
    let presented = PresentedCookie { session, token: &browser.own_token() };
    match prove_again(&browser.ctx, presented, password, &browser.caller).await {
        Ok(proven) => {
            let cookie = cookies::set_own(&browser.request, &proven.session_token);
            let answer = use_typed(&browser, &proven.session, form.get("code")).await;
            let answer = answer.unwrap_or_else(|error| error.error_response());
            Ok(with_cookies(answer, [cookie]))
        }
        Err(Failure::Refused(refusal)) => {
            let (status, text) = words_of(refusal);
            let code = form.get("code");
            let wait = wait_of(refusal);
            let shown = ShownCode { status, error: Some(text), code, asks_password: true, wait };
            Ok(page(&browser, session, shown))
        }
        Err(Failure::Accident(cause)) => Err(browser.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(&browser.request)),
    }
}

async fn use_typed(
    browser: &BrowserSession,
    session: &Session,
    code: &str,
) -> Result<HttpResponse, PageError> {
    match use_code(&browser.ctx, session, code, &browser.caller).await {
        Ok(url) => {
            let path = url.strip_prefix(browser.ctx.issuer()).unwrap_or("/account");
            Ok(redirect(browser.request.method(), path))
        }
        Err(Failure::Refused(reason)) => Ok(refused(browser, session, &reason, code)),
        Err(Failure::Accident(cause)) => Err(browser.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(&browser.request)),
    }
}

fn refused(
    browser: &BrowserSession,
    session: &Session,
    reason: &CodeRefusal,
    code: &str,
) -> HttpResponse {
    let too_old = CodeRefusal::Start(StartRefusal::Denied(Denial::StepUpRequired));
    if *reason == CodeRefusal::StepUp || *reason == too_old {
        let status = StatusCode::FORBIDDEN;
        let shown = ShownCode { status, code, asks_password: true, ..ShownCode::default() };
        return page(browser, session, shown);
    }
    let (status, words) = match reason {
        CodeRefusal::NotGood => (
            StatusCode::BAD_REQUEST,
            "This code does not work. It may be mistyped, used or expired, or it is not yours.",
        ),
        CodeRefusal::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, throttled::words(*wait)),
        CodeRefusal::StepUp | CodeRefusal::Start(_) => (
            StatusCode::FORBIDDEN,
            "This is not allowed any more. Look at the console, which says why.",
        ),
    };
    let wait = match reason {
        CodeRefusal::Throttled(wait) => Some(*wait),
        CodeRefusal::NotGood | CodeRefusal::StepUp | CodeRefusal::Start(_) => None,
    };
    page(browser, session, ShownCode { status, error: Some(words), wait, ..ShownCode::default() })
}
