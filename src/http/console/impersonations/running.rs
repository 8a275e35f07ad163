//! Running impersonations, with the time left.
use super::shown::{self, ImpersonationRow};
use super::{HERE, tabs};
use crate::domain::ImpersonationId;
use crate::domain::permission::{IMPERSONATIONS_END, IMPERSONATIONS_READ};
use crate::flows::impersonation::see_history::{HistorySearch, search};
use crate::http::console::kit::{Pager, Tab, address};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/impersonations_running.html")]
struct RunningPage {
    page: Page,
    console: ConsoleFrame,
    tabs: Vec<Tab>,
    rows: Vec<ImpersonationRow>,
    count: String,
    pages: Pager,
    /// `None`: this person ends nothing.
    end_all_csrf: Option<String>,
}

pub const END_ALL: &str = "end-all-impersonations";
const A_PAGE: i64 = 100;
const SENTENCES: &[(&str, &str)] = &[
    ("ended", "Impersonation ended. All its tokens are revoked."),
    ("all", "All impersonations ended, and all unused links are revoked."),
];

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(IMPERSONATIONS_READ)?;
    let before = ImpersonationId::parse(console.parameter("before")).ok();
    let first = before.as_ref().map(|_| HERE.to_owned());
    let wanted = HistorySearch {
        running: true,
        organization: console.organization().cloned(),
        before,
        limit: A_PAGE,
        ..HistorySearch::default()
    };
    let found = search(console.ctx(), &wanted).await.map_err(|e| console.accident(&e))?;
    let rows: Vec<ImpersonationRow> =
        found.rows.iter().map(|entry| shown::row(&console, entry, found.now)).collect();
    let (page, frame) = console.frame(ConsoleSection::Impersonations, "Impersonations", SENTENCES);
    let page = RunningPage {
        page,
        console: frame,
        tabs: tabs(HERE),
        count: match (rows.len(), found.next.is_some()) {
            (0, _) => "No active impersonations.".to_owned(),
            (1, false) => "One impersonation is running.".to_owned(),
            (count, false) => format!("{count} impersonations are running."),
            (count, true) => format!("More than {count} impersonations are running."),
        },
        pages: Pager {
            first,
            next: found.next.map(|id| address(HERE, &[("before", id.as_str())])),
        },
        end_all_csrf: console.may(IMPERSONATIONS_END).then(|| console.token(END_ALL, &[])),
        rows,
    };
    Ok(render(&page, StatusCode::OK))
}
