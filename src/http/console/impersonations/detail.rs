//! One impersonation: actor, subject, times, reason, and its audit events in order.
use super::shown::{self, ImpersonationRow};
use super::{HERE, HISTORY};
use crate::domain::ImpersonationId;
use crate::domain::permission::{AUDIT_READ, AUDIT_READ_OWN, IMPERSONATIONS_READ};
use crate::flows::impersonation::see_history::{self, HistoryEntry};
use crate::flows::operations::see_audit::{self, AuditResult as Events};
use crate::http::console::audit::shown::{ShownEvent, event};
use crate::http::console::kit::{Pager, ShownMoment, address};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::labels;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/impersonation.html")]
struct ImpersonationDetailPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    row: ImpersonationRow,
    facts: ImpersonationFacts,
    events: Vec<ShownEvent>,
    pages: Pager,
    /// The same in the audit trail, for whoever may read it.
    audit: Option<String>,
}

struct ImpersonationFacts {
    channel: String,
    requested_by: String,
    proof: &'static str,
    reason: Option<String>,
    reason_code: Option<String>,
    ticket: Option<String>,
    created: ShownMoment,
    /// None: there was no link.
    link_expires: Option<ShownMoment>,
    opened: Option<ShownMoment>,
    ends: Option<ShownMoment>,
    seen: Option<ShownMoment>,
    ended: Option<ShownMoment>,
}

const A_PAGE: i64 = 100;
const SENTENCES: &[(&str, &str)] = &[("ended", "Impersonation ended. All its tokens are revoked.")];

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(IMPERSONATIONS_READ)?;
    let id = console.segment(2).and_then(|id| ImpersonationId::parse(id).ok());
    let id = id.ok_or_else(|| console.missing())?;
    let found = see_history::find(console.ctx(), &id, console.organization()).await;
    let found = found.map_err(|e| console.accident(&e))?;
    let (entry, now) = found.ok_or_else(|| console.missing())?;
    let after = console.parameter("after").parse().ok();
    let about =
        see_audit::EventSearch { impersonation: Some(id.to_string()), ..Default::default() };
    let events = see_audit::in_order(console.ctx(), &about, after, A_PAGE).await;
    let events = events.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Impersonations, "Impersonation", SENTENCES);
    let row = shown::row(&console, &entry, now);
    let audit = console.may(AUDIT_READ) || console.may(AUDIT_READ_OWN);
    let page = ImpersonationDetailPage {
        page,
        console: frame,
        up: if row.ends.is_some() { HERE } else { HISTORY },
        facts: facts(&entry, see_history::ended_at(&entry, now)),
        pages: pages(&row.href, after, &events),
        events: events.rows.iter().map(|it| event(&console, it, &events)).collect(),
        audit: audit.then(|| address("/console/audit", &[("impersonation", id.as_str())])),
        row,
    };
    Ok(render(&page, StatusCode::OK))
}

fn pages(here: &str, after: Option<i64>, events: &Events) -> Pager {
    Pager {
        first: after.map(|_| here.to_owned()),
        next: events.next.map(|seq| address(here, &[("after", &seq.to_string())])),
    }
}

fn facts(entry: &HistoryEntry, ended: Option<crate::domain::Timestamp>) -> ImpersonationFacts {
    ImpersonationFacts {
        channel: labels::channel(&entry.channel).to_owned(),
        requested_by: match &entry.requester_application {
            Some(application) => format!("{} by {application}", entry.requested_by),
            None => entry.requested_by.clone(),
        },
        proof: match entry.actor_proof.as_deref() {
            Some("session") => "Proven by their own session",
            Some("asserted") => "Asserted by the application that asked",
            Some("token") => "Proven by their own token",
            Some("client") => "Asserted by the application, by a signature of its own",
            _ => "Not yet: the link has not been opened",
        },
        reason: entry.reason.clone(),
        reason_code: entry.reason_code.clone(),
        ticket: entry.ticket.clone(),
        created: entry.created_at.into(),
        link_expires: entry.link_expires_at.map(Into::into),
        opened: entry.redeemed_at.map(Into::into),
        ends: entry.ends_at.map(Into::into),
        seen: entry.last_seen_at.map(Into::into),
        ended: ended.map(Into::into),
    }
}
