//! The proof that the answer was yes, and its clocks.
use super::request::{ActorProof, ImpersonationRequest};
use super::requester::RequestedBy;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::user::User;
use crate::domain::{ClientId, ImpersonationId, Timestamp};
use chrono::Duration;

/// How long an impersonation lasts unless asked otherwise.
pub const DEFAULT_DURATION: Duration = Duration::minutes(30);
pub const SHORTEST_DURATION: Duration = Duration::minutes(1);
pub const LONGEST_DURATION: Duration = Duration::minutes(60);
/// An actor who was only asserted gets less.
pub const LONGEST_ASSERTED_DURATION: Duration = Duration::minutes(10);
/// Not seen by our own endpoints for this long: over.
pub const IDLE_LIMIT: Duration = Duration::minutes(10);

/// From when to when; never sliding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub id: ImpersonationId,
    pub starts_at: Timestamp,
    /// The hard end: nothing is minted past it.
    pub ends_at: Timestamp,
    pub last_seen_at: Timestamp,
}

impl Terms {
    /// The terms of an impersonation that starts at `now`.
    ///
    /// It never outlives the session that proves the actor, and is short without one.
    pub fn starting(
        id: ImpersonationId,
        now: Timestamp,
        duration: Duration,
        actor_session_ends: Option<Timestamp>,
    ) -> Self {
        let longest =
            if actor_session_ends.is_some() { LONGEST_DURATION } else { LONGEST_ASSERTED_DURATION };
        let ends_at = now + duration.min(longest);
        let ends_at = actor_session_ends.map_or(ends_at, |session| ends_at.min(session));
        Self { id, starts_at: now, ends_at, last_seen_at: now }
    }

    /// The terms of one that lives by a token, and as long: it has no idle limit, because the actor says
    /// with every call whom they act as.
    pub fn of_token(id: ImpersonationId, now: Timestamp, expires_at: Timestamp) -> Self {
        Self { id, starts_at: now, ends_at: expires_at, last_seen_at: now }
    }

    /// Past the hard end, if so.
    pub fn past_the_end(&self, now: Timestamp) -> Option<EndReason> {
        (now >= self.ends_at).then_some(EndReason::Timeout)
    }

    /// Over by one of the two clocks, if so.
    pub fn over(&self, now: Timestamp) -> Option<EndReason> {
        let idle = (now >= self.last_seen_at + IDLE_LIMIT).then_some(EndReason::Idle);
        self.past_the_end(now).or(idle)
    }
}

/// Proof that the heart said yes. Private fields: only `policy::decide` makes one.
#[derive(Debug, Clone)]
pub struct Impersonation {
    requested_by: RequestedBy,
    actor: User,
    actor_proof: ActorProof,
    subject: User,
    client: ClientId,
    channel: Channel,
    protocol: ProtocolName,
    mode: Mode,
    terms: Terms,
}

impl Impersonation {
    pub(super) fn granted(ask: &ImpersonationRequest) -> Self {
        Self {
            requested_by: ask.requester.by.clone(),
            actor: ask.actor.clone(),
            actor_proof: ask.proof,
            subject: ask.subject.clone(),
            client: ask.client.id.clone(),
            channel: ask.channel,
            protocol: ask.protocol,
            mode: ask.mode,
            terms: ask.terms.clone(),
        }
    }
    pub fn id(&self) -> &ImpersonationId {
        &self.terms.id
    }
    pub fn requested_by(&self) -> &RequestedBy {
        &self.requested_by
    }
    pub fn actor(&self) -> &User {
        &self.actor
    }
    pub fn actor_proof(&self) -> ActorProof {
        self.actor_proof
    }
    pub fn subject(&self) -> &User {
        &self.subject
    }
    pub fn client(&self) -> &ClientId {
        &self.client
    }
    pub fn channel(&self) -> Channel {
        self.channel
    }
    pub fn protocol(&self) -> ProtocolName {
        self.protocol
    }
    pub fn mode(&self) -> Mode {
        self.mode
    }
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
}
