//! The question put to the heart, made in one place for every channel and every repetition: before a link is handed
//! out, when it is opened, when a code is used, when a token is exchanged, and while it runs.
//!
//! So no door can forget who asks, or how the actor has shown who they are.
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::{SessionId, Timestamp};
use crate::flows::shared::decision_facts::DecisionInputs;
use crate::impersonation::{
    ActorProof, Denial, Given, ImpersonationRequest, Occasion, RequestedBy, Terms,
};
use crate::store::impersonations::ImpersonationRecord;
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::{self, Conn, StoreError};
use chrono::Duration;

/// What the flow knows of the question by itself; people and applications come from [`DecisionInputs`].
pub(in crate::flows) struct DecisionQuestion<'a> {
    pub(in crate::flows) occasion: Occasion,
    pub(in crate::flows) channel: Channel,
    pub(in crate::flows) protocol: ProtocolName,
    pub(in crate::flows) requested_by: &'a RequestedBy,
    /// Of the token by which it is asked, if one says.
    pub(in crate::flows) scopes: Option<&'a Scopes>,
    pub(in crate::flows) proof: ActorProof,
    pub(in crate::flows) actor_is_impersonated: bool,
    pub(in crate::flows) return_url: Option<&'a str>,
    pub(in crate::flows) mode: Mode,
    pub(in crate::flows) redeem: Option<Redeem>,
    pub(in crate::flows) given: Given,
    /// The operator's step-up window; an impersonation that runs is not asked about it.
    pub(in crate::flows) step_up: Option<Duration>,
    pub(in crate::flows) terms: Terms,
    /// When the row of it was made; None: it is asked for now.
    pub(in crate::flows) created_at: Option<Timestamp>,
}

/// Somebody without whom there is no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flows) enum MissingParty {
    Subject,
    Client,
    Actor,
}

/// Somebody is missing, as a refusal where nobody is told who.
pub(in crate::flows) const GONE: Denial = Denial::SubjectInactive;

impl DecisionQuestion<'_> {
    /// # Errors
    ///
    /// Somebody is not there, looked for in this order: subject, application, actor.
    pub(in crate::flows) fn about(
        self,
        known: &DecisionInputs,
    ) -> Result<ImpersonationRequest, MissingParty> {
        let subject = known.subject().ok_or(MissingParty::Subject)?;
        let client = known.client().ok_or(MissingParty::Client)?;
        let actor = known.actor().ok_or(MissingParty::Actor)?;
        Ok(ImpersonationRequest {
            occasion: self.occasion,
            channel: self.channel,
            protocol: self.protocol,
            requester: known.requester(self.requested_by, self.scopes),
            actor: actor.clone(),
            proof: self.proof,
            actor_is_impersonated: self.actor_is_impersonated,
            subject: subject.clone(),
            client: client.clone(),
            return_url: self.return_url.map(str::to_owned),
            mode: self.mode,
            redeem: self.redeem,
            given: self.given,
            step_up: self.step_up,
            feature_enabled: known.feature_enabled(),
            terms: self.terms,
            created_at: self.created_at,
            not_before: known.not_before(),
            now: known.now,
        })
    }
}

/// The question whether a running impersonation may go on, with today's facts. Whoever asked for it has to stand
/// too: once the global client is switched off, whatever it asked for is over.
///
/// `None`: it is not running, or somebody it needs is not there any more.
pub async fn of_running(
    conn: &Conn,
    record: &ImpersonationRecord,
    known: &DecisionInputs,
) -> Result<Option<ImpersonationRequest>, StoreError> {
    let proof = proof_of_actor(conn, record).await?;
    let (Some(starts_at), Some(ends_at), Some(last_seen_at), None) =
        (record.redeemed_at, record.ends_at, record.last_seen_at, record.ended_at)
    else {
        return Ok(None);
    };
    let link = record.link.as_ref();
    let question = DecisionQuestion {
        occasion: Occasion::Use,
        channel: record.channel,
        protocol: record.protocol,
        requested_by: &record.requested_by,
        scopes: None,
        proof,
        actor_is_impersonated: false,
        return_url: link.map(|link| link.request.return_url.as_str()),
        mode: record.mode,
        redeem: link.map(|link| link.redeem),
        given: given(record),
        step_up: None,
        terms: Terms { id: record.id.clone(), starts_at, ends_at, last_seen_at },
        created_at: Some(record.created_at),
    };
    Ok(question.about(known).ok())
}

/// The question whether a link that waits could still be opened by its actor, as if they had signed in just now: their
/// session is asked about when they open it. A `direct` link is opened without one.
///
/// `None`: somebody it needs is not there any more.
pub fn of_waiting(
    record: &ImpersonationRecord,
    known: &DecisionInputs,
) -> Option<ImpersonationRequest> {
    let link = record.link.as_ref()?;
    let now = known.now;
    let proof = match link.redeem {
        Redeem::Confirm => ActorProof::Session { authenticated_at: now },
        Redeem::Direct => ActorProof::Asserted,
    };
    let duration = Duration::seconds(link.duration);
    let question = DecisionQuestion {
        occasion: Occasion::Redemption,
        channel: record.channel,
        protocol: record.protocol,
        requested_by: &record.requested_by,
        scopes: None,
        proof,
        actor_is_impersonated: false,
        return_url: Some(&link.request.return_url),
        mode: record.mode,
        redeem: Some(link.redeem),
        given: given(record),
        created_at: Some(record.created_at),
        step_up: None,
        terms: Terms::starting(record.id.clone(), now, duration, None),
    };
    question.about(known).ok()
}

/// What the row says was given for it.
pub(in crate::flows) fn given(record: &ImpersonationRecord) -> Given {
    Given { reason: record.reason.clone(), ticket: record.ticket.clone() }
}

async fn proof_of_actor(
    conn: &Conn,
    record: &ImpersonationRecord,
) -> Result<ActorProof, StoreError> {
    match (&record.actor_session, &record.bearer_hash) {
        (Some(session), _) => proof_by_session(conn, session).await,
        (None, Some(bearer)) => proof_by_token(conn, bearer).await,
        (None, None) if record.channel == Channel::JwtGrant => Ok(ActorProof::Client),
        (None, None) => Ok(ActorProof::Asserted),
    }
}

async fn proof_by_session(conn: &Conn, session: &SessionId) -> Result<ActorProof, StoreError> {
    // Not `resume`: an actor who works in the application leaves their own session idle.
    Ok(match store::sessions::browser_sessions::find_by_id(conn, session).await? {
        Some((FoundSession::Own(session), now))
            if session.ended_at.is_none() && now < session.expires_at =>
        {
            ActorProof::Session { authenticated_at: session.authenticated_at }
        }
        Some((FoundSession::Own(_) | FoundSession::Impersonated { .. }, _)) | None => {
            ActorProof::SessionEnded
        }
    })
}

async fn proof_by_token(conn: &Conn, bearer: &[u8]) -> Result<ActorProof, StoreError> {
    Ok(match store::tokens::access_tokens::find(conn, bearer).await? {
        Some((token, at)) if !token.ended && !token.inactive && at.now < token.expires_at => {
            ActorProof::Token { authenticated_at: token.authenticated_at }
        }
        Some(_) | None => ActorProof::TokenEnded,
    })
}
