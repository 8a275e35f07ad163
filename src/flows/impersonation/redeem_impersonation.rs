//! The actor opens the link.
//!
//! [`open`] shows who will act as whom, or redeems a `direct` link; [`confirm`] redeems. The ticket is used
//! up in one statement with the session, the code and the audit event.
mod again;
mod genuine;
mod landing;
mod write;
pub mod own;

use super::end_impersonation::event_about;
use super::question::{self, DecisionQuestion, GONE};
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::domain::Timestamp;
use crate::domain::caller::Caller;
use crate::domain::protocol::Redeem;
use crate::flows::login::sign_in;
use crate::flows::shared::decision_facts::{self, DecisionInputs, Who};
use crate::flows::{Context, Failure};
use crate::impersonation::ticket::TicketState;
use crate::impersonation::{ActorProof, Denial, ImpersonationRequest, Occasion, Terms, decide};
use crate::login::Answer;
use crate::store::impersonations::{ImpersonationRecord, Ticket};
use crate::store::{self, Conn, StoreError};
pub use again::find_repeated;
use chrono::Duration;
use genuine::{check_mac, names_somebody_of, state};
use write::write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedeemRefusal {
    /// Two bewits in one URL.
    #[error("more than one bewit")]
    Duplicate,
    /// A bewit in the URL and a credential in a header contradict each other.
    #[error("a credential beside the bewit")]
    CredentialBeside,
    /// Everything until the MAC verifies: outside it is all the same.
    #[error("bad mac")]
    BadMac,
    /// The MAC is right, and the path names neither the subject nor the actor of the ticket. Nothing is used up.
    #[error("the path names somebody else")]
    OtherPath,
    #[error("access expired")]
    Expired,
    #[error("link already used")]
    Used,
    #[error("link revoked")]
    Revoked,
    /// Somebody else's browser. Nothing is used up.
    #[error("this link is for somebody else")]
    WrongPerson,
    /// The confirmation did not come from our page. Nothing is used up.
    #[error("the confirmation is not genuine")]
    Forged,
    /// A `direct` link is redeemed by `GET` alone.
    #[error("this link is not confirmed")]
    NotToBeConfirmed,
    #[error("{0}")]
    Denied(Denial),
}

/// A link whose MAC is right and whose ticket waits.
struct FoundLink {
    record: ImpersonationRecord,
    terms: store::impersonations::Link,
    who: Who,
    known: DecisionInputs,
    ticket_hash: Vec<u8>,
}

/// A redemption that worked.
pub struct Redeemed {
    /// The secret for the cookie of the impersonated session.
    pub session_token: String,
    pub client: crate::domain::ClientId,
    pub ends_at: Timestamp,
    pub answer: Answer,
}

/// What a browser brings when it opens a link.
#[derive(Clone, Copy)]
pub struct Opener<'a> {
    /// The raw path and query, byte for byte as received: the MAC covers them.
    pub resource: &'a str,
    /// The cookie of the browser's own session.
    pub session_token: Option<&'a str>,
    /// The request says that it only looks ahead; then it redeems nothing.
    pub looks_ahead: bool,
    pub caller: &'a Caller,
}

/// What opening a link came to.
pub enum OpenedLink {
    /// Nobody is signed in. Nothing is used up.
    SignInFirst,
    /// It only looked ahead. Nothing is used up.
    Seen,
    /// The actor is to confirm. Nothing is used up.
    Confirm(Box<LinkPreview>),
    /// The actor is to sign in once more before they confirm: they did so too long ago, and nothing else stands in
    /// the way. Nothing is used up.
    StepUp(Box<LinkPreview>),
    Redeemed(Box<Redeemed>),
}

/// What the confirmation page shows.
pub struct LinkPreview {
    pub ask: ImpersonationRequest,
    pub record: ImpersonationRecord,
    pub session: Session,
}

/// `GET`: redeems a `direct` link, and prepares the confirmation of any other.
pub async fn open(ctx: &Context, opener: Opener<'_>) -> Result<OpenedLink, Failure<RedeemRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let link = find_link(ctx, &conn, opener.resource, opener.caller).await?;
    match link.terms.redeem {
        Redeem::Direct if opener.looks_ahead => Ok(OpenedLink::Seen),
        Redeem::Direct => {
            let redeemed = redeem(ctx, &mut conn, &link, None, opener.caller).await?;
            Ok(OpenedLink::Redeemed(Box::new(redeemed)))
        }
        Redeem::Confirm => {
            let Some(session) = own_session(&conn, opener).await? else {
                return Ok(OpenedLink::SignInFirst);
            };
            check_person(&conn, &link, &session, opener.caller).await?;
            look(ctx, link, session)
        }
    }
}

/// `POST`: redeems a `confirm` link for its actor, when `is_genuine` says that the form was theirs.
pub async fn confirm(
    ctx: &Context,
    opener: Opener<'_>,
    is_genuine: impl Fn(&ImpersonationRecord, &Session) -> bool,
) -> Result<OpenedLink, Failure<RedeemRefusal>> {
    let outcome = confirm_once(ctx, opener, &is_genuine).await;
    if !matches!(outcome, Err(Failure::Refused(RedeemRefusal::Used))) {
        return outcome;
    }
    // Another post of the same form may have been faster.
    let conn = ctx.store.conn().await?;
    match again::confirm_again(ctx, &conn, opener, &is_genuine).await? {
        Some(redeemed) => Ok(OpenedLink::Redeemed(Box::new(redeemed))),
        None => outcome,
    }
}

async fn confirm_once(
    ctx: &Context,
    opener: Opener<'_>,
    is_genuine: impl Fn(&ImpersonationRecord, &Session) -> bool,
) -> Result<OpenedLink, Failure<RedeemRefusal>> {
    let mut conn = ctx.store.conn().await?;
    if let Some(redeemed) = again::confirm_again(ctx, &conn, opener, &is_genuine).await? {
        return Ok(OpenedLink::Redeemed(Box::new(redeemed)));
    }
    let link = match find_link(ctx, &conn, opener.resource, opener.caller).await {
        // What is no link of ours is nothing to be confirmed.
        Err(Failure::Refused(RedeemRefusal::BadMac)) => {
            return Err(Failure::Refused(RedeemRefusal::NotToBeConfirmed));
        }
        link => link?,
    };
    if link.terms.redeem == Redeem::Direct {
        return Err(Failure::Refused(RedeemRefusal::NotToBeConfirmed));
    }
    let Some(session) = own_session(&conn, opener).await? else {
        return Ok(OpenedLink::SignInFirst);
    };
    check_person(&conn, &link, &session, opener.caller).await?;
    if !is_genuine(&link.record, &session) {
        return Err(Failure::Refused(RedeemRefusal::Forged));
    }
    match redeem(ctx, &mut conn, &link, Some(&session), opener.caller).await {
        Ok(redeemed) => Ok(OpenedLink::Redeemed(Box::new(redeemed))),
        Err(Failure::Refused(RedeemRefusal::Denied(Denial::StepUpRequired))) => {
            look(ctx, link, session)
        }
        Err(failure) => Err(failure),
    }
}

async fn own_session(conn: &Conn, opener: Opener<'_>) -> Result<Option<Session>, StoreError> {
    let Some(token) = opener.session_token else { return Ok(None) };
    Ok(sign_in::resume(conn, token).await?.map(|(session, _)| session))
}

async fn find_link(
    ctx: &Context,
    conn: &Conn,
    resource: &str,
    caller: &Caller,
) -> Result<FoundLink, Failure<RedeemRefusal>> {
    let (ticket_hash, good_until) = check_mac(ctx, resource)?;
    let found = store::impersonations::find_by_ticket(conn, &ticket_hash).await?;
    let found = found.ok_or(Failure::Refused(RedeemRefusal::BadMac))?;
    let Ticket { record, link: terms, at } = found;
    if !names_somebody_of(&record, resource) {
        return reject(conn, &record, RedeemRefusal::OtherPath, caller).await;
    }
    let now = at.now;
    let state = match state(&record, terms.expires_at, now) {
        TicketState::Waiting if now.timestamp() >= good_until => TicketState::Expired,
        state @ (TicketState::Waiting
        | TicketState::Expired
        | TicketState::Redeemed
        | TicketState::Revoked) => state,
    };
    match state {
        TicketState::Waiting => {
            let who = Who::of(&record);
            let known = decision_facts::at(ctx, conn, &who, Some(&at)).await?;
            Ok(FoundLink { record, terms, who, known, ticket_hash })
        }
        TicketState::Redeemed => reject(conn, &record, RedeemRefusal::Used, caller).await,
        TicketState::Revoked => reject(conn, &record, RedeemRefusal::Revoked, caller).await,
        TicketState::Expired => reject(conn, &record, RedeemRefusal::Expired, caller).await,
    }
}

/// Writes the refusal down: a second use of a link is worth an alert.
async fn reject<T>(
    conn: &Conn,
    record: &ImpersonationRecord,
    refusal: RedeemRefusal,
    caller: &Caller,
) -> Result<T, Failure<RedeemRefusal>> {
    let event = event_about(EventKind::LinkRejected, record, caller);
    store::trail::append::append(conn, &event.because(refusal.to_string())).await?;
    Err(Failure::Refused(refusal))
}

/// The link is for this signed-in person, and for nobody else.
async fn check_person(
    conn: &Conn,
    link: &FoundLink,
    session: &Session,
    caller: &Caller,
) -> Result<(), Failure<RedeemRefusal>> {
    if session.user.id == link.record.actor {
        return Ok(());
    }
    reject(conn, &link.record, RedeemRefusal::WrongPerson, caller).await
}

/// What the confirmation page shows: the question as the heart would be asked now, by what was read with the
/// ticket.
///
/// # Errors
///
/// Refused when the answer would be no; nothing is used up by looking.
fn look(
    ctx: &Context,
    link: FoundLink,
    session: Session,
) -> Result<OpenedLink, Failure<RedeemRefusal>> {
    let ask = question(ctx, &link, Some(&session))?;
    let verdict = decide(&ask);
    let preview = Box::new(LinkPreview { ask, record: link.record, session });
    match verdict {
        Ok(_) => Ok(OpenedLink::Confirm(preview)),
        Err(Denial::StepUpRequired) => Ok(OpenedLink::StepUp(preview)),
        Err(denial) => Err(Failure::Refused(RedeemRefusal::Denied(denial))),
    }
}

fn question(
    ctx: &Context,
    link: &FoundLink,
    session: Option<&Session>,
) -> Result<ImpersonationRequest, Failure<RedeemRefusal>> {
    let record = &link.record;
    let session_ends = session.map(|session| session.expires_at);
    let duration = Duration::seconds(link.terms.duration);
    let by_session =
        |session: &Session| ActorProof::Session { authenticated_at: session.authenticated_at };
    let question = DecisionQuestion {
        occasion: Occasion::Redemption,
        channel: record.channel,
        protocol: record.protocol,
        requested_by: &record.requested_by,
        scopes: None,
        proof: session.map_or(ActorProof::Asserted, by_session),
        actor_is_impersonated: false,
        return_url: Some(&link.terms.request.return_url),
        mode: record.mode,
        redeem: Some(link.terms.redeem),
        given: question::given(record),
        step_up: ctx.shared.step_up,
        terms: Terms::starting(record.id.clone(), link.known.now, duration, session_ends),
        created_at: Some(record.created_at),
    };
    let asked = question.about(&link.known);
    asked.map_err(|_| Failure::Refused(RedeemRefusal::Denied(GONE)))
}

/// Uses the ticket up and signs the actor in as the subject.
///
/// Without a session only a `direct` link is redeemed. A no by the heart burns the link: the named
/// actor has tried, and nothing is left to try again with. It is not burnt where a fresh sign-in is all that is
/// missing.
async fn redeem(
    ctx: &Context,
    conn: &mut Conn,
    link: &FoundLink,
    session: Option<&Session>,
    caller: &Caller,
) -> Result<Redeemed, Failure<RedeemRefusal>> {
    if session.is_none() && link.terms.redeem == Redeem::Confirm {
        return Err(Failure::Refused(RedeemRefusal::WrongPerson));
    }
    let ask = question(ctx, link, session)?;
    match decide(&ask) {
        Ok(granted) => {
            decision_facts::remember(ctx, link.who.clone(), &link.known).await;
            write(ctx, conn, link, (granted, &ask, session), caller).await
        }
        Err(denial) => {
            let event = Event::refused(&ask, denial, caller);
            match denial.end_reason() {
                Some(reason) => {
                    store::impersonations::end(conn, &link.record.id, reason, &event).await?;
                }
                None => store::trail::append::append(conn, &event).await?,
            }
            Err(Failure::Refused(RedeemRefusal::Denied(denial)))
        }
    }
}
