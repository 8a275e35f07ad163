//! Ends one impersonation, or all that the person can see.
use super::HERE;
use super::running::END_ALL;
use super::shown::{END, path};
use crate::domain::ImpersonationId;
use crate::domain::permission::IMPERSONATIONS_END;
use crate::domain::protocol::EndReason;
use crate::flows::impersonation::end_impersonation::{EndedBy, Which, end_all, end_one};
use crate::flows::impersonation::list_impersonations;
use crate::http::console::ConsoleSession;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use actix_web::HttpResponse;

/// One that is over already is no mistake.
pub async fn one(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    console.require(IMPERSONATIONS_END)?;
    let form = posted.only(console.request(), &["csrf", "back"])?;
    let id = console.segment(2).and_then(|id| ImpersonationId::parse(id).ok());
    let id = id.ok_or_else(|| console.missing())?;
    console.check(&form, END, &[id.as_str()])?;
    let found = list_impersonations::find(console.ctx(), &id, console.organization()).await;
    let seen = found.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let me = &console.user().id;
    let reason = if seen.record.actor == *me {
        EndReason::StoppedByActor
    } else if seen.record.subject == *me {
        EndReason::StoppedBySubject
    } else {
        EndReason::StoppedByAdmin
    };
    let by = EndedBy { actor: Some(me.as_str()), reason };
    let ended = end_one(console.ctx(), &seen.record, by, &console.browser.caller).await;
    ended.map_err(|e| console.accident(&e))?;
    let back = if form.get("back") == "detail" { path(&id) } else { HERE.to_owned() };
    Ok(console.done(&back, "ended"))
}

/// All that this person sees: of their organization, or everywhere.
pub async fn all(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    console.require(IMPERSONATIONS_END)?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, END_ALL, &[])?;
    let which = Which { organization: console.organization().cloned(), ..Which::default() };
    let by = EndedBy { actor: Some(console.user().id.as_str()), reason: EndReason::StoppedByAdmin };
    let ended = end_all(console.ctx(), &which, by, &console.browser.caller).await;
    ended.map_err(|e| console.accident(&e))?;
    Ok(console.done(HERE, "all"))
}
