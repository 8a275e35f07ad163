//! Decides who may act as whom.
use super::denial::Denial;
use super::grant::Impersonation;
use super::invariants::{self, refuse_if};
use super::request::ImpersonationRequest;
use crate::domain::permission::IMPERSONATE;

/// Decides whether `ask.actor` may act as `ask.subject` in `ask.client`, now.
///
/// First the invariants, which nothing overrides, then what an operator can grant. This is the only
/// place that makes an [`Impersonation`]; it is asked when a link is requested, when it is redeemed,
/// and again whenever a credential is minted or used.
///
/// # Errors
///
/// The [`Denial`] names the rule that refused. [`Denial::StepUpRequired`] comes last: where it is the answer,
/// nothing else stands in the way.
pub fn decide(ask: &ImpersonationRequest) -> Result<Impersonation, Denial> {
    invariants::check(ask)?;
    actor_holds_the_permission(ask)?;
    invariants::proof_is_fresh(ask)?;
    Ok(Impersonation::granted(ask))
}

fn actor_holds_the_permission(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.actor.permissions.holds(IMPERSONATE), Denial::NotPermitted)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
