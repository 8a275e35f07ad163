//! Switching a user off, which is asked for once more, and on.
use super::member::{STATUS, apply};
use super::{named, path};
use crate::domain::Status;
use crate::domain::permission::USERS_WRITE;
use crate::flows::directory::manage_members::{MembershipChange, offer};
use crate::flows::directory::view_user::view_user;
use crate::http::console::sure::SurePage;
use crate::http::console::{ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::{redirect, render};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

pub async fn ask(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(USERS_WRITE)?;
    let id = named(&console)?;
    let view = view_user(console.ctx(), console.user(), &id).await;
    let view = view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let offer = offer(console.ctx(), console.user(), &view.user).await;
    let here = path(&id);
    // Nothing to ask: it is not theirs to do, or there is nothing to lose.
    if !offer.map_err(|e| console.accident(&e))?.status || !view.user.status.is_active() {
        return Ok(redirect(console.request().method(), &here));
    }
    let heading = "Deactivate this user?";
    let (page, frame) = console.frame(ConsoleSection::Users, heading, &[]);
    let browsers = match view.sessions.len() {
        0 => "They are not signed in now.".to_owned(),
        1 => "They are signed in with one browser, and are signed out there.".to_owned(),
        many => format!("They are signed in with {many} browsers, and are signed out everywhere."),
    };
    let rest = "Their tokens no longer count, and every impersonation of them or by them ends. They can be reactivated.";
    let page = SurePage {
        page,
        console: frame,
        action: format!("{here}/status"),
        here,
        name: view.user.display_name().to_owned(),
        heading,
        texts: vec![browsers, rest.to_owned()],
        csrf: console.token(STATUS, &[id.as_str()]),
        status: Some(Status::Inactive.as_str()),
        typed: None,
        submit: "Deactivate",
        bad: true,
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn set(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(USERS_WRITE)?;
    let user = named(&console)?;
    let form = posted.only(console.request(), &["csrf", "status"])?;
    console.check(&form, STATUS, &[user.as_str()])?;
    let status = Status::parse(form.get("status"));
    let status = status.ok_or_else(|| console.malformed("A status is active or inactive."))?;
    apply(&console, &user, MembershipChange::Status(status)).await?;
    Ok(console.done(&path(&user), status.as_str()))
}
