//! One role: what it may do, in words, who holds it, and the form to change it.
use super::form::{RoleFields, RoleFormInput};
use super::list::require;
use super::words;
use super::{HERE, mend, path, refused};
use crate::domain::UserId;
use crate::domain::permission::{RETIRED, ROLES_WRITE, USERS_READ};
use crate::flows::Failure;
use crate::flows::directory::manage_roles::{
    RoleChange, RoleHolder, RoleView, change_role, rank_of_reader, view_role,
};
use crate::http::console::kit::{ShownPerson, address};
use crate::http::console::{
    ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession, users,
};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/role.html")]
struct RolePage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    here: String,
    name: String,
    rank: i32,
    built_in: bool,
    permissions: Vec<Permission>,
    /// `None`: not for this person to see.
    holders: Option<Vec<RoleMember>>,
    all_holders: String,
    /// `None`: not for this person to change.
    change: Option<RoleForm>,
}

struct Permission {
    name: String,
    /// Empty for the words of applications.
    words: &'static str,
}

struct RoleMember {
    who: ShownPerson,
    organization: String,
    active: bool,
}

struct RoleForm {
    fields: RoleFields,
    csrf: String,
    delete_csrf: String,
    held: bool,
}

const FEW: i64 = 20;
const CHANGE: &str = "change-role";
const DELETE: &str = "delete-role";
const SENTENCES: &[(&str, &str)] = &[
    ("created", "Role created. Add it to a user on their page."),
    ("changed", "The role is changed. It counts from now on for everybody who holds it."),
];

/// Any text is a name.
fn named(console: &ConsoleSession) -> Result<String, PageError> {
    let name = console.segment(2).filter(|name| !name.chars().any(char::is_control));
    name.ok_or_else(|| console.missing())
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let name = named(&console)?;
    page(&console, &name, None, StatusCode::OK).await
}

async fn page(
    console: &ConsoleSession,
    name: &str,
    wrong: Option<(&RoleFormInput, &'static str, &str)>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let view = view_role(console.ctx(), console.user(), name, FEW).await;
    let view = view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let rank = rank_of_reader(console.ctx(), &console.user().id).await;
    let rank = rank.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Roles, "Role", SENTENCES);
    let permissions =
        view.role.permissions.iter().filter(|name| !RETIRED.contains(&name.as_str())).map(|name| {
            Permission { name: name.clone(), words: words::of(name).unwrap_or_default() }
        });
    let seen = console.may(USERS_READ);
    let page = RolePage {
        page,
        console: frame,
        up: HERE,
        here: path(name),
        name: name.to_owned(),
        rank: view.role.rank,
        built_in: view.built_in,
        permissions: permissions.collect(),
        holders: seen.then(|| view.holders.iter().map(someone).collect()),
        all_holders: address("/console/users", &[("role", name)]),
        change: view.within_reach.then(|| form(console, &view, rank, wrong)),
    };
    Ok(render(&page, status))
}

fn form(
    console: &ConsoleSession,
    view: &RoleView,
    rank: i32,
    wrong: Option<(&RoleFormInput, &'static str, &str)>,
) -> RoleForm {
    let stored = RoleFormInput::of(&view.role);
    let typed = wrong.map_or(&stored, |(typed, ..)| typed);
    let error = wrong.map(|(_, field, text)| (field, text));
    let name = view.role.name.as_str();
    RoleForm {
        fields: RoleFields { name: None, ..typed.fields(&console.user().permissions, rank, error) },
        csrf: console.token(CHANGE, &[name]),
        delete_csrf: console.token(DELETE, &[name]),
        held: !view.holders.is_empty(),
    }
}

fn someone(holder: &RoleHolder) -> RoleMember {
    let address = holder.email.clone().unwrap_or_else(|| holder.id.clone());
    let name = holder.name.clone().filter(|name| !name.is_empty());
    let href = UserId::parse(holder.id.as_str()).ok().map(|id| users::path(&id));
    RoleMember {
        who: ShownPerson { name: name.unwrap_or_else(|| address.clone()), address, href },
        organization: holder.organization.clone().unwrap_or_else(|| "Operator".to_owned()),
        active: holder.active,
    }
}

pub async fn change(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(ROLES_WRITE)?;
    let name = named(&console)?;
    let (typed, form) = RoleFormInput::read(&console, posted)?;
    console.check(&form, CHANGE, &[&name])?;
    let change = RoleChange::Update(typed.role(&name));
    match change_role(console.ctx(), console.user(), change, &console.browser.caller).await {
        Ok(()) => Ok(console.done(&path(&name), "changed")),
        Err(Failure::Refused(refusal)) => match mend(&refusal) {
            Some((status, field, text)) => {
                page(&console, &name, Some((&typed, field, &text)), status).await
            }
            None => Err(refused(&console, Failure::Refused(refusal))),
        },
        Err(failure) => Err(refused(&console, failure)),
    }
}

pub async fn delete(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(ROLES_WRITE)?;
    let name = named(&console)?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, DELETE, &[&name])?;
    let change = RoleChange::Delete(name);
    let done = change_role(console.ctx(), console.user(), change, &console.browser.caller).await;
    done.map_err(|failure| refused(&console, failure))?;
    Ok(console.done(HERE, "deleted"))
}
