//! Answers a repeated submit of the confirmation page.
//!
//! A browser follows the second submit and drops the response to the first, with its cookie. So the session that
//! has just redeemed the link gets the same impersonation again: by a form that was issued to it, within a minute.
//! No new impersonation begins.
use super::landing::initiate_login;
use super::{Opener, Redeemed, check_mac, own_session};
use crate::authentication::Session;
use crate::crypto::hash;
use crate::domain::Timestamp;
use crate::domain::protocol::Redeem;
use crate::flows::Context;
use crate::flows::impersonation::after_redemption::AfterRedemption;
use crate::flows::impersonation::end_impersonation::decide_again;
use crate::flows::login::complete_login::{Completed, CompletedLogin, complete_login};
use crate::flows::login::next_cookie;
use crate::impersonation::Impersonation;
use crate::login::{Answer, Principal};
use crate::store::impersonations::{ImpersonationRecord, Link, Ticket};
use crate::store::{self, Conn, StoreError};
use chrono::Duration;

const AGAIN_WITHIN: Duration = Duration::minutes(1);

/// `None`: this session has not just redeemed the link, so the request is handled like any other.
pub(super) async fn confirm_again(
    ctx: &Context,
    conn: &Conn,
    opener: Opener<'_>,
    is_genuine: impl Fn(&ImpersonationRecord, &Session) -> bool,
) -> Result<Option<Redeemed>, StoreError> {
    let Ok((ticket_hash, _)) = check_mac(ctx, opener.resource) else { return Ok(None) };
    let Some(ticket) = store::impersonations::find_by_ticket(conn, &ticket_hash).await? else {
        return Ok(None);
    };
    if !was_just_redeemed(&ticket) {
        return Ok(None);
    }
    let Some(session) = own_session(conn, opener).await? else { return Ok(None) };
    let Ticket { record, link, at, .. } = ticket;
    if record.actor_session.as_ref() != Some(&session.id) || !is_genuine(&record, &session) {
        return Ok(None);
    }
    let granted = decide_again(ctx, conn, &record.id, opener.caller).await?;
    let acted = store::sessions::browser_sessions::find_impersonated(conn, &record.id).await?;
    let (Some(granted), Some(acted)) = (granted, acted) else { return Ok(None) };
    let session_token = next_cookie::impersonated_token(ctx, &ticket_hash, &session.id);
    let (client, ends_at) = (granted.client().clone(), granted.terms().ends_at);
    let given = GivenAnswer { granted, record: &record, link: &link, session: &acted, now: at.now };
    let Some(answer) = answer(ctx, conn, given, opener).await? else { return Ok(None) };
    store::sessions::browser_sessions::renew(conn, &acted, &hash::hash_secret(&session_token))
        .await?;
    Ok(Some(Redeemed { session_token, client, ends_at, answer }))
}

/// The link of the form, and the session that had the cookie `token` until a moment ago: the form asked for the
/// password, and the first submit has replaced the session's cookie.
///
/// The link need not be waiting. `None`: the URL is no valid link, or not for the user of that session.
pub async fn find_repeated(
    ctx: &Context,
    resource: &str,
    token: &str,
) -> Result<Option<(ImpersonationRecord, Session)>, StoreError> {
    let Some(session) = next_cookie::find_superseded(ctx, token).await? else { return Ok(None) };
    let Ok((ticket_hash, _)) = check_mac(ctx, resource) else { return Ok(None) };
    let conn = ctx.store.conn().await?;
    let ticket = store::impersonations::find_by_ticket(&conn, &ticket_hash).await?;
    let theirs = ticket.filter(|ticket| ticket.record.actor == session.user.id);
    Ok(theirs.map(|ticket| (ticket.record, session)))
}

fn was_just_redeemed(ticket: &Ticket) -> bool {
    let Ticket { record, link, at, .. } = ticket;
    let lately = record.redeemed_at.is_some_and(|redeemed| at.now - redeemed < AGAIN_WITHIN);
    lately && record.ended_at.is_none() && link.redeem == Redeem::Confirm
}

struct GivenAnswer<'a> {
    granted: Impersonation,
    record: &'a ImpersonationRecord,
    link: &'a Link,
    session: &'a crate::domain::SessionId,
    now: Timestamp,
}

async fn answer(
    ctx: &Context,
    conn: &Conn,
    given: GivenAnswer<'_>,
    opener: Opener<'_>,
) -> Result<Option<Answer>, StoreError> {
    let GivenAnswer { granted, record, link, session, now } = given;
    let Some(client) = ctx.clients.find(conn, &record.client).await? else { return Ok(None) };
    let principal = Principal::from(granted);
    match (AfterRedemption::of(&client), ctx.protocol(record.protocol)) {
        (Some(AfterRedemption::InitiateLogin(uri)), _) => {
            Ok(Some(Answer::Redirect(initiate_login(ctx, uri, &principal, record))))
        }
        (Some(AfterRedemption::UnsolicitedResponse), Some(protocol)) => {
            let request = &link.request;
            let signed_in =
                CompletedLogin { principal: &principal, client: &client, request, session, now };
            let Completed { answer, stored } = complete_login(ctx, protocol, signed_in)?;
            let is_stored = stored.store(conn, &principal, opener.caller).await?;
            Ok(is_stored.then_some(answer))
        }
        (Some(AfterRedemption::UnsolicitedResponse) | None, _) => Ok(None),
    }
}
