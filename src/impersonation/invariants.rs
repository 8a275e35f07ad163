//! The rules that no policy can switch off, one function each, in `DESIGN.md` 4's words.
use super::denial::Denial;
use super::request::{ActorProof, ImpersonationRequest};
use crate::domain::permission::IMPERSONATE_ADMIN;
use crate::domain::user::UserKind;

/// Read top to bottom; the first refusal wins.
pub(super) fn check(ask: &ImpersonationRequest) -> Result<(), Denial> {
    feature_is_on(ask)?;
    all_belong_together(ask)?;
    actor_is_somebody_else(ask)?;
    actor_is_not_impersonated(ask)?;
    actor_is_a_usable_person(ask)?;
    subject_is_active(ask)?;
    subject_has_a_login(ask)?;
    subject_has_no_more_rights(ask)?;
    client_takes_part(ask)?;
    client_speaks_the_protocol(ask)?;
    return_url_is_registered(ask)?;
    clocks_have_not_run_out(ask)
}

fn feature_is_on(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let organization_off =
        ask.subject.organization.as_ref().is_some_and(|org| !org.impersonation_enabled);
    refuse_if(!ask.feature_enabled || organization_off, Denial::ImpersonationDisabled)
}

/// One organization, or the actor is staff of the operator, who belongs to none.
fn all_belong_together(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let subject = ask.subject.organization_id();
    let actor = ask.actor.organization_id();
    let client = ask.client.organization.as_ref().map(|org| &org.id);
    let foreign = (actor.is_some() && actor != subject) || (client.is_some() && client != subject);
    refuse_if(foreign, Denial::OtherOrganization)
}

fn actor_is_somebody_else(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(ask.actor.id == ask.subject.id, Denial::SelfImpersonation)
}

/// Depth is exactly one: no chains, so no loop that launders who acted.
fn actor_is_not_impersonated(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(ask.actor_is_impersonated, Denial::AlreadyImpersonating)
}

fn actor_is_a_usable_person(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.actor.is_active(), Denial::ActorInactive)?;
    refuse_if(ask.actor_proof == ActorProof::SessionEnded, Denial::ActorSignedOut)?;
    let verified_person = ask.actor.kind == UserKind::Person && ask.actor.profile.email_verified;
    refuse_if(!verified_person, Denial::NotPermitted)
}

fn subject_is_active(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.subject.is_active(), Denial::SubjectInactive)
}

fn subject_has_a_login(ask: &ImpersonationRequest) -> Result<(), Denial> {
    match ask.subject.kind {
        UserKind::Person => Ok(()),
        UserKind::AppUser => Err(Denial::AppUser),
        UserKind::ServiceAccount => Err(Denial::ServiceAccount),
    }
}

/// Acting as somebody never gives a right that the actor does not have already.
fn subject_has_no_more_rights(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let (subject, actor) = (&ask.subject.permissions, &ask.actor.permissions);
    refuse_if(!subject.is_subset_of(actor), Denial::HigherPrivileges)?;
    let untouchable = subject.is_administrative() && !actor.holds(IMPERSONATE_ADMIN);
    refuse_if(untouchable, Denial::HigherPrivileges)
}

fn client_takes_part(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let takes_part = ask.client.is_active() && ask.client.impersonation.enabled;
    refuse_if(!takes_part, Denial::ClientNotEnabled)
}

fn client_speaks_the_protocol(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.client.kind.speaks(ask.protocol), Denial::ProtocolMismatch)
}

fn return_url_is_registered(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let registered = ask.client.redirect_uris.contains(&ask.return_url);
    refuse_if(!registered, Denial::CallbackUrlMismatch)
}

fn clocks_have_not_run_out(ask: &ImpersonationRequest) -> Result<(), Denial> {
    ask.terms.over(ask.now).map_or(Ok(()), |reason| Err(Denial::Over(reason)))
}

pub(super) fn refuse_if(broken: bool, denial: Denial) -> Result<(), Denial> {
    if broken { Err(denial) } else { Ok(()) }
}
