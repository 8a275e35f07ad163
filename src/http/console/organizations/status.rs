//! Switching an organization off, which is asked for once more, and on.
use super::{named, path, refused};
use crate::domain::organization::MAX_NAME_LEN;
use crate::domain::permission::ORGANIZATIONS_WRITE;
use crate::domain::{OrganizationId, Status};
use crate::flows::directory::manage_organizations::{
    MAX_COUNTED, OrganizationView, rights, set_status, signed_in, view,
};
use crate::http::console::kit::Field;
use crate::http::console::sure::SurePage;
use crate::http::console::{ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::{redirect, render};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

pub const STATUS: &str = "status-of-organization";

pub async fn ask(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(ORGANIZATIONS_WRITE)?;
    let id = named(&console)?;
    let view = found(&console, &id).await?;
    // Nothing to ask: it is not theirs to do, or there is nothing to lose.
    if !rights(console.user()).found || view.record.status != Status::Active.as_str() {
        return Ok(redirect(console.request().method(), &path(id.as_str())));
    }
    page(&console, &view, None).await
}

async fn found(
    console: &ConsoleSession,
    id: &OrganizationId,
) -> Result<OrganizationView, PageError> {
    let view = view(console.ctx(), console.user(), id).await;
    view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())
}

/// `typed` is what stands in the field, when it is not the name.
async fn page(
    console: &ConsoleSession,
    view: &OrganizationView,
    typed: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let record = &view.record;
    let signed_in = signed_in(console.ctx(), &record.id).await;
    let signed_in = signed_in.map_err(|e| console.accident(&e))?;
    let heading = "Deactivate this organization?";
    let (page, frame) = console.frame(ConsoleSection::Organizations, heading, &[]);
    let here = path(&record.id);
    let wrong = typed.map(|_| "This is not the name of the organization.".to_owned());
    let field = Field::new("name", "Type the name of the organization", typed.unwrap_or_default());
    let page = SurePage {
        page,
        console: frame,
        action: format!("{here}/status"),
        here,
        name: record.name.clone(),
        heading,
        texts: texts(view, signed_in),
        csrf: console.token(STATUS, &[&record.id]),
        status: Some(Status::Inactive.as_str()),
        typed: Some(field.required().at_most(MAX_NAME_LEN).error(wrong)),
        submit: "Deactivate",
        bad: true,
    };
    let status = if typed.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(render(&page, status))
}

fn texts(view: &OrganizationView, signed_in: i32) -> Vec<String> {
    let out = match signed_in {
        0 => "Nobody of it is signed in now.".to_owned(),
        1 => "One person is signed out.".to_owned(),
        many if many > MAX_COUNTED => format!("More than {MAX_COUNTED} people are signed out."),
        many => format!("{many} people are signed out."),
    };
    let locked = match view.inside.users {
        0 => "There is nobody in it.".to_owned(),
        1 => "The one person in it can no longer sign in anywhere.".to_owned(),
        many if many > MAX_COUNTED => {
            format!("More than {MAX_COUNTED} people in it can no longer sign in anywhere.")
        }
        many => format!("{many} people in it can no longer sign in anywhere."),
    };
    let rest = "Its own applications no longer work, and every impersonation of its people ends. What its people and \
                its applications were given ends for good: after it is switched on again, they sign in anew.";
    vec![out, locked, rest.to_owned()]
}

pub async fn set(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(ORGANIZATIONS_WRITE)?;
    let id = named(&console)?;
    let mut form = posted.only(console.request(), &["csrf", "status", "name"])?;
    console.check(&form, STATUS, &[id.as_str()])?;
    let status = Status::parse(form.get("status"));
    let status = status.ok_or_else(|| console.malformed("A status is active or inactive."))?;
    if let Some(typed) = form.take_given("name") {
        let view = found(&console, &id).await?;
        if typed.trim() != view.record.name.trim() {
            return page(&console, &view, Some(&typed)).await;
        }
    }
    let by = (console.user(), &console.browser.caller);
    let done = set_status(console.ctx(), by.0, (&id, status), by.1).await;
    done.map_err(|failure| refused(&console, failure))?;
    Ok(console.done(&path(id.as_str()), status.as_str()))
}
