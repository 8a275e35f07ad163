//! The proof of a granted impersonation, and its time limits.
use super::request::{ActorProof, ImpersonationRequest};
use super::requester::RequestedBy;
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName};
use crate::domain::user::User;
use crate::domain::{ClientId, ImpersonationId, Timestamp};
use chrono::Duration;

/// How long an impersonation lasts unless asked otherwise.
pub const DEFAULT_DURATION: Duration = Duration::minutes(30);
pub const MIN_DURATION: Duration = Duration::minutes(1);
pub const MAX_DURATION: Duration = Duration::minutes(60);
/// Maximum duration when the actor is only asserted.
pub const MAX_ASSERTED_DURATION: Duration = Duration::minutes(10);
/// Idle limit: without a use at this server's endpoints for this long, it ends.
pub const IDLE_LIMIT: Duration = Duration::minutes(10);

/// Start and hard end, which never move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub id: ImpersonationId,
    pub starts_at: Timestamp,
    /// The hard end; no credential is valid after it.
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
            if actor_session_ends.is_some() { MAX_DURATION } else { MAX_ASSERTED_DURATION };
        let ends_at = now + duration.min(longest);
        let ends_at = actor_session_ends.map_or(ends_at, |session| ends_at.min(session));
        Self { id, starts_at: now, ends_at, last_seen_at: now }
    }

    /// The terms of an impersonation by token, which lasts as long as the token. It has no idle limit, because the
    /// actor names the subject with every call.
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

/// Proof of a granted decision. Private fields: only `policy::decide` makes one.
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
