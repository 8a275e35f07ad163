//! One allowed request; each case breaks one thing and names the reason. Acting by tokens: [`by_token`]; who may
//! ask for what: [`requesters`].
#[path = "tests/by_token.rs"]
mod by_token;
#[path = "tests/requesters.rs"]
mod requesters;

use super::*;
use crate::domain::client::{Client, ClientImpersonation, ClientKind, SigningAlgorithm};
use crate::domain::organization::Organization;
use crate::domain::permission::{self, Permissions};
use crate::domain::protocol::{Channel, EndReason, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::user::{Profile, User, UserKind};
use crate::domain::{ClientId, ImpersonationId, OrganizationId, Status, Timestamp, UserId};
use crate::impersonation::{
    ActorProof, Given, Occasion, RequestedBy, Requester, RequestingApplication, Terms, marks,
};
use chrono::Duration;
use proptest::prelude::*;

fn organization(id: &str) -> Organization {
    Organization {
        id: OrganizationId::parse(id).unwrap(),
        status: Status::Active,
        impersonation_enabled: true,
    }
}

fn user(id: &str, permissions: &[&str]) -> User {
    User {
        id: UserId::parse(id).unwrap(),
        kind: UserKind::Person,
        status: Status::Active,
        organization: Some(organization("org_acme")),
        profile: Profile {
            email: Some(format!("{id}@acme.example")),
            email_verified: true,
            ..Profile::default()
        },
        permissions: permissions.iter().copied().collect(),
        owner: None,
    }
}

fn client() -> Client {
    Client {
        id: ClientId::parse("orders").unwrap(),
        name: "Orders".into(),
        organization: None,
        status: Status::Active,
        kind: ClientKind::Web,
        first_party: true,
        auth_method: ClientKind::Web.default_auth_method(),
        secret_hashes: vec![],
        jwks: None,
        redirect_uris: vec!["https://orders.example/cb".into()],
        post_logout_redirect_uris: vec![],
        initiate_login_uri: None,
        backchannel_logout_uri: None,
        grant_types: vec![],
        scopes: Scopes::default(),
        api_scopes: Vec::new(),
        audiences: vec![],
        introspect: false,
        id_token_algorithm: SigningAlgorithm::Rs256,
        access_token_lifetime: 3600,
        impersonation: ClientImpersonation {
            enabled: true,
            redeem: Redeem::Confirm,
            unsolicited: false,
            read_scopes: Scopes::default(),
            read_only: false,
        },
        saml: None,
        wsfed: None,
        box_: None,
    }
}

fn noon() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

/// Five minutes, as it comes.
const STEP_UP: Duration = Duration::minutes(5);

fn signed_in_now() -> ActorProof {
    ActorProof::Session { authenticated_at: noon() }
}

/// The global client of the operator.
fn global() -> Requester {
    let id = ClientId::parse("global").unwrap();
    let application = RequestingApplication {
        id: id.clone(),
        kind: ClientKind::Global,
        first_party: true,
        organization: None,
        active: true,
        may_create: true,
    };
    let by = RequestedBy::Application(id);
    Requester { by, application: Some(application), scopes: Scopes::default() }
}

/// The global client's link, as its actor confirms it.
fn allowed() -> ImpersonationRequest {
    let id = ImpersonationId::parse("imp_1").unwrap();
    ImpersonationRequest {
        occasion: Occasion::Redemption,
        channel: Channel::Link,
        protocol: ProtocolName::Oauth2,
        requester: global(),
        actor: user("sam", &[IMPERSONATE, permission::USERS_READ]),
        proof: signed_in_now(),
        actor_is_impersonated: false,
        subject: user("alice", &[]),
        client: client(),
        return_url: Some("https://orders.example/cb".into()),
        mode: Mode::Full,
        redeem: Some(Redeem::Confirm),
        given: Given::default(),
        step_up: Some(STEP_UP),
        feature_enabled: true,
        terms: Terms::starting(
            id,
            noon(),
            Duration::minutes(30),
            Some(noon() + Duration::hours(8)),
        ),
        created_at: Some(noon()),
        not_before: None,
        now: noon(),
    }
}

#[test]
fn l09_what_was_made_before_everything_was_ended_is_over() {
    let over = Denial::Over(EndReason::StoppedByAdmin);
    refused(|ask| ask.not_before = Some(noon()), over);
    refused(|ask| ask.not_before = Some(noon() + Duration::hours(1)), over);
    let mut ask = allowed();
    ask.not_before = Some(noon() - Duration::microseconds(1));
    assert!(decide(&ask).is_ok(), "it was made after that");
    (ask.not_before, ask.created_at) = (Some(noon()), None);
    assert!(decide(&ask).is_ok(), "it is asked for now");
}

#[track_caller]
fn refused(break_it: impl FnOnce(&mut ImpersonationRequest), because: Denial) {
    let mut ask = allowed();
    break_it(&mut ask);
    assert_eq!(decide(&ask).unwrap_err(), because);
}

#[test]
fn support_staff_may_act_as_an_ordinary_user() {
    let granted = decide(&allowed()).unwrap();
    assert_eq!(granted.actor().id.as_str(), "sam");
    assert_eq!(granted.subject().id.as_str(), "alice");
    assert_eq!(granted.terms().ends_at, noon() + Duration::minutes(30));
}

#[test]
fn staff_of_the_operator_may_act_in_any_organization() {
    let mut ask = allowed();
    ask.actor.organization = None;
    assert!(decide(&ask).is_ok());
}

#[test]
fn a09_nobody_acts_as_themselves() {
    refused(|a| a.actor.id = a.subject.id.clone(), Denial::SelfImpersonation);
}

#[test]
fn a10_an_impersonated_actor_starts_nothing() {
    refused(|a| a.actor_is_impersonated = true, Denial::AlreadyImpersonating);
}

#[test]
fn a15_an_unusable_actor_is_refused() {
    refused(|a| a.actor.status = Status::Inactive, Denial::ActorInactive);
    refused(|a| a.actor.kind = UserKind::AppUser, Denial::NotPermitted);
    refused(|a| a.actor.kind = UserKind::ServiceAccount, Denial::NotPermitted);
    refused(|a| a.actor.profile.email_verified = false, Denial::NotPermitted);
    refused(|a| a.actor.permissions = Permissions::default(), Denial::NotPermitted);
    refused(|a| a.proof = ActorProof::SessionEnded, Denial::ActorSignedOut);
    refused(
        |a| a.actor.organization.as_mut().unwrap().status = Status::Inactive,
        Denial::ActorInactive,
    );
}

#[test]
fn a16_a_neighbouring_permission_is_not_enough() {
    refused(
        |a| a.actor.permissions = [permission::USERS_WRITE].into_iter().collect(),
        Denial::NotPermitted,
    );
}

#[test]
fn a20_an_unusable_subject_is_refused() {
    refused(|a| a.subject.status = Status::Inactive, Denial::SubjectInactive);
    refused(|a| a.subject.kind = UserKind::AppUser, Denial::AppUser);
    refused(|a| a.subject.kind = UserKind::ServiceAccount, Denial::ServiceAccount);
}

#[test]
fn a24_organizations_do_not_mix() {
    refused(|a| a.actor.organization = Some(organization("org_b")), Denial::OtherOrganization);
    refused(|a| a.subject.organization = None, Denial::OtherOrganization);
    refused(|a| a.client.organization = Some(organization("org_b")), Denial::OtherOrganization);
}

#[test]
fn a63_a_switched_off_feature_refuses() {
    refused(|a| a.feature_enabled = false, Denial::ImpersonationDisabled);
    refused(
        |a| a.subject.organization.as_mut().unwrap().impersonation_enabled = false,
        Denial::ImpersonationDisabled,
    );
    refused(|a| a.client.impersonation.enabled = false, Denial::ClientNotEnabled);
}

#[test]
fn the_application_must_be_able_to_take_the_answer() {
    refused(|a| a.client.status = Status::Inactive, Denial::ClientNotEnabled);
    refused(|a| a.protocol = ProtocolName::Samlp, Denial::ProtocolMismatch);
    refused(
        |a| {
            (a.protocol, a.client.kind) = (ProtocolName::Samlp, ClientKind::Saml);
            a.mode = Mode::ReadOnly;
        },
        Denial::ModeNotSupported,
    );
    refused(|a| a.return_url = Some("https://evil.example/".into()), Denial::CallbackUrlMismatch);
    refused(|a| a.return_url = None, Denial::CallbackUrlMismatch);
}

#[test]
fn a50_the_hard_end_and_the_idle_limit_hold() {
    let at = |minutes| noon() + Duration::minutes(minutes);
    refused(|a| (a.now, a.terms.last_seen_at) = (at(30), at(29)), Denial::Over(EndReason::Timeout));
    refused(|a| a.now = at(10), Denial::Over(EndReason::Idle));
}

#[test]
fn a75_an_impersonation_never_outlives_the_session_of_its_actor() {
    let id = ImpersonationId::parse("imp_1").unwrap();
    let session_ends = noon() + Duration::minutes(2);
    let terms = Terms::starting(id.clone(), noon(), Duration::minutes(30), Some(session_ends));
    assert_eq!(terms.ends_at, session_ends);
    let asserted = Terms::starting(id, noon(), Duration::minutes(30), None);
    assert_eq!(asserted.ends_at, noon() + Duration::minutes(10));
}

#[test]
fn a05_an_administrator_is_acted_as_only_with_a_permission_of_its_own() {
    refused(
        |a| a.subject.permissions = permission::ALL.iter().copied().collect(),
        Denial::HigherPrivileges,
    );
    refused(
        |a| a.subject.permissions = [IMPERSONATE].into_iter().collect(),
        Denial::HigherPrivileges,
    );
    let mut ask = allowed();
    ask.actor.permissions = permission::ALL.iter().copied().collect();
    ask.subject.permissions = [permission::USERS_WRITE].into_iter().collect();
    assert!(decide(&ask).is_ok());
}

#[test]
fn a60_forged_marks_are_taken_out_of_an_ordinary_login() {
    let mut claims = serde_json::Map::new();
    for name in marks::RESERVED {
        claims.insert((*name).to_owned(), true.into());
    }
    marks::write(&mut claims, None, "https://id.example");
    assert!(claims.is_empty());
}

#[test]
fn a61_marks_replace_whatever_stood_in_their_place() {
    let granted = decide(&allowed()).unwrap();
    let mut claims = serde_json::Map::new();
    claims.insert("impersonated".into(), false.into());
    claims.insert("amr".into(), serde_json::json!(["pwd"]));
    marks::write(&mut claims, Some(&granted), "https://id.example");
    insta::assert_json_snapshot!(claims);
}

const SOME: &[&str] = &[
    "impersonate",
    "impersonate:admin",
    "users:read",
    "users:write",
    "audit:read",
    "orders:refund",
];

fn some_permissions() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(SOME, 0..=SOME.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn a06_acting_never_adds_a_right(actor in some_permissions(), subject in some_permissions()) {
        let mut ask = allowed();
        ask.actor.permissions = actor.iter().copied().collect();
        ask.subject.permissions = subject.iter().copied().collect();
        let subset = subject.iter().all(|p| actor.contains(p));
        let admin = ["impersonate", "impersonate:admin", "users:write"]
            .iter()
            .any(|p| subject.contains(p));
        let expected = actor.contains(&"impersonate")
            && subset
            && (!admin || actor.contains(&"impersonate:admin"));
        prop_assert_eq!(decide(&ask).is_ok(), expected);
        // Only named, the same actor reaches no administrator.
        (ask.redeem, ask.proof) = (Some(Redeem::Direct), ActorProof::Asserted);
        prop_assert_eq!(decide(&ask).is_ok(), expected && !admin);
    }
}
