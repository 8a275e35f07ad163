//! The channels that act by tokens: one allowed request for each; each case breaks one thing.
use super::*;
use crate::domain::box_settings::BoxSettings;
use crate::domain::client::GrantType;
use std::sync::Arc;

const BY_TOKEN: [Channel; 4] =
    [Channel::AsUser, Channel::OnBehalfOf, Channel::JwtGrant, Channel::TokenExchange];
const BOX_LIKE: [Channel; 3] = [Channel::AsUser, Channel::OnBehalfOf, Channel::JwtGrant];

fn box_settings() -> BoxSettings {
    BoxSettings {
        perform_actions_as_users: true,
        on_behalf_of: true,
        generate_user_access_tokens: true,
        enterprise_access: true,
        authorized_in: vec![OrganizationId::parse("org_acme").unwrap()],
        public_keys: vec![],
    }
}

fn service_account() -> User {
    let mut user = user("service", &["impersonate", "users:read", "users:write"]);
    user.kind = UserKind::ServiceAccount;
    user.profile = Profile::default();
    user.owner = Some(ClientId::parse("orders").unwrap());
    user
}

/// An administrator with a token, but for the JWT grant, where a service account acts.
fn may(channel: Channel) -> ImpersonationRequest {
    let mut ask = allowed();
    ask.channel = channel;
    ask.actor = user("cora", &["impersonate", "users:read", "users:write"]);
    ask.proof = ActorProof::Token { authenticated_at: Some(noon()) };
    if channel == Channel::JwtGrant {
        (ask.actor, ask.proof) = (service_account(), ActorProof::Client);
    }
    ask.requester = itself(&ask);
    (ask.occasion, ask.redeem) = (Occasion::Request, None);
    ask.client.kind = ClientKind::Machine;
    ask.client.redirect_uris = vec![];
    ask.client.grant_types = vec![GrantType::TokenExchange];
    ask.client.impersonation.enabled = channel == Channel::TokenExchange;
    ask.client.box_ = Some(Arc::new(box_settings()));
    ask.return_url = None;
    let id = ImpersonationId::parse("imp_2").unwrap();
    ask.terms = Terms::of_token(id, noon(), noon() + Duration::hours(1));
    ask
}

/// The application in which somebody acts, which asks by the token of the actor or for its service account.
fn itself(ask: &ImpersonationRequest) -> Requester {
    let client = ask.client.id.clone();
    let by = if ask.channel == Channel::JwtGrant {
        RequestedBy::Application(client)
    } else {
        RequestedBy::Token { person: ask.actor.id.clone(), application: Some(client) }
    };
    let application = Some(RequestingApplication::from(&ask.client));
    Requester { by, application, scopes: Scopes::default() }
}

fn acts(ask: &mut ImpersonationRequest, actor: User) {
    ask.actor = actor;
    ask.requester = itself(ask);
}

#[track_caller]
fn refused_in(channels: &[Channel], break_it: impl Fn(&mut ImpersonationRequest), because: Denial) {
    for channel in channels {
        let mut ask = may(*channel);
        break_it(&mut ask);
        assert_eq!(decide(&ask).unwrap_err(), because, "{channel:?}");
    }
}

fn set(ask: &mut ImpersonationRequest, change: impl FnOnce(&mut BoxSettings)) {
    let mut settings = box_settings();
    change(&mut settings);
    ask.client.box_ = Some(Arc::new(settings));
}

fn of_this_application(ask: &mut ImpersonationRequest) {
    ask.subject.kind = UserKind::AppUser;
    ask.subject.owner = Some(ask.client.id.clone());
}

#[test]
fn each_channel_lets_somebody_act() {
    for channel in BY_TOKEN {
        let granted = decide(&may(channel)).unwrap();
        assert_eq!((granted.channel(), granted.subject().id.as_str()), (channel, "alice"));
        let mut ask = may(channel);
        of_this_application(&mut ask);
        assert!(decide(&ask).is_ok(), "{channel:?}: an app user of the application");
    }
    for channel in [Channel::AsUser, Channel::OnBehalfOf] {
        let mut ask = may(channel);
        acts(&mut ask, service_account());
        assert!(decide(&ask).is_ok(), "{channel:?}: the service account");
    }
}

#[test]
fn f02_nobody_acts_as_themselves_by_a_token() {
    refused_in(&BY_TOKEN, |a| a.subject.id = a.actor.id.clone(), Denial::SelfImpersonation);
}

#[test]
fn f25_a_token_that_acts_already_names_nobody_else() {
    refused_in(&BY_TOKEN, |a| a.actor_is_impersonated = true, Denial::AlreadyImpersonating);
}

#[test]
fn f03_who_does_not_manage_users_acts_as_nobody() {
    let without = |a: &mut ImpersonationRequest| a.actor.permissions = Permissions::default();
    refused_in(&[Channel::TokenExchange], without, Denial::NotPermitted);
    let support = ["impersonate", "users:read"];
    refused_in(
        &BOX_LIKE,
        |a| a.actor.permissions = support.into_iter().collect(),
        Denial::NotPermitted,
    );
    let manager = ["users:read", "users:write"];
    refused_in(
        &BY_TOKEN,
        |a| a.actor.permissions = manager.into_iter().collect(),
        Denial::NotPermitted,
    );
}

#[test]
fn f04_a_service_account_is_never_the_subject() {
    refused_in(&BY_TOKEN, |a| a.subject.kind = UserKind::ServiceAccount, Denial::ServiceAccount);
}

#[test]
fn f05_by_a_token_nobody_acts_as_an_administrator_whatever_they_hold() {
    for held in [permission::USERS_WRITE, IMPERSONATE, permission::IMPERSONATE_ADMIN] {
        refused_in(
            &BY_TOKEN,
            |a| {
                a.actor.permissions = permission::ALL.iter().copied().collect();
                a.subject.permissions = [held].into_iter().collect();
            },
            Denial::HigherPrivileges,
        );
    }
}

#[test]
fn f28_an_app_user_is_acted_as_by_its_own_application_only() {
    for owner in [None, Some(ClientId::parse("other").unwrap())] {
        refused_in(
            &BY_TOKEN,
            |a| (a.subject.kind, a.subject.owner) = (UserKind::AppUser, owner.clone()),
            Denial::OtherApplication,
        );
    }
}

#[test]
fn f29_an_app_user_acts_as_nobody() {
    refused_in(&BY_TOKEN, |a| a.actor.kind = UserKind::AppUser, Denial::NotPermitted);
}

#[test]
fn a_service_account_acts_for_its_own_application_only() {
    let of_another = |a: &mut ImpersonationRequest| {
        let owner = Some(ClientId::parse("other").unwrap());
        acts(a, User { owner, ..service_account() });
    };
    refused_in(&BOX_LIKE, of_another, Denial::NotPermitted);
    refused_in(&[Channel::TokenExchange], |a| acts(a, service_account()), Denial::NotPermitted);
    let person = |a: &mut ImpersonationRequest| acts(a, user("cora", permission::ALL));
    refused_in(&[Channel::JwtGrant], person, Denial::NotPermitted);
}

#[test]
fn f01_a_switch_that_is_off_refuses() {
    for off in [None, Some(Arc::new(BoxSettings::default()))] {
        refused_in(&BOX_LIKE, |a| a.client.box_.clone_from(&off), Denial::ClientNotEnabled);
    }
    let act = |a: &mut ImpersonationRequest| set(a, |on| on.perform_actions_as_users = false);
    refused_in(&[Channel::AsUser, Channel::OnBehalfOf], act, Denial::ClientNotEnabled);
    let email = |a: &mut ImpersonationRequest| set(a, |on| on.on_behalf_of = false);
    refused_in(&[Channel::OnBehalfOf], email, Denial::ClientNotEnabled);
    let mint = |a: &mut ImpersonationRequest| set(a, |on| on.generate_user_access_tokens = false);
    refused_in(&[Channel::JwtGrant], mint, Denial::ClientNotEnabled);
    refused_in(
        &[Channel::TokenExchange],
        |a| a.client.impersonation.enabled = false,
        Denial::ClientNotEnabled,
    );
    refused_in(
        &[Channel::TokenExchange],
        |a| a.client.grant_types = vec![],
        Denial::ClientNotEnabled,
    );
    refused_in(&BY_TOKEN, |a| a.client.status = Status::Inactive, Denial::ClientNotEnabled);
}

#[test]
fn g05_an_application_acts_only_where_it_is_authorized() {
    let nowhere = |a: &mut ImpersonationRequest| set(a, |on| on.authorized_in = vec![]);
    refused_in(&BOX_LIKE, nowhere, Denial::ClientNotAuthorized);
}

#[test]
fn without_enterprise_access_an_application_reaches_its_own_app_users_only() {
    let narrow = |a: &mut ImpersonationRequest| {
        acts(a, service_account());
        set(a, |on| on.enterprise_access = false);
    };
    refused_in(&BOX_LIKE, narrow, Denial::ClientNotEnabled);
    let mut ask = may(Channel::AsUser);
    narrow(&mut ask);
    of_this_application(&mut ask);
    assert!(decide(&ask).is_ok());
}

#[test]
fn a24_tokens_do_not_cross_organizations() {
    refused_in(
        &BY_TOKEN,
        |a| a.subject.organization = Some(organization("org_b")),
        Denial::OtherOrganization,
    );
    refused_in(
        &BY_TOKEN,
        |a| a.client.organization = Some(organization("org_b")),
        Denial::OtherOrganization,
    );
}

#[test]
fn a21_whoever_is_gone_takes_the_token_along() {
    refused_in(&BY_TOKEN, |a| a.actor.status = Status::Inactive, Denial::ActorInactive);
    refused_in(&BY_TOKEN, |a| a.subject.status = Status::Inactive, Denial::SubjectInactive);
    refused_in(&BY_TOKEN, |a| a.proof = ActorProof::TokenEnded, Denial::ActorSignedOut);
    refused_in(&BY_TOKEN, |a| a.feature_enabled = false, Denial::ImpersonationDisabled);
    refused_in(
        &BY_TOKEN,
        |a| a.now = noon() + Duration::hours(1),
        Denial::Over(EndReason::Timeout),
    );
}

#[test]
fn a_token_has_no_idle_limit_because_every_call_says_whom() {
    for channel in BY_TOKEN {
        let mut ask = may(channel);
        (ask.now, ask.occasion) = (noon() + Duration::minutes(59), Occasion::Use);
        assert!(decide(&ask).is_ok(), "{channel:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a06_no_token_ever_adds_a_right(
        actor in some_permissions(),
        subject in some_permissions(),
        nth in 0..BY_TOKEN.len(),
    ) {
        let mut ask = may(BY_TOKEN[nth]);
        ask.actor.permissions = actor.iter().copied().collect();
        ask.subject.permissions = subject.iter().copied().collect();
        let subset = subject.iter().all(|p| actor.contains(p));
        let admin = ["impersonate", "impersonate:admin", "users:write"]
            .iter()
            .any(|p| subject.contains(p));
        let manages = BY_TOKEN[nth] == Channel::TokenExchange || actor.contains(&"users:write");
        let expected = actor.contains(&"impersonate") && manages && subset && !admin;
        prop_assert_eq!(decide(&ask).is_ok(), expected);
    }

    /// The exchange says what a link would say, and no to administrators.
    #[test]
    fn g27_an_exchange_is_judged_as_a_link_is(
        actor in some_permissions(),
        subject in some_permissions(),
        off in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let mut exchange = may(Channel::TokenExchange);
        let mut link = allowed();
        for ask in [&mut exchange, &mut link] {
            ask.actor.permissions = actor.iter().copied().collect();
            ask.subject.permissions = subject.iter().copied().collect();
            ask.actor.status = if off[0] { Status::Inactive } else { Status::Active };
            ask.subject.status = if off[1] { Status::Inactive } else { Status::Active };
            ask.client.status = if off[2] { Status::Inactive } else { Status::Active };
            ask.feature_enabled = !off[3];
            ask.actor.profile.email_verified = !off[4];
            if off[5] {
                ask.subject.organization = Some(organization("org_b"));
            }
        }
        let administrator = exchange.subject.permissions.is_administrative();
        let expected = decide(&link).is_ok() && !administrator;
        prop_assert_eq!(decide(&exchange).is_ok(), expected);
    }
}
