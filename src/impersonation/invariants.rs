//! The rules that no policy can switch off, one function each, in `DESIGN.md` 4's words.
use super::denial::Denial;
use super::grant::Terms;
use super::request::{ActorProof, ImpersonationRequest};
use crate::domain::box_settings::BoxSettings;
use crate::domain::client::GrantType;
use crate::domain::permission::{IMPERSONATE_ADMIN, USERS_WRITE};
use crate::domain::protocol::Channel;
use crate::domain::user::UserKind;

/// Read top to bottom; the first refusal wins.
pub(super) fn check(ask: &ImpersonationRequest) -> Result<(), Denial> {
    feature_is_on(ask)?;
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
    client_takes_part(ask)?;
    client_is_let_in(ask)?;
    client_reaches_people(ask)?;
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

fn actor_is_active_and_proven(ask: &ImpersonationRequest) -> Result<(), Denial> {
    refuse_if(!ask.actor.is_active(), Denial::ActorInactive)?;
    let proof_is_over =
        matches!(ask.actor_proof, ActorProof::SessionEnded | ActorProof::TokenEnded);
    refuse_if(proof_is_over, Denial::ActorSignedOut)
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

/// Box's word: an administrator, or a co-administrator who manages users.
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

/// Acting as somebody never gives a right that the actor does not have already.
fn subject_has_no_more_rights(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let (subject, actor) = (&ask.subject.permissions, &ask.actor.permissions);
    refuse_if(!subject.is_subset_of(actor), Denial::HigherPrivileges)?;
    let untouchable = subject.is_administrative() && !actor.holds(IMPERSONATE_ADMIN);
    refuse_if(untouchable, Denial::HigherPrivileges)
}

/// By a token alone nobody acts as an administrator, whatever they hold.
fn subject_is_no_administrator(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let by_token = !ask.channel.is_browser();
    refuse_if(by_token && ask.subject.permissions.is_administrative(), Denial::HigherPrivileges)
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

fn return_url_is_registered(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let registered = |url: &String| ask.client.redirect_uris.contains(url);
    let sent_on = ask.channel.is_browser();
    refuse_if(
        sent_on && !ask.return_url.as_ref().is_some_and(registered),
        Denial::CallbackUrlMismatch,
    )
}

fn clocks_have_not_run_out(ask: &ImpersonationRequest) -> Result<(), Denial> {
    let over = if ask.channel.is_browser() { Terms::over } else { Terms::past_the_end };
    over(&ask.terms, ask.now).map_or(Ok(()), |reason| Err(Denial::Over(reason)))
}

pub(super) fn refuse_if(broken: bool, denial: Denial) -> Result<(), Denial> {
    if broken { Err(denial) } else { Ok(()) }
}
