//! Search as you type, over name and id.
use super::{HERE, NEW, path, specs};
use crate::domain::client::ClientKind;
use crate::domain::permission::{CLIENTS_READ, CLIENTS_WRITE};
use crate::domain::protocol::ProtocolName;
use crate::domain::{ClientId, OrganizationId, Status};
use crate::flows::directory::find_users::{Choices, choices};
use crate::http::console::filters::{Filters, SearchForm};
use crate::http::console::kit::{Pager, Select, ShownMoment, ShownPerson, counted};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::provision::applications::{ApplicationSearch, FoundApplications, find};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/applications.html")]
struct ListPage {
    page: Page,
    console: ConsoleFrame,
    form: SearchForm,
    count: String,
    rows: Vec<ApplicationRow>,
    pages: Pager,
    new: Option<&'static str>,
}

struct ApplicationRow {
    which: ShownPerson,
    kind: &'static str,
    organization: String,
    active: bool,
    acting: bool,
    updated: ShownMoment,
}

const A_PAGE: i64 = 50;
const NAMES: &[&str] = &["q", "organization", "protocol", "status"];
const SENTENCES: &[(&str, &str)] = &[("deleted", "Application deleted.")];
const PROTOCOLS: [(&str, &str); 4] = [
    ("oauth2", "OpenID Connect"),
    ("samlp", "SAML 2.0"),
    ("wsfed", "WS-Federation"),
    ("none", "None: calls APIs only"),
];

/// The kinds that speak a protocol; `none` is those to which nobody signs in.
fn kinds(protocol: &str) -> Vec<&'static str> {
    let speaks = |kind: &ClientKind| match ProtocolName::parse(protocol) {
        Some(protocol) => kind.speaks(protocol),
        None if protocol == "none" => !ProtocolName::ALL.iter().any(|it| kind.speaks(*it)),
        None => false,
    };
    ClientKind::ALL.iter().filter(|kind| speaks(kind)).map(|kind| kind.as_str()).collect()
}

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(CLIENTS_READ)?;
    let filters = Filters::read(&console, NAMES)?;
    let after = ClientId::parse(console.parameter("after")).ok();
    let first = after.as_ref().map(|_| filters.address(HERE, &[]));
    let search = ApplicationSearch {
        text: filters.get("q").to_owned(),
        organization: OrganizationId::parse(filters.get("organization")).ok(),
        kinds: kinds(filters.get("protocol")),
        status: Status::parse(filters.get("status")),
        after,
        limit: A_PAGE,
    };
    let found = find(console.ctx(), console.user(), search).await;
    let (rows, next) = found.map_err(|e| console.accident(&e))?;
    let offered = choices(console.ctx(), console.user()).await.map_err(|e| console.accident(&e))?;
    let next = next.map(|id| filters.address(HERE, &[("after", id.as_str())]));
    let pages = Pager { first, next };
    let (page, frame) = console.frame(ConsoleSection::Applications, "Applications", SENTENCES);
    let page = ListPage {
        page,
        console: frame,
        form: filters.search(HERE, "Name or id", selects(&filters, &offered)),
        count: counted(
            rows.len(),
            &pages,
            ("No application found", "One application", "applications"),
        ),
        rows: rows.into_iter().map(row).collect(),
        pages,
        new: console.may(CLIENTS_WRITE).then_some(NEW),
    };
    Ok(render(&page, StatusCode::OK))
}

fn selects(filters: &Filters, offered: &Choices) -> Vec<Select> {
    let mut selects: Vec<Select> = filters.organization(offered).into_iter().collect();
    selects.push(filters.select("protocol", "Protocol", PROTOCOLS));
    let states = [("active", "On"), ("inactive", "Off")];
    selects.push(filters.select("status", "Status", states));
    selects
}

fn row(found: FoundApplications) -> ApplicationRow {
    ApplicationRow {
        which: ShownPerson {
            href: Some(path(found.id.as_str())),
            name: found.name,
            address: found.id.to_string(),
        },
        kind: specs::kind(found.kind),
        organization: found.organization.unwrap_or_else(|| "Operator".to_owned()),
        active: found.status.is_active(),
        acting: found.impersonation_enabled,
        updated: found.updated_at.into(),
    }
}
