//! `/go`: a code from the console is typed in another window, and becomes the link that it stands for.
use super::browser::BrowserSession;
use super::error::PageError;
use super::forms::{self, Posted};
use super::frame::{Page, frame};
use super::headers::{redirect, render};
use super::throttled;
use crate::authentication::Session;
use crate::flows::Failure;
use crate::flows::hand_over::{CodeRefusal, use_code};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "go.html")]
struct GoPage {
    page: Page,
    name: String,
    error: Option<&'static str>,
    csrf: String,
}

const PURPOSE: &str = "go";

pub async fn get(browser: BrowserSession) -> HttpResponse {
    match browser.own() {
        Some(session) => page(&browser, session, StatusCode::OK, None),
        None => sign_in(&browser),
    }
}

/// A code is used by whoever it was made for, so first they say who they are.
fn sign_in(browser: &BrowserSession) -> HttpResponse {
    redirect(browser.request.method(), "/login?return_to=%2Fgo")
}

fn page(
    browser: &BrowserSession,
    session: &Session,
    status: StatusCode,
    error: Option<&'static str>,
) -> HttpResponse {
    let page = GoPage {
        page: frame(browser, "Go on with a code"),
        name: session.user.display_name().to_owned(),
        error,
        csrf: forms::token(&browser.ctx, PURPOSE, &[session.id.as_str()]),
    };
    render(&page, status)
}

pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let Some(session) = browser.own() else { return Ok(sign_in(&browser)) };
    let form = posted.only(&browser.request, &["csrf", "code"])?;
    if !forms::verify(&browser.ctx, PURPOSE, &[session.id.as_str()], form.get("csrf")) {
        return Err(PageError::forged(&browser.request));
    }
    match use_code(&browser.ctx, session, form.get("code"), &browser.caller).await {
        Ok(issued) => {
            let path = issued.url.strip_prefix(browser.ctx.issuer()).unwrap_or("/account");
            Ok(redirect(browser.request.method(), path))
        }
        Err(Failure::Refused(reason)) => Ok(refused(&browser, session, &reason)),
        Err(Failure::Accident(cause)) => Err(browser.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(&browser.request)),
    }
}

fn refused(browser: &BrowserSession, session: &Session, reason: &CodeRefusal) -> HttpResponse {
    let (status, words) = match reason {
        CodeRefusal::NotGood => (
            StatusCode::BAD_REQUEST,
            "This code does not work. It may be mistyped, used or expired, or it is not yours.",
        ),
        CodeRefusal::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, throttled::words(*wait)),
        CodeRefusal::StepUp => (
            StatusCode::FORBIDDEN,
            "You signed in too long ago. Sign out, sign in again, and type the code once more.",
        ),
        CodeRefusal::Start(_) => (
            StatusCode::FORBIDDEN,
            "This is not allowed any more. Look at the console, which says why.",
        ),
    };
    let wait = match reason {
        CodeRefusal::Throttled(wait) => Some(*wait),
        CodeRefusal::NotGood | CodeRefusal::StepUp | CodeRefusal::Start(_) => None,
    };
    throttled::told(page(browser, session, status, Some(words)), wait)
}
