//! Every role, the highest rank first.
use super::path;
use crate::domain::permission::{ROLES_WRITE, USERS_READ};
use crate::flows::directory::manage_roles::{ListedRole, list_roles, may_change};
use crate::http::console::kit::{ShownPerson, address};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/roles.html")]
struct RolesPage {
    page: Page,
    console: ConsoleFrame,
    may_make: bool,
    rows: Vec<RoleRow>,
}

struct RoleRow {
    what: ShownPerson,
    built_in: bool,
    rank: i32,
    permissions: String,
    /// Only for staff of the operator: others would count people whom they do not see.
    holders: Option<i64>,
    /// Who holds it.
    href: String,
}

const SENTENCES: &[(&str, &str)] = &[("deleted", "The role has been removed.")];

/// Whoever sees people may see what their roles mean.
pub fn require(console: &ConsoleSession) -> Result<(), PageError> {
    if console.may(ROLES_WRITE) { Ok(()) } else { console.require(USERS_READ) }
}

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let listed = list_roles(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Roles, "Roles", SENTENCES);
    let everywhere = console.organization().is_none();
    let page = RolesPage {
        page,
        console: frame,
        may_make: may_change(console.user()),
        rows: listed.into_iter().map(|it| row(it, everywhere)).collect(),
    };
    Ok(render(&page, StatusCode::OK))
}

fn row(listed: ListedRole, everywhere: bool) -> RoleRow {
    let ListedRole { role, built_in, holders } = listed;
    let permissions = match role.permissions.len() {
        0 => "None".to_owned(),
        1 => "1 permission".to_owned(),
        some => format!("{some} permissions"),
    };
    RoleRow {
        href: address("/console/users", &[("role", &role.name)]),
        what: ShownPerson { href: Some(path(&role.name)), name: role.name, address: String::new() },
        built_in,
        rank: role.rank,
        permissions,
        holders: everywhere.then_some(holders),
    }
}
