//! The rules that no policy can switch off, one function each, in `DESIGN.md` 4's words.
use super::denial::Denial;
use super::grant::Terms;
use super::request::{ActorProof, ImpersonationRequest, Occasion};
use crate::domain::box_settings::BoxSettings;
use crate::domain::client::GrantType;
use crate::domain::permission::{IMPERSONATE_ADMIN, USERS_WRITE};
use crate::domain::protocol::{Channel, EndReason, Redeem};
use crate::domain::user::UserKind;

/// Read top to bottom; the first refusal wins.
pub(super) fn check(ask: &ImpersonationRequest) -> Result<(), Denial> {
    feature_is_on(ask)?;
    requester_still_stands(ask)?;
    requester_may_ask(ask)?;
    requester_may_name_the_actor(ask)?;
    requester_serves_the_subject(ask)?;
    all_belong_together(ask)?;
    actor_is_somebody_else(ask)?;
    actor_is_not_impersonated(ask)?;
    actor_is_active_and_proven(ask)?;
    actor_fits_the_channel(ask)?;
    actor_manages_users(ask)?;
    subject_is_active(ask)?;
    subject_fits_the_channel(ask)?;
    subject_has_no_more_rights(ask)?;
    subject_is_no_administrator(ask)?;
    named_actor_reaches_no_administrator(ask)?;
    client_takes_part(ask)?;
    client_is_let_in(ask)?;
    client_reaches_people(ask)?;
    client_speaks_the_protocol(ask)?;
    mode_is_honoured(ask)?;
    return_url_is_registered(ask)?;
    was_made_after_the_last_sign_out(ask)?;
    clocks_have_not_run_out(ask)
}

fn feature_is_on(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let organization_off =
        ask.subject.organization.as_ref().is_some_and(|org| !org.impersonation_enabled);
    refuse_if(!ask.feature_enabled || organization_off, Denial::ImpersonationDisabled)
}

/// The requester still exists, checked by the kind of its id, because impersonations that an application requested
/// end with it. One that requests for itself is checked as the client, by [`client_takes_part`].
fn requester_still_stands(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(asks_for_another(ask) && !ask.requester.is_active(), Denial::RequesterGone)
}

fn asks_for_another(ask: &ImpersonationRequest) -> bool {
    ask.requester.by.application() != Some(&ask.client.id)
}

/// Third-party applications request nothing, a person requests only for themselves, and each channel has its own
/// kind of requester.
fn requester_may_ask(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let requester = &ask.requester;
    let for_another = requester.by.person().is_some_and(|person| *person != ask.actor.id);
    let fits = requester.fits(ask.channel, &ask.client.id);
    // After the request there is no token any more; then only the registration of the application is checked.
    let unscoped = ask.occasion == Occasion::Request && !requester.carries_the_scope(ask.channel);
    let refused = requester.is_of_a_third_party() || for_another || !fits || unscoped;
    refuse_if(refused, Denial::RequesterNotAllowed)
}

/// Only an application or the command line may name an unproven actor, and only for a browser, where a link can be
/// confirmed: a person has authenticated, and a token is sent with each call.
fn requester_may_name_the_actor(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let named = ask.proof == ActorProof::Asserted;
    let by_person = ask.occasion == Occasion::Request && ask.requester.by.person().is_some();
    refuse_if(named && (by_person || !ask.channel.is_browser()), Denial::RequesterNotAllowed)
}

/// An application of one organization requests only for its users, one of the operator for all. One that requests
/// for itself is checked as the client, by [`all_belong_together`].
fn requester_serves_the_subject(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let home = ask.requester.organization();
    let foreign = home.is_some() && home != ask.subject.organization_id();
    refuse_if(asks_for_another(ask) && foreign, Denial::RequesterOfOtherOrganization)
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

fn actor_is_active_and_proven(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.actor.is_active(), Denial::ActorInactive)?;
    refuse_if(ask.proof.is_over(), Denial::ActorSignedOut)
}

/// A person with a verified address; or, by tokens, the application's own service account. An application
/// alone never stands in for a person: the JWT grant is for service accounts, the exchange for people.
fn actor_fits_the_channel(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let verified_person = ask.actor.kind == UserKind::Person && ask.actor.profile.email_verified;
    let own_service = ask.actor.is_service_account_of(&ask.client.id);
    let fits = match ask.channel {
        Channel::Link | Channel::Console | Channel::TokenExchange => verified_person,
        Channel::AsUser | Channel::OnBehalfOf => verified_person || own_service,
        Channel::JwtGrant => own_service,
    };
    refuse_if(!fits, Denial::NotPermitted)
}

/// As Box defines it: an administrator, or a co-administrator who manages users.
fn actor_manages_users(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let asked = match ask.channel {
        Channel::AsUser | Channel::OnBehalfOf | Channel::JwtGrant => true,
        Channel::Link | Channel::Console | Channel::TokenExchange => false,
    };
    refuse_if(asked && !ask.actor.permissions.holds(USERS_WRITE), Denial::NotPermitted)
}

fn subject_is_active(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.subject.is_active(), Denial::SubjectInactive)
}

/// An app user has no login, and belongs to the application that made it.
fn subject_fits_the_channel(ask: &ImpersonationRequest) -> Result<(), Denial> {
    match ask.subject.kind {
        UserKind::Person => Ok(()),
        UserKind::AppUser if ask.channel.is_browser() => Err(Denial::AppUser),
        UserKind::AppUser => {
            let own = ask.subject.owner.as_ref() == Some(&ask.client.id);
            refuse_if(!own, Denial::OtherApplication)
        }
        UserKind::ServiceAccount => Err(Denial::ServiceAccount),
    }
}

/// An impersonation never gives the actor a right that they lack.
fn subject_has_no_more_rights(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let (subject, actor) = (&ask.subject.permissions, &ask.actor.permissions);
    refuse_if(!subject.is_subset_of(actor), Denial::HigherPrivileges)?;
    let untouchable = subject.is_administrative() && !actor.holds(IMPERSONATE_ADMIN);
    refuse_if(untouchable, Denial::HigherPrivileges)
}

/// By token no actor impersonates an administrator, whatever their permissions.
fn subject_is_no_administrator(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let by_token = !ask.channel.is_browser();
    refuse_if(by_token && ask.subject.permissions.is_administrative(), Denial::HigherPrivileges)
}

/// An actor who is only named impersonates no administrator, whatever their permissions, because any application
/// may have named them. A `direct` link proves no actor, so it is denied before it is issued; a link that is
/// confirmed proves its actor later.
fn named_actor_reaches_no_administrator(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let only_named = match (ask.occasion, ask.redeem) {
        (Occasion::Request, Some(redeem)) => redeem == Redeem::Direct,
        (Occasion::Request | Occasion::Redemption | Occasion::Use, _) => {
            ask.proof == ActorProof::Asserted
        }
    };
    let reached = only_named && ask.subject.permissions.is_administrative();
    refuse_if(reached, Denial::HigherPrivileges)
}

fn client_takes_part(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let client = &ask.client;
    let switch = |on: fn(&BoxSettings) -> bool| client.box_.as_deref().is_some_and(on);
    let takes_part = match ask.channel {
        Channel::Link | Channel::Console => client.impersonation.enabled,
        Channel::TokenExchange => {
            client.impersonation.enabled && client.may_use(GrantType::TokenExchange)
        }
        Channel::AsUser => switch(|on| on.perform_actions_as_users),
        Channel::OnBehalfOf => switch(|on| on.perform_actions_as_users && on.on_behalf_of),
        Channel::JwtGrant => switch(|on| on.generate_user_access_tokens),
    };
    refuse_if(!takes_part || !client.is_active(), Denial::ClientNotEnabled)
}

/// An administrator of the subject's organization has authorized the application.
fn client_is_let_in(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let asked = match ask.channel {
        Channel::AsUser | Channel::OnBehalfOf | Channel::JwtGrant => true,
        Channel::Link | Channel::Console | Channel::TokenExchange => false,
    };
    let organization = ask.subject.organization_id();
    let let_in = ask.client.box_.as_ref().is_some_and(|on| on.is_authorized_in(organization));
    refuse_if(asked && !let_in, Denial::ClientNotAuthorized)
}

/// Without enterprise access an application by itself reaches its own app users only.
fn client_reaches_people(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let by_itself = ask.actor.kind == UserKind::ServiceAccount;
    let asked = by_itself && ask.subject.kind == UserKind::Person;
    let reaches = ask.client.box_.as_ref().is_some_and(|on| on.enterprise_access);
    refuse_if(asked && !reaches, Denial::ClientNotEnabled)
}

fn client_speaks_the_protocol(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let speaks = !ask.channel.is_browser() || ask.client.kind.speaks(ask.protocol);
    refuse_if(!speaks, Denial::ProtocolMismatch)
}

/// A read-only session must be enforced: the application receives the mode and respects it.
fn mode_is_honoured(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let honoured = ask.client.impersonation.honours(ask.mode, ask.protocol);
    refuse_if(ask.channel.is_browser() && !honoured, Denial::ModeNotSupported)
}

fn return_url_is_registered(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let registered = |url: &String| ask.client.redirect_uris.contains(url);
    let sent_on = ask.channel.is_browser();
    refuse_if(
        sent_on && !ask.return_url.as_ref().is_some_and(registered),
        Denial::CallbackUrlMismatch,
    )
}

/// Links and impersonations that were created before a sign-out of their user, organization, application or of
/// everybody have ended, whatever their own time limits.
fn was_made_after_the_last_sign_out(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let made_before = ask.created_at.zip(ask.not_before).is_some_and(|(made, end)| made <= end);
    refuse_if(made_before, Denial::Over(EndReason::StoppedByAdmin))
}

fn clocks_have_not_run_out(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let over = if ask.channel.is_browser() { Terms::over } else { Terms::past_the_end };
    over(&ask.terms, ask.now).map_or(Ok(()), |reason| Err(Denial::Over(reason)))
}

/// The actor signed in lately, whenever an impersonation starts: at the API, in the console, on the confirmation
/// page and at the exchange of a token. One that runs is not ended because its proof has aged.
///
/// Calls with `As-User` or `On-Behalf-Of` are exempt: their token is shown with every single call, and programs
/// hold it that nobody sits in front of. So is the JWT grant, where an application signs for itself.
pub(super) fn proof_is_fresh(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let starts = match ask.channel {
        Channel::Link | Channel::Console | Channel::TokenExchange => ask.occasion != Occasion::Use,
        Channel::AsUser | Channel::OnBehalfOf | Channel::JwtGrant => false,
    };
    let is_old = |window| ask.proof.is_older_than(window, ask.now);
    refuse_if(starts && ask.step_up.is_some_and(is_old), Denial::StepUpRequired)
}

pub(super) fn refuse_if(broken: bool, denial: Denial) -> Result<(), Denial> {
    if broken { Err(denial) } else { Ok(()) }
}
