//! `POST /impersonation/stop`: the actor ends an impersonation. `GET /impersonation/stopped` shows that it ended.
use super::farewell;
use crate::domain::permission::USERS_READ;
use crate::domain::{ImpersonationId, Timestamp};
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::browser::{HeldSession, Parting, find_parting, stop};
use crate::flows::login::use_once::{URL_TTL, is_recent};
use crate::flows::shared::clock;
use crate::flows::{Accident, Context};
use crate::http::console::users::path;
use crate::http::cookies;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render};
use crate::http::ui::layout::{Action, Page};
use crate::http::ui::parameter;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

#[derive(Template)]
#[template(path = "stopped.html")]
struct StoppedPage {
    page: Page,
    /// `None` when the actor's own session has ended meanwhile.
    actor: Option<String>,
    subject: String,
    application: String,
    actions: Vec<Action>,
}

/// The request names no user to come back as: the actor's own session was never replaced.
pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    if browser.seen.held.is_empty() {
        return Err(acting_as_nobody(&browser));
    }
    let form = posted.only(&browser.request, &["csrf", "id"])?;
    let held = chosen(&browser, form.get("id")).ok_or_else(|| acting_as_nobody(&browser))?;
    if !forms::verify(&browser.ctx, "stop", &[held.session.as_str()], form.get("csrf")) {
        return Err(PageError::forged(&browser.request));
    }
    let ended = stop(&browser.ctx, &held.impersonation, &browser.caller).await;
    ended.map_err(|cause| browser.accident(&cause))?;
    gone(&browser, held).await.map_err(|cause| browser.accident(&cause))
}

fn acting_as_nobody(browser: &BrowserSession) -> PageError {
    let (heading, text) = ("You're not impersonating anyone", "Nothing was changed.");
    PageError::new(&browser.request, StatusCode::CONFLICT, heading, text)
}

/// The impersonation with this id; without an id, the only one that the browser holds.
fn chosen<'a>(browser: &'a BrowserSession, id: &str) -> Option<&'a HeldSession> {
    let held = &browser.seen.held;
    match held.as_slice() {
        [only] if id.is_empty() => Some(only),
        several => several.iter().find(|held| held.impersonation.as_str() == id),
    }
}

/// The page that says that `impersonation` has ended. Its address is sealed and works for an hour.
pub async fn stopped_path(
    ctx: &Context,
    impersonation: &ImpersonationId,
) -> Result<String, Accident> {
    let id = impersonation.as_str();
    let at = clock::now(ctx).await?.timestamp_millis().to_string();
    let seal = forms::token(ctx, "stopped", &[id, &at]);
    Ok(format!("/impersonation/stopped?id={}&at={at}&seal={seal}", encode(id)))
}

async fn gone(browser: &BrowserSession, held: &HeldSession) -> Result<HttpResponse, Accident> {
    let to = stopped_path(&browser.ctx, &held.impersonation).await?;
    let sessions = [held.session.clone()];
    let mut answer = farewell::onward(&browser.request, &browser.ctx, &sessions, &to).await?;
    let cache = header::HeaderValue::from_static("\"cache\"");
    answer.headers_mut().insert(header::CLEAR_SITE_DATA, cache);
    Ok(with_cookies(answer, [cookies::set_ended(&browser.request, &held.client)]))
}

/// Shown to the browser that was sent here, by the seal in its address, for an hour.
pub async fn stopped(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let now = clock::now(&browser.ctx).await.map_err(|cause| browser.accident(&cause))?;
    let parting = match sealed(&browser, now) {
        Some(id) => find_parting(&browser.ctx, &id).await,
        None => Ok(None),
    };
    let parting = parting.map_err(|cause| browser.accident(&cause))?;
    let elsewhere = || redirect(browser.request.method(), "/account");
    Ok(parting.map_or_else(elsewhere, |parting| page(&browser, parting)))
}

fn sealed(browser: &BrowserSession, now: Timestamp) -> Option<ImpersonationId> {
    let [id, at, seal] = ["id", "at", "seal"].map(|name| parameter(&browser.request, name));
    let genuine = forms::verify(&browser.ctx, "stopped", &[&id, &at], &seal);
    let recent = at.parse().is_ok_and(|at| is_recent(at, URL_TTL, now));
    ImpersonationId::parse(id).ok().filter(|_| genuine && recent)
}

fn page(browser: &BrowserSession, parting: Parting) -> HttpResponse {
    let actor = browser.own_name();
    let actions = onward(browser, &parting);
    let page = StoppedPage {
        page: frame(browser, "Impersonation ended"),
        actor,
        subject: parting.subject,
        application: parting.application,
        actions,
    };
    render(&page, StatusCode::OK)
}

/// Links back to where the impersonation was started, if the actor may still open that page.
fn onward(browser: &BrowserSession, parting: &Parting) -> Vec<Action> {
    let Some(session) = browser.own() else { return vec![Action::new("Sign in", "/login")] };
    let account = Action::new("Your account", "/account");
    let back = parting.begun_at.as_ref().filter(|_| session.user.permissions.holds(USERS_READ));
    let back = back.map(|id| Action::new(&format!("Back to {}", parting.subject), path(id)));
    back.into_iter().chain([account]).collect()
}
