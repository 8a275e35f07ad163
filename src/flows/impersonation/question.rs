//! The question put to the heart, made in one place for every channel and every repetition: before a link is handed
//! out, when it is opened, when a code is used, when a token is exchanged, and while it runs.
//!
//! So no door can forget who asks, or how the actor has shown who they are.
use crate::domain::Timestamp;
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::flows::shared::decision_facts::DecisionInputs;
use crate::impersonation::{
    ActorProof, Denial, Given, ImpersonationRequest, Occasion, RequestedBy, Terms,
};
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
