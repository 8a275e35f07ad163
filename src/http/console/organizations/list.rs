//! Organizations by name, found as one types.
use super::{HERE, path};
use crate::domain::Status;
use crate::domain::permission::ORGANIZATIONS_READ;
use crate::flows::directory::manage_organizations::{OrganizationSearch, rights, search};
use crate::http::console::filters::{Filters, SearchForm};
use crate::http::console::kit::{Pager, ShownPerson, counted};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/organizations.html")]
struct OrganizationsPage {
    page: Page,
    console: ConsoleFrame,
    may_found: bool,
    form: SearchForm,
    count: String,
    rows: Vec<OrganizationRow>,
    pages: Pager,
}

struct OrganizationRow {
    what: ShownPerson,
    active: bool,
    impersonation: bool,
    people: String,
}

const A_PAGE: i64 = 50;
const SENTENCES: &[(&str, &str)] = &[("deleted", "The organization has been removed.")];

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(ORGANIZATIONS_READ)?;
    let filters = Filters::read(&console, &["q", "status"])?;
    let after = Some(console.parameter("after")).filter(|id| !id.is_empty());
    let first = after.as_ref().map(|_| filters.address(HERE, &[]));
    let wanted = OrganizationSearch {
        text: filters.get("q").to_owned(),
        status: Status::parse(filters.get("status")).map(|status| status.as_str().to_owned()),
        after,
        limit: A_PAGE,
        ..OrganizationSearch::default()
    };
    let found = search(console.ctx(), console.user(), wanted).await;
    let (rows, next) = found.map_err(|e| console.accident(&e))?;
    let next = next.map(|id| filters.address(HERE, &[("after", &id)]));
    let pages = Pager { first, next };
    let (page, frame) = console.frame(ConsoleSection::Organizations, "Organizations", SENTENCES);
    let rows = rows.into_iter().map(|row| OrganizationRow {
        what: ShownPerson { name: row.name, address: row.id.clone(), href: Some(path(&row.id)) },
        active: row.active,
        impersonation: row.impersonation_enabled,
        people: super::super::kit::address("/console/users", &[("organization", &row.id)]),
    });
    let rows: Vec<OrganizationRow> = rows.collect();
    let states = [("active", "Active"), ("inactive", "Inactive")];
    let page = OrganizationsPage {
        page,
        console: frame,
        may_found: rights(console.user()).found,
        form: filters.search(HERE, "Name or id", vec![filters.select("status", "Status", states)]),
        count: counted(rows.len(), &pages, ("None found", "One organization", "organizations")),
        rows,
        pages,
    };
    Ok(render(&page, StatusCode::OK))
}
