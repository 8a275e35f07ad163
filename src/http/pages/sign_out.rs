//! `/logout`: a person signs out, and everything that runs in their browser ends.
use super::farewell;
use crate::domain::SessionId;
use crate::flows::Accident;
use crate::flows::login::browser::sign_out_everything;
use crate::flows::logout::end_session::{LogoutRequest, find_destination};
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Form, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{FormTargets, redirect, render_leading_to};
use crate::http::ui::layout::{Action, Page};
use crate::http::ui::message::{Message, Tone};
use crate::http::ui::parameter;
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

/// Where an application asks to go on to, as the fields of the form.
const ONWARD: [&str; 3] = ["client_id", "post_logout_redirect_uri", "state"];

/// Who asks for the sign-out, and where its form leads.
#[derive(Default)]
pub struct SignOutRequest {
    /// The name of the application, when it is proven.
    pub application: Option<String>,
    /// `/logout` or `/oidc/logout`.
    pub action: &'static str,
    /// Posted again; never `csrf`.
    pub fields: Vec<(String, String)>,
    pub targets: FormTargets,
}

/// With the place that an application has asked to go on to, see [`question`].
pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let text = |name: &str| Some(parameter(&browser.request, name)).filter(|it| !it.is_empty());
    question(&browser, &asked_for(text), StatusCode::OK).await
}

/// What an application may have asked for ([RP-Initiated Logout §2]); the rest of its request is done with.
///
/// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
fn asked_for(text: impl Fn(&str) -> Option<String>) -> LogoutRequest {
    let [client_id, post_logout_redirect_uri, state] = ONWARD.map(text);
    LogoutRequest { id_token_hint: None, client_id, post_logout_redirect_uri, state }
}

/// Whether to sign out, and then on to the place that the application has registered, if it has.
pub async fn question(
    browser: &BrowserSession,
    asked: &LogoutRequest,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let to = find_destination(&browser.ctx, asked).await;
    let to = to.map_err(|cause| browser.accident(&cause))?;
    let values = [&asked.client_id, &asked.post_logout_redirect_uri, &asked.state];
    let fields = ONWARD.iter().zip(values).filter(|_| to.is_some());
    let fields =
        fields.filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect();
    let targets = to.as_deref().map_or(FormTargets::Ours, FormTargets::of_url);
    let form = SignOutRequest { application: None, action: "/logout", fields, targets };
    if let Some(mut page) = page(browser, form) {
        *page.status_mut() = status;
        return Ok(page);
    }
    if browser.running().next().is_some() {
        return Ok(redirect(browser.request.method(), "/me/impersonation"));
    }
    Ok(match to {
        Some(to) => redirect(browser.request.method(), &to),
        None => signed_out(browser),
    })
}

fn signed_out(browser: &BrowserSession) -> HttpResponse {
    Message {
        tone: Tone::Success,
        heading: "You are signed out".to_owned(),
        text: "Applications you have opened may keep their own sign-in for a while.".to_owned(),
        request_id: None,
        actions: vec![Action::new("Sign in", "/login")],
    }
    .render(frame(browser, "Signed out"), StatusCode::OK)
}

/// The question whether to sign out; `None` when nobody is signed in.
pub fn page(browser: &BrowserSession, asked: SignOutRequest) -> Option<HttpResponse> {
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

/// A question that stood open while another tab signed in again is asked again.
pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let [client, uri, state] = ONWARD;
    let form = posted.only(&browser.request, &["csrf", client, uri, state])?;
    let asked = asked_for(|name| Some(form.get(name).to_owned()).filter(|it| !it.is_empty()));
    let to = find_destination(&browser.ctx, &asked).await;
    let to = to.map_err(|cause| browser.accident(&cause))?;
    if browser.own().is_none() {
        let to = to.as_deref().unwrap_or("/logout");
        return Ok(redirect(browser.request.method(), to));
    }
    if !is_genuine(&browser, &form) {
        return question(&browser, &asked, StatusCode::FORBIDDEN).await;
    }
    let ended = leave(&browser, to.as_deref().unwrap_or("/logout")).await;
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
    let gone = cookies::remove_all_impersonated(request).into_iter();
    Ok(with_cookies(answer, gone.chain([cookies::remove_session(request)])))
}
