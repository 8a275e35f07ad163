//! Past impersonations, with filters.
use super::shown::{self, ImpersonationRow};
use super::{HISTORY, tabs};
use crate::domain::ImpersonationId;
use crate::domain::permission::IMPERSONATIONS_READ;
use crate::domain::protocol::EndReason;
use crate::flows::impersonation::see_history::{HistorySearch, search};
use crate::http::console::filters::{Filters, Parties};
use crate::http::console::kit::{Field, Pager, Select, Tab};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::labels;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/impersonations_history.html")]
struct HistoryPage {
    page: Page,
    console: ConsoleFrame,
    tabs: Vec<Tab>,
    texts: Vec<Field>,
    selects: Vec<Select>,
    filtered: bool,
    /// What an empty list says.
    empty: String,
    count: String,
    rows: Vec<ImpersonationRow>,
    pages: Pager,
}

const A_PAGE: i64 = 50;
const NAMES: &[&str] = &[
    "actor",
    "subject",
    "application",
    "ticket",
    "reason",
    "protocol",
    "channel",
    "ended",
    "from",
    "to",
];
/// A shorter part of a reason is in too many of them, and no index finds it.
const MIN_REASON_LEN: usize = 3;

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(IMPERSONATIONS_READ)?;
    let filters = Filters::read(&console, NAMES)?;
    let before = ImpersonationId::parse(console.parameter("before")).ok();
    let first = before.as_ref().map(|_| filters.address(HISTORY, &[]));
    let (wanted, unrecognized) = wanted(&console, &filters, before).await?;
    let found = search(console.ctx(), &wanted).await.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Impersonations, "Past impersonations", &[]);
    let page = HistoryPage {
        page,
        console: frame,
        tabs: tabs(HISTORY),
        texts: texts(&filters),
        selects: selects(&filters),
        filtered: !filters.is_empty(),
        empty: empty(&filters, unrecognized),
        count: match (found.rows.len(), found.next.is_some()) {
            (0, _) => String::new(),
            (1, false) => "1 impersonation".to_owned(),
            (count, false) => format!("{count} impersonations"),
            (count, true) => format!("Newest {count} impersonations"),
        },
        rows: found.rows.iter().map(|entry| shown::row(&console, entry, found.now)).collect(),
        pages: Pager {
            first,
            next: found.next.map(|id| filters.address(HISTORY, &[("before", id.as_str())])),
        },
    };
    Ok(render(&page, StatusCode::OK))
}

async fn wanted(
    console: &ConsoleSession,
    filters: &Filters,
    before: Option<ImpersonationId>,
) -> Result<(HistorySearch, Option<String>), PageError> {
    let Parties { actor, subject, client, unrecognized } = filters.parties(console).await?;
    let search = HistorySearch {
        actor,
        subject,
        client,
        ticket: filters.given("ticket"),
        reason: filters.given("reason").filter(|text| text.chars().count() >= MIN_REASON_LEN),
        protocol: filters.given("protocol"),
        channel: filters.given("channel"),
        end_reason: filters.given("ended"),
        since: filters.moment(console, "from")?,
        until: filters.moment(console, "to")?,
        organization: console.organization().cloned(),
        before,
        limit: A_PAGE,
        ..HistorySearch::default()
    };
    Ok((search, unrecognized))
}

fn empty(filters: &Filters, unrecognized: Option<String>) -> String {
    let text = if filters.is_empty() {
        "When support signs in as a user, it is listed here."
    } else {
        "No impersonation matches these filters."
    };
    unrecognized.unwrap_or_else(|| text.to_owned())
}

fn texts(filters: &Filters) -> Vec<Field> {
    vec![
        filters.text("actor", "Actor"),
        filters.text("subject", "Subject"),
        filters.text("application", "Application"),
        filters.text("ticket", "Ticket"),
        filters.text("reason", "Reason contains"),
        filters.time("from", "From (UTC)"),
        filters.time("to", "Until (UTC)"),
    ]
}

fn selects(filters: &Filters) -> Vec<Select> {
    let reasons = EndReason::ALL.map(|reason| (reason.as_str(), labels::how_it_ended(reason)));
    vec![
        filters.select("protocol", "Protocol", labels::PROTOCOLS.iter().copied()),
        filters.select("channel", "Channel", labels::CHANNELS.iter().copied()),
        filters.select("ended", "Status", reasons),
    ]
}
