//! The list of users: search as you type over name, e-mail address, phone number and id.
use super::{HERE, kind, path};
use crate::domain::permission::USERS_READ;
use crate::domain::{OrganizationId, Status, UserId};
use crate::flows::Failure;
use crate::flows::directory::find_users::{
    Choices, FindRefusal, FoundUsers, UserSearch, choices, find_users,
};
use crate::http::console::filters::{Filters, SearchForm};
use crate::http::console::kit::{Pager, Select, ShownMoment, ShownPerson, counted};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/users.html")]
struct UsersPage {
    page: Page,
    console: ConsoleFrame,
    form: SearchForm,
    count: String,
    rows: Vec<UserListRow>,
    pages: Pager,
}

struct UserListRow {
    who: ShownPerson,
    organization: String,
    roles: Vec<String>,
    active: bool,
    kind: Option<&'static str>,
    last_login: Option<ShownMoment>,
}

const A_PAGE: i64 = 50;
const NAMES: &[&str] = &["q", "organization", "role", "status"];

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(USERS_READ)?;
    let filters = Filters::read(&console, NAMES)?;
    let after = UserId::parse(console.parameter("after")).ok();
    let first = after.as_ref().map(|_| filters.address(HERE, &[]));
    let search = UserSearch {
        text: filters.get("q").to_owned(),
        organization: OrganizationId::parse(filters.get("organization")).ok(),
        role: filters.given("role"),
        status: Status::parse(filters.get("status")),
        after,
        limit: A_PAGE,
    };
    let found = find_users(console.ctx(), console.user(), search).await;
    let found = found.map_err(|failure| refused(&console, failure))?;
    let offered = choices(console.ctx(), console.user()).await.map_err(|e| console.accident(&e))?;
    let next = found.next.map(|id| filters.address(HERE, &[("after", id.as_str())]));
    let pages = Pager { first, next };
    let (page, frame) = console.frame(ConsoleSection::Users, "Users", &[]);
    let page = UsersPage {
        page,
        console: frame,
        form: filters.search(HERE, "Name, email address or id", selects(&filters, &offered)),
        count: counted(found.rows.len(), &pages, ("Nobody found", "One person", "people")),
        rows: found.rows.into_iter().map(row).collect(),
        pages,
    };
    Ok(render(&page, StatusCode::OK))
}

fn refused(console: &ConsoleSession, failure: Failure<FindRefusal>) -> PageError {
    PageError::failure(console.request(), failure, |reason| match reason {
        FindRefusal::TooLong => console.malformed("A search has at most 256 characters."),
    })
}

fn selects(filters: &Filters, offered: &Choices) -> Vec<Select> {
    let mut selects: Vec<Select> = filters.organization(offered).into_iter().collect();
    let roles = offered.roles.iter().map(|it| (it.id.as_str(), it.name.as_str()));
    selects.push(filters.select("role", "Role", roles));
    let states = [("active", "Active"), ("inactive", "Inactive")];
    selects.push(filters.select("status", "Status", states));
    selects
}

fn row(found: FoundUsers) -> UserListRow {
    let address = found.email.clone().unwrap_or_else(|| found.id.to_string());
    let name = found.name.filter(|name| !name.is_empty()).unwrap_or_else(|| address.clone());
    UserListRow {
        who: ShownPerson { name, address, href: Some(path(&found.id)) },
        organization: found.organization.unwrap_or_else(|| "Operator".to_owned()),
        roles: found.roles,
        active: found.status.is_active(),
        kind: kind(found.kind),
        last_login: found.last_login_at.map(ShownMoment::from),
    }
}
