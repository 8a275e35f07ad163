//! Writes a redemption: the ticket's use, the session, the code or participant, and the audit event.
use super::landing::{Landing, answer};
use super::{FoundLink, RedeemRefusal, Redeemed, reject};
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::crypto::{hash, random};
use crate::domain::caller::Caller;
use crate::domain::{SessionId, Timestamp};
use crate::flows::login::complete_login::StoredLogin;
use crate::flows::login::next_cookie;
use crate::flows::{Context, Failure};
use crate::impersonation::{Impersonation, ImpersonationRequest, marks};
use crate::login::Principal;
use crate::store::impersonations::Redemption;
use crate::store::{self, Conn, StoreError, Transactional as _};

/// Redeems the ticket in one statement: ends the link, makes the session and the code, appends the audit event.
///
/// Refused as used when another request has redeemed the ticket since it was read.
pub(super) async fn write(
    ctx: &Context,
    conn: &mut Conn,
    link: &FoundLink,
    (granted, ask, actor_session): (Impersonation, &ImpersonationRequest, Option<&Session>),
    caller: &Caller,
) -> Result<Redeemed, Failure<RedeemRefusal>> {
    let session = new_session_id(link.known.now)?;
    let session_token = actor_session.map_or_else(random::secret, |session| {
        next_cookie::impersonated_token(ctx, &link.ticket_hash, &session.id)
    });
    let principal = Principal::from(granted.clone());
    let completed = answer(ctx, link, &principal, ask, &session)?;
    let event = Event::under(EventKind::ImpersonationStarted, &granted, caller)
        .with("mode", granted.mode().as_str())
        .with("actor_proof", granted.actor_proof().as_str())
        .with("redeem", link.terms.redeem.as_str())
        .with("ends_at", granted.terms().ends_at.to_rfc3339())
        .requested(granted.requested_by());
    let (reason, ticket) = (ask.given.reason.clone(), ask.given.ticket.clone());
    let event = Event { reason, ticket, ..event };
    let (answer, stored) = match completed {
        Landing::Redirect(answer) => (answer, None),
        Landing::Respond(completed) => (completed.answer, Some(completed.stored)),
    };
    let (code, participant) = match &stored {
        Some(StoredLogin::Code(code)) => (Some(code), None),
        Some(login @ StoredLogin::Participant(_)) => (None, Some(login)),
        Some(StoredLogin::Nothing) | None => (None, None),
    };
    let redemption = Redemption {
        granted: &granted,
        ticket_hash: &link.ticket_hash,
        actor_session: actor_session.map(|session| &session.id),
        session: &session,
        session_token_hash: &hash::hash_secret(&session_token),
        impersonator: &marks::impersonator(&granted),
        code,
        caller,
    };
    let won = match participant {
        None => store::impersonations::redeem(conn, &redemption, &event).await?,
        Some(login) => {
            conn.transaction(async |tx| {
                let won = store::impersonations::redeem(tx, &redemption, &event).await?;
                Ok::<_, StoreError>(won && login.store(tx, &principal, caller).await?)
            })
            .await?
        }
    };
    if !won {
        return reject(conn, &link.record, RedeemRefusal::Used, caller).await;
    }
    Ok(Redeemed {
        session_token,
        client: granted.client().clone(),
        ends_at: granted.terms().ends_at,
        answer,
    })
}

fn new_session_id(now: Timestamp) -> Result<SessionId, StoreError> {
    SessionId::parse(random::id("ses", now))
        .map_err(|e| StoreError::Corrupt { table: "sessions", what: e.to_string() })
}
