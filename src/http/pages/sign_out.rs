//! `/logout`: a person signs out, and everything that runs in their browser ends.
use super::browser::{BrowserSession, with_cookies};
use super::error::PageError;
use super::farewell;
use super::forms::{self, Form, Posted};
use super::frame::{Action, Page, frame};
use super::headers::{FormTargets, redirect, render_leading_to};
use super::message::{Message, Tone};
use crate::domain::SessionId;
use crate::flows::Accident;
use crate::flows::browser::sign_out_everything;
use crate::http::cookies;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage {
    page: Page,
    name: String,
    application: Option<String>,
    action: String,
    fields: Vec<(String, String)>,
    csrf: String,
}

/// Who asks for the sign-out, and where its form leads.
#[derive(Default)]
pub struct Asked {
    /// The name of the application, when it is proven.
    pub application: Option<String>,
    /// `/logout` or `/oidc/logout`.
    pub action: &'static str,
    /// Posted again; never `csrf`.
    pub fields: Vec<(String, String)>,
    pub targets: FormTargets,
}

pub async fn get(browser: BrowserSession) -> HttpResponse {
    let asked = Asked { action: "/logout", ..Asked::default() };
    if let Some(page) = page(&browser, asked) {
        return page;
    }
    if browser.running().next().is_some() {
        return redirect(browser.request.method(), "/me/impersonation");
    }
    Message {
        tone: Tone::Success,
        heading: "You are signed out".to_owned(),
        text: "Applications you have opened may keep their own sign-in for a while.".to_owned(),
        request_id: None,
        actions: vec![Action::new("Sign in", "/login")],
    }
    .render(frame(&browser, "Signed out"), StatusCode::OK)
}

/// The question whether to sign out; `None` when nobody is signed in.
pub fn page(browser: &BrowserSession, asked: Asked) -> Option<HttpResponse> {
    let session = browser.own()?;
    let page = LogoutPage {
        page: frame(browser, "Sign out"),
        name: session.user.display_name().to_owned(),
        application: asked.application,
        action: asked.action.to_owned(),
        fields: asked.fields,
        csrf: token(browser),
    };
    Some(render_leading_to(&page, StatusCode::OK, &asked.targets))
}

/// The token of a sign-out form; of no use without a session.
pub fn token(browser: &BrowserSession) -> String {
    let session = browser.own().map_or("", |session| session.id.as_str());
    forms::token(&browser.ctx, "sign-out", &[session])
}

/// The form was made for the session that this browser has.
pub fn is_genuine(browser: &BrowserSession, form: &Form) -> bool {
    browser.own().is_some_and(|session| {
        forms::verify(&browser.ctx, "sign-out", &[session.id.as_str()], form.get("csrf"))
    })
}

pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let form = posted.only(&browser.request, &["csrf"])?;
    if browser.own().is_none() {
        return Ok(redirect(browser.request.method(), "/logout"));
    }
    if !is_genuine(&browser, &form) {
        return Err(PageError::forged(&browser.request));
    }
    let ended = leave(&browser, "/logout").await;
    ended.map_err(|cause| browser.accident(&cause))
}

/// Ends everything that runs in the browser, takes its cookies away, and goes on to `to` by way of the
/// applications that have to hear of it.
pub async fn leave(browser: &BrowserSession, to: &str) -> Result<HttpResponse, Accident> {
    sign_out_everything(&browser.ctx, &browser.seen, &browser.caller).await?;
    let own = browser.own().map(|session| session.id.clone());
    let acted = browser.seen.held.iter().map(|held| held.session.clone());
    let sessions: Vec<SessionId> = own.into_iter().chain(acted).collect();
    let mut answer = farewell::onward(&browser.request, &browser.ctx, &sessions, to).await?;
    let cache = header::HeaderValue::from_static("\"cache\"");
    answer.headers_mut().insert(header::CLEAR_SITE_DATA, cache);
    let request = &browser.request;
    let acting = browser.seen.held.iter();
    let gone = acting.map(|held| cookies::remove_impersonated(request, &held.client));
    Ok(with_cookies(answer, gone.chain([cookies::remove_session(request)])))
}
