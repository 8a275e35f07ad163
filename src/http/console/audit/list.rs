//! The trail, newest first. With scripts it follows by itself, without them there is a link.
use super::shown::{ShownEvent, event};
use super::{HERE, NAMES, export, require, wanted};
use crate::domain::permission::AUDIT_READ;
use crate::flows::operations::see_audit::newest;
use crate::flows::operations::verify_audit::{Sealed, sealed};
use crate::http::console::filters::Filters;
use crate::http::console::kit::{Field, Pager, Select, ShownMoment};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::assets;
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::{labels, times};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    page: Page,
    console: ConsoleFrame,
    follow_js: String,
    kinds: Select,
    texts: Vec<Field>,
    filtered: bool,
    /// What an empty list says.
    empty: String,
    own_only: bool,
    /// The page that is followed; `None` where nothing new can come.
    follow: Option<String>,
    events: Vec<ShownEvent>,
    pages: Pager,
    seal: Seal,
    carried: Vec<(&'static str, String)>,
    export_csrf: String,
}

struct Seal {
    head: Option<String>,
    at: Option<ShownMoment>,
    waiting: String,
}

const A_PAGE: i64 = 50;

pub async fn list(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let filters = Filters::read(&console, NAMES)?;
    let before: Option<i64> = console.parameter("before").parse().ok();
    let (search, unrecognized) = wanted(&console, &filters).await?;
    let found = newest(console.ctx(), &search, before, A_PAGE).await;
    let found = found.map_err(|e| console.accident(&e))?;
    let state = sealed(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Audit, "Audit", &[]);
    let here = filters.address(HERE, &[]);
    let page = AuditPage {
        page,
        console: frame,
        follow_js: assets::url("follow.js"),
        kinds: filters.select("type", "What", labels::kind_choices()),
        texts: texts(&filters),
        filtered: !filters.is_empty(),
        empty: unrecognized.unwrap_or_else(|| "No event matches these filters.".to_owned()),
        own_only: !console.may(AUDIT_READ),
        pages: Pager {
            first: before.map(|_| here.clone()),
            next: found.next.map(|seq| filters.address(HERE, &[("before", &seq.to_string())])),
        },
        follow: before.is_none().then_some(here),
        events: found.rows.iter().map(|entry| event(&console, entry, &found)).collect(),
        seal: seal(&state),
        carried: filters.pairs(),
        export_csrf: console.token(export::PURPOSE, &[]),
    };
    Ok(render(&page, StatusCode::OK))
}

fn texts(filters: &Filters) -> Vec<Field> {
    vec![
        filters.text("actor", "Actor"),
        filters.text("subject", "Subject"),
        filters.text("application", "Application"),
        filters.text("impersonation", "Impersonation ID"),
        filters.text("ticket", "Ticket"),
        filters.time("from", "From (UTC)"),
        filters.time("to", "Until (UTC)"),
    ]
}

fn seal(state: &Sealed) -> Seal {
    Seal {
        head: state.head.as_ref().map(ToString::to_string),
        at: state.at.map(times::moment),
        waiting: match state.waiting {
            0 => "No event waits to be sealed.".to_owned(),
            1 => "1 event is not sealed yet.".to_owned(),
            1_000.. => "More than a thousand events are not sealed yet.".to_owned(),
            count => format!("{count} events are not sealed yet."),
        },
    }
}
