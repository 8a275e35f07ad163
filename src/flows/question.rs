//! The question put to the heart, made in one place for every channel and every repetition: before a link is handed
//! out, when it is opened, when a code is used, when a token is exchanged, and while it runs.
//!
//! So no door can forget who asks, or how the actor has shown who they are.
use super::facts::Known;
use crate::domain::Timestamp;
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::impersonation::{
    ActorProof, Denial, Given, ImpersonationRequest, Occasion, RequestedBy, Terms,
};
use chrono::Duration;

/// What the flow knows of the question by itself; people and applications come from [`Known`].
pub(super) struct Question<'a> {
    pub(super) occasion: Occasion,
    pub(super) channel: Channel,
    pub(super) protocol: ProtocolName,
    pub(super) requested_by: &'a RequestedBy,
    /// Of the token by which it is asked, if one says.
    pub(super) scopes: Option<&'a Scopes>,
    pub(super) proof: ActorProof,
    pub(super) actor_is_impersonated: bool,
    pub(super) return_url: Option<&'a str>,
    pub(super) mode: Mode,
    pub(super) redeem: Option<Redeem>,
    pub(super) given: Given,
    /// The operator's step-up window; an impersonation that runs is not asked about it.
    pub(super) step_up: Option<Duration>,
    pub(super) terms: Terms,
    /// When the row of it was made; None: it is asked for now.
    pub(super) created_at: Option<Timestamp>,
}

/// Somebody without whom there is no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Subject,
    Client,
    Actor,
}

/// Somebody is missing, as a refusal where nobody is told who.
pub(super) const GONE: Denial = Denial::SubjectInactive;

impl Question<'_> {
    /// # Errors
    ///
    /// Somebody is not there, looked for in this order: subject, application, actor.
    pub(super) fn about(self, known: &Known) -> Result<ImpersonationRequest, Missing> {
        let subject = known.subject().ok_or(Missing::Subject)?;
        let client = known.client().ok_or(Missing::Client)?;
        let actor = known.actor().ok_or(Missing::Actor)?;
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
