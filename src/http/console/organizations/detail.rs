//! One organization: what is in it, its settings, and an end to it.
use super::{HERE, named, path, refused};
use crate::domain::organization::LONGEST_NAME;
use crate::domain::permission::{
    CLIENTS_READ, ORGANIZATIONS_READ, ORGANIZATIONS_WRITE, USERS_READ,
};
use crate::domain::{OrganizationId, Status};
use crate::flows::Failure;
use crate::flows::directory::find_users::{FoundUsers, UserSearch, find_users};
use crate::flows::directory::{
    manage_organizations as organizations,
    manage_organizations::{MOST_COUNTED, OrganizationRefusal, OrganizationView, rights},
};
use crate::http::console::kit::{Field, ShownPerson, address};
use crate::http::console::{
    ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession, applications, end_sessions,
    users,
};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/organization.html")]
struct OrganizationPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    here: String,
    id: String,
    name: String,
    active: bool,
    impersonation: bool,
    users: String,
    applications: String,
    /// `None`: not for this person to see.
    people: Option<Vec<OrganizationMember>>,
    all_people: String,
    /// `None`: not for this person to see.
    listed: Option<Vec<OrganizationApplication>>,
    /// `None`: not for this person to change.
    settings: Option<OrganizationSettings>,
    /// `None`: not for this person to switch off or remove.
    end: Option<EndAllForm>,
}

struct OrganizationMember {
    who: ShownPerson,
    active: bool,
    kind: Option<&'static str>,
}

struct OrganizationApplication {
    what: ShownPerson,
    active: bool,
}

struct OrganizationSettings {
    name: Field,
    csrf: String,
}

struct EndAllForm {
    status: &'static str,
    status_csrf: String,
    empty: bool,
    delete_csrf: String,
}

const FEW: i64 = 10;
const CHANGE: &str = "change-organization";
const DELETE: &str = "delete-organization";
const SENTENCES: &[(&str, &str)] = &[
    ("created", "Organization created."),
    ("changed", "Saved."),
    ("inactive", "Deactivated. Its users can't sign in and can't be impersonated."),
    ("active", "The organization is active again."),
    end_sessions::DONE,
];

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(ORGANIZATIONS_READ)?;
    let id = named(&console)?;
    page(&console, &id, None, StatusCode::OK).await
}

async fn page(
    console: &ConsoleSession,
    id: &OrganizationId,
    wrong: Option<(&str, &'static str)>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let view = organizations::view(console.ctx(), console.user(), id).await;
    let view = view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let people = people(console, id).await?;
    let (page, frame) = console.frame(ConsoleSection::Organizations, "Organization", SENTENCES);
    let rights = rights(console.user());
    let page = OrganizationPage {
        page,
        console: frame,
        up: HERE,
        here: path(id.as_str()),
        id: id.to_string(),
        name: view.record.name.clone(),
        active: view.record.status == Status::Active.as_str(),
        impersonation: view.record.impersonation_enabled,
        users: counted(view.inside.users),
        applications: counted(view.inside.applications),
        people,
        all_people: address("/console/users", &[("organization", id.as_str())]),
        listed: console.may(CLIENTS_READ).then(|| own_applications(&view)),
        settings: rights.change.then(|| settings(console, &view, wrong)),
        end: rights.found.then(|| end(console, &view)),
    };
    Ok(render(&page, status))
}

/// Nobody counts a million.
fn counted(number: i32) -> String {
    if number > MOST_COUNTED { format!("more than {MOST_COUNTED}") } else { number.to_string() }
}

async fn people(
    console: &ConsoleSession,
    id: &OrganizationId,
) -> Result<Option<Vec<OrganizationMember>>, PageError> {
    if !console.may(USERS_READ) {
        return Ok(None);
    }
    let search = UserSearch { organization: Some(id.clone()), limit: FEW, ..UserSearch::default() };
    let found = find_users(console.ctx(), console.user(), search).await;
    let found = found.map_err(|failure| {
        PageError::failure(console.request(), failure, |_| console.malformed("No such search."))
    })?;
    Ok(Some(found.rows.into_iter().map(someone).collect()))
}

fn someone(found: FoundUsers) -> OrganizationMember {
    let address = found.email.clone().unwrap_or_else(|| found.id.to_string());
    let name = found.name.filter(|name| !name.is_empty()).unwrap_or_else(|| address.clone());
    let who = ShownPerson { name, address, href: Some(users::path(&found.id)) };
    OrganizationMember { who, active: found.status.is_active(), kind: users::kind(found.kind) }
}

fn own_applications(view: &OrganizationView) -> Vec<OrganizationApplication> {
    let listed = view.applications.iter().map(|it| OrganizationApplication {
        what: ShownPerson {
            name: it.name.clone(),
            address: it.id.clone(),
            href: Some(applications::path(&it.id)),
        },
        active: it.active,
    });
    listed.collect()
}

fn settings(
    console: &ConsoleSession,
    view: &OrganizationView,
    wrong: Option<(&str, &'static str)>,
) -> OrganizationSettings {
    let record = &view.record;
    let typed = wrong.map_or(record.name.as_str(), |(typed, _)| typed);
    let name = Field::new("name", "Name", typed).required().at_most(LONGEST_NAME);
    OrganizationSettings {
        name: name.error(wrong.map(|(_, text)| text.to_owned())),
        csrf: console.token(CHANGE, &[&record.id]),
    }
}

fn end(console: &ConsoleSession, view: &OrganizationView) -> EndAllForm {
    let record = &view.record;
    let active = record.status == Status::Active.as_str();
    EndAllForm {
        status: if active { "inactive" } else { "active" },
        status_csrf: console.token(super::status::STATUS, &[&record.id]),
        empty: view.inside.users == 0 && view.inside.applications == 0,
        delete_csrf: console.token(DELETE, &[&record.id]),
    }
}

pub async fn change(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(ORGANIZATIONS_WRITE)?;
    let id = named(&console)?;
    let form = posted.only(console.request(), &["csrf", "name", "impersonation"])?;
    console.check(&form, CHANGE, &[id.as_str()])?;
    let name = form.get("name");
    let wanted = (&id, name, form.get("impersonation") == "on");
    let by = (console.user(), &console.browser.caller);
    match organizations::change_settings(console.ctx(), by.0, wanted, by.1).await {
        Ok(()) => Ok(console.done(&path(id.as_str()), "changed")),
        Err(Failure::Refused(OrganizationRefusal::BadName)) => {
            let text = "A name is a line of 1 to 255 characters.";
            page(&console, &id, Some((name, text)), StatusCode::BAD_REQUEST).await
        }
        Err(failure) => Err(refused(&console, failure)),
    }
}

pub async fn delete(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(ORGANIZATIONS_WRITE)?;
    let id = named(&console)?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, DELETE, &[id.as_str()])?;
    let by = (console.user(), &console.browser.caller);
    let done = organizations::delete(console.ctx(), by.0, &id, by.1).await;
    done.map_err(|failure| refused(&console, failure))?;
    Ok(console.done(HERE, "deleted"))
}
