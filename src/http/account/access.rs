//! `/account/access`: every impersonation of the account owner, and *End access now*.
use super::owner::AccountOwner;
use super::{AccountSection, tabs};
use crate::domain::{ImpersonationId, Timestamp};
use crate::flows::impersonation::see_history::{
    self, HistoryEntry, HistoryResult as History, HistoryState,
};
use crate::flows::login::account::{accesses, end_access};
use crate::http::console::kit::{Pager, ShownMoment, Tab, address};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::frame::frame;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::{labels, parameter, times};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "account/access.html")]
struct AccessPage {
    page: Page,
    tabs: Vec<Tab>,
    flash: Option<&'static str>,
    accesses: Vec<AccountAccess>,
    pages: Pager,
}

/// One impersonation of the account owner.
pub struct AccountAccess {
    pub id: String,
    pub actor: String,
    pub application: String,
    pub started: ShownMoment,
    /// `None` while it runs.
    pub ended: Option<ShownMoment>,
    /// The latest end of one that runs.
    pub until: Option<ShownMoment>,
    pub lasted: String,
    pub how: &'static str,
    pub reason: Option<String>,
    pub reason_code: Option<String>,
    pub ticket: Option<String>,
    pub read_only: bool,
    pub running: bool,
    pub csrf: String,
}

pub fn worded(owner: &AccountOwner, page: &History) -> Vec<AccountAccess> {
    let opened = page.rows.iter().filter_map(|row| Some((row, row.redeemed_at?)));
    opened.map(|(row, started)| access(owner, row, started, page.now)).collect()
}

fn access(
    owner: &AccountOwner,
    row: &HistoryEntry,
    started: Timestamp,
    now: Timestamp,
) -> AccountAccess {
    let state = see_history::state(row, now);
    let ended = see_history::ended_at(row, now);
    let id = row.id.to_string();
    AccountAccess {
        csrf: owner.token("end-access", &id),
        id,
        actor: row.actor.name.clone(),
        application: row.application.name.clone(),
        started: times::moment(started),
        ended: ended.map(|at| times::end(started, at)),
        until: row.ends_at.map(times::clock),
        lasted: times::span(ended.unwrap_or(now) - started),
        how: match state {
            HistoryState::Ended(Some(reason)) => labels::how_it_ended_for_its_subject(reason),
            HistoryState::Ended(None)
            | HistoryState::Waiting
            | HistoryState::Expired
            | HistoryState::Revoked
            | HistoryState::Running => "",
        },
        reason: row.reason.clone(),
        reason_code: row.reason_code.clone(),
        ticket: row.ticket.clone(),
        read_only: row.mode == "read_only",
        running: state == HistoryState::Running,
    }
}

pub async fn get(owner: AccountOwner) -> Result<HttpResponse, PageError> {
    let before = parameter(owner.request(), "before");
    let before = ImpersonationId::parse(before).ok();
    let later = before.is_some();
    let found = accesses(owner.ctx(), owner.session(), before).await;
    let found = found.map_err(|cause| owner.accident(&cause))?;
    let next = found.next.as_ref();
    let page = AccessPage {
        page: frame(&owner.browser, "Access to your account"),
        tabs: tabs(AccountSection::Access),
        flash: owner.flash(&[("ended", "Their access has ended, everywhere and at once.")]),
        accesses: worded(&owner, &found),
        pages: Pager {
            first: later.then(|| "/account/access".to_owned()),
            next: next.map(|id| address("/account/access", &[("before", id.as_str())])),
        },
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn end(owner: AccountOwner, posted: Posted) -> Result<HttpResponse, PageError> {
    let form = posted.only(owner.request(), &["csrf", "id"])?;
    owner.check(&form, "end-access", form.get("id"))?;
    let id = ImpersonationId::parse(form.get("id")).map_err(|_| owner.missing())?;
    let ended = end_access(owner.ctx(), owner.session(), &id, &owner.browser.caller).await;
    if !ended.map_err(|cause| owner.accident(&cause))? {
        return Err(owner.missing());
    }
    Ok(owner.done("/account/access", "ended"))
}
