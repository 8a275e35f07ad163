//! `/account`: who is signed in here, and who acted as them.
use super::browser::BrowserSession;
use super::error::PageError;
use super::frame::{Page, frame};
use super::headers::{redirect, render};
use super::{Anyone, sign_out, times};
use crate::flows::account::{Overview, overview};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    name: String,
    /// May be empty.
    email: String,
    sessions: usize,
    impersonations: Vec<Access>,
    csrf: String,
}

struct Access {
    actor: String,
    application: String,
    started: String,
    /// `None` while it runs.
    ended: Option<String>,
}

pub async fn home(_: Anyone, request: HttpRequest) -> HttpResponse {
    redirect(request.method(), "/account")
}

/// Only for a session of one's own: acting as somebody shows nothing of their account here.
pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let Some(session) = browser.own() else {
        let acting = browser.running().next().is_some();
        let to = if acting { "/me/impersonation" } else { "/login?return_to=%2Faccount" };
        return Ok(redirect(browser.request.method(), to));
    };
    let overview = overview(&browser.ctx, session).await;
    let overview = overview.map_err(|cause| browser.accident(&cause))?;
    let page = AccountPage {
        page: frame(&browser, "Your account"),
        name: session.user.display_name().to_owned(),
        email: session.user.profile.email.clone().unwrap_or_default(),
        sessions: overview.sessions,
        impersonations: accesses(overview),
        csrf: sign_out::token(&browser),
    };
    Ok(render(&page, StatusCode::OK))
}

fn accesses(overview: Overview) -> Vec<Access> {
    let worded = |access: crate::flows::account::Access| Access {
        actor: access.actor,
        application: access.application,
        started: times::moment(access.started_at),
        ended: access.ended_at.map(|at| times::end(access.started_at, at)),
    };
    overview.accesses.into_iter().map(worded).collect()
}
