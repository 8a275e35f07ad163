//! `/account/sessions`: the live sessions of the account owner, with buttons that end them.
use super::owner::AccountOwner;
use super::{AccountSection, tabs};
use crate::domain::SessionId;
use crate::flows::logout::end_sessions;
use crate::http::console::kit::{ShownMoment, Tab};
use crate::http::cookies;
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{redirect, render};
use crate::http::ui::layout::Page;
use crate::http::ui::{labels, times};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct SessionsPage {
    page: Page,
    tabs: Vec<Tab>,
    flash: Option<&'static str>,
    sessions: Vec<SessionRow>,
    csrf: String,
}

struct SessionRow {
    id: String,
    browser: String,
    address: String,
    signed_in: ShownMoment,
    seen: ShownMoment,
    here: bool,
    csrf: String,
}

const SENTENCES: &[(&str, &str)] = &[
    ("ended", "That session has ended."),
    ("others", "Every other session has ended, and nobody acts as you or for you."),
];

pub async fn get(owner: AccountOwner) -> Result<HttpResponse, PageError> {
    let found = end_sessions::list(owner.ctx(), owner.session()).await;
    let found = found.map_err(|cause| owner.accident(&cause))?;
    let row = |it: end_sessions::Browser| SessionRow {
        browser: labels::browser(it.user_agent.as_deref()),
        address: it.ip.unwrap_or_else(|| "unknown address".to_owned()),
        signed_in: times::moment(it.authenticated_at),
        seen: times::moment(it.last_seen_at),
        here: it.id == owner.session().id,
        csrf: owner.token("end-session", it.id.as_str()),
        id: it.id.to_string(),
    };
    let page = SessionsPage {
        page: frame(&owner.browser, "Your sessions"),
        tabs: tabs(AccountSection::Sessions),
        flash: owner.flash(SENTENCES),
        sessions: found.into_iter().map(row).collect(),
        csrf: owner.token("end-other-sessions", ""),
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn end_one(owner: AccountOwner, posted: Posted) -> Result<HttpResponse, PageError> {
    let form = posted.only(owner.request(), &["csrf", "id"])?;
    owner.check(&form, "end-session", form.get("id"))?;
    let id = SessionId::parse(form.get("id")).map_err(|_| owner.missing())?;
    let caller = &owner.browser.caller;
    let ended = end_sessions::end_one(owner.ctx(), owner.session(), &id, caller).await;
    if !ended.map_err(|cause| owner.accident(&cause))? {
        return Err(owner.missing());
    }
    if id == owner.session().id {
        let answer = redirect(owner.request().method(), "/logout");
        return Ok(with_cookies(answer, [cookies::remove_session(owner.request())]));
    }
    Ok(owner.done("/account/sessions", "ended"))
}

pub async fn end_others(owner: AccountOwner, posted: Posted) -> Result<HttpResponse, PageError> {
    let form = posted.only(owner.request(), &["csrf"])?;
    owner.check(&form, "end-other-sessions", "")?;
    let ended = end_sessions::end_others(owner.ctx(), owner.session(), &owner.browser.caller).await;
    ended.map_err(|cause| owner.accident(&cause))?;
    Ok(owner.done("/account/sessions", "others"))
}
