use super::*;
use crate::domain::box_settings::BoxSettings;
use crate::domain::client::{ClientImpersonation, ClientKind, SigningAlgorithm};
use crate::domain::organization::Organization;
use crate::domain::protocol::Redeem;
use crate::domain::scope::Scopes;
use crate::domain::user::Profile;
use crate::domain::{ClientId, OrganizationId, Status, UserId};
use std::sync::Arc;

fn app_user() -> User {
    User {
        id: UserId::parse("usr_ned").unwrap(),
        kind: UserKind::AppUser,
        status: Status::Active,
        organization: Some(Organization {
            id: OrganizationId::parse("org_acme").unwrap(),
            status: Status::Active,
            impersonation_enabled: true,
        }),
        profile: Profile::default(),
        permissions: crate::domain::permission::Permissions::default(),
        owner: Some(ClientId::parse("app").unwrap()),
    }
}

fn client() -> Client {
    let settings = BoxSettings {
        authorized_in: vec![OrganizationId::parse("org_acme").unwrap()],
        ..BoxSettings::default()
    };
    Client {
        id: ClientId::parse("app").unwrap(),
        name: "App".into(),
        organization: None,
        status: Status::Active,
        kind: ClientKind::Machine,
        first_party: true,
        auth_method: ClientKind::Machine.default_auth_method(),
        secret_hashes: vec![],
        jwks: None,
        redirect_uris: vec![],
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
            enabled: false,
            redeem: Redeem::Confirm,
            unsolicited: false,
            read_scopes: Scopes::default(),
            read_only: false,
        },
        saml: None,
        wsfed: None,
        box_: Some(Arc::new(settings)),
    }
}

fn refused(change: impl FnOnce(&mut User, &mut Client), why: VouchRefusal) {
    let (mut user, mut client) = (app_user(), client());
    change(&mut user, &mut client);
    let now = "2026-11-01T12:00:00Z".parse().unwrap();
    assert_eq!(by_application(user, &client, now).err(), Some(why));
}

#[test]
fn an_application_speaks_for_the_users_it_made_where_it_is_let_in() {
    let now = "2026-11-01T12:00:00Z".parse().unwrap();
    assert_eq!(by_application(app_user(), &client(), now).unwrap().at(), now);
    let service = User { kind: UserKind::ServiceAccount, ..app_user() };
    assert!(by_application(service, &client(), now).is_ok());
}

#[test]
fn an_application_speaks_for_nobody_else() {
    refused(|user, _| user.kind = UserKind::Person, VouchRefusal::NotItsOwn);
    refused(|user, _| user.owner = None, VouchRefusal::NotItsOwn);
    refused(|_, client| client.id = ClientId::parse("other").unwrap(), VouchRefusal::NotItsOwn);
    refused(|_, client| client.box_ = None, VouchRefusal::NotAuthorized);
    refused(
        |_, client| client.box_ = Some(Arc::new(BoxSettings::default())),
        VouchRefusal::NotAuthorized,
    );
    refused(|user, _| user.organization = None, VouchRefusal::NotAuthorized);
    refused(|user, _| user.status = Status::Inactive, VouchRefusal::Inactive);
    let closed = |user: &mut User| {
        if let Some(organization) = &mut user.organization {
            organization.status = Status::Inactive;
        }
    };
    refused(|user, _| closed(user), VouchRefusal::Inactive);
}

#[test]
fn k04_a_proof_counts_until_it_is_older_than_the_window() {
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let window = Some(chrono::Duration::minutes(5));
    let after = |millis| is_fresh(at, at + chrono::Duration::milliseconds(millis), window);
    assert!(after(0) && after(299_999) && after(300_000), "exactly as old as the window");
    assert!(!after(300_001) && !after(7_200_000));
    assert!(is_fresh(at, at + chrono::Duration::days(30), None), "never asked again");
}
