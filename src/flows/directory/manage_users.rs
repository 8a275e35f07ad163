//! Manages users through the Box-compatible API.
//!
//! A service account manages its application's app users, and with enterprise access all users of the organization,
//! as an administrator does. No caller manages a user with more power, and an impersonated user manages none.
mod change;
mod create;

use super::service_accounts;
use crate::audit::{Event, EventKind};
use crate::domain::box_profile::BoxUser;
use crate::domain::caller::Caller;
use crate::domain::permission::{USERS_READ, USERS_WRITE};
use crate::domain::scope::{MANAGE_APP_USERS, MANAGE_MANAGED_USERS};
use crate::domain::user::{User, UserKind};
use crate::domain::{OrganizationId, UserId};
use crate::flows::tokens::verify_access_token::LiveToken;
use crate::flows::{Context, Failure};
use crate::impersonation::Impersonation;
use crate::store::directory::box_users::{self, BoxUserFilter, BoxUserReach};
use crate::store::directory::user_cache;

pub use change::{SecondAddress, UserChanges, change_user, delete_user};
pub use create::{NewUser, NewUserIn, create_user};
use futures_util::try_join;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManageRefusal {
    #[error("the caller may not manage this user")]
    Forbidden,
    #[error("the token was not given for managing users")]
    MissingScope,
    /// Also for another organization's user.
    #[error("there is no such user")]
    NotFound,
    #[error("the login is taken")]
    LoginTaken,
    #[error("the external id is taken")]
    ExternalIdTaken,
    #[error("the role has permissions that the caller lacks")]
    RoleTooHigh,
    #[error("the last administrator cannot be removed")]
    LastAdministrator,
    #[error("this cannot be changed for an app user")]
    NotForAppUsers(&'static str),
}

/// Whether a user is a co-administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Coadmin,
}

/// Who calls, with whose token, and as whom.
#[derive(Clone, Copy)]
pub struct Calling<'a> {
    pub token: &'a LiveToken,
    pub user: Option<&'a User>,
    pub impersonation: Option<&'a Impersonation>,
    pub caller: &'a Caller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Read,
    Write,
}

/// Proof that the caller manages users, and which.
struct Manager<'a> {
    user: &'a User,
    organization: OrganizationId,
    reach: BoxUserReach,
}

impl<'a> Manager<'a> {
    fn of(calling: Calling<'a>, wish: Wish) -> Result<Self, ManageRefusal> {
        let user = calling.user.ok_or(ManageRefusal::Forbidden)?;
        let permission = match wish {
            Wish::Read => USERS_READ,
            Wish::Write => USERS_WRITE,
        };
        if calling.impersonation.is_some() || !user.permissions.holds(permission) {
            return Err(ManageRefusal::Forbidden);
        }
        let client = &calling.token.client;
        // A person's token opens what the application's entry still lists; what a service account may do is said by
        // the `box` section.
        let listed = |scope: &str| user.kind != UserKind::Person || client.may_ask_for(scope);
        let carries = |scope: &str| calling.token.scope.contains(scope) && listed(scope);
        let (everybody, app_users) = (carries(MANAGE_MANAGED_USERS), carries(MANAGE_APP_USERS));
        let of_client = client.organization.as_ref().map(|organization| &organization.id);
        let organization = user.organization_id().or(of_client).cloned();
        let organization = organization.ok_or(ManageRefusal::Forbidden)?;
        let reach = match user.kind {
            UserKind::Person if everybody => BoxUserReach::Organization(organization.clone()),
            UserKind::ServiceAccount if user.is_service_account_of(&client.id) => {
                let enterprise = client.box_.as_ref().is_some_and(|on| on.enterprise_access);
                if everybody && enterprise {
                    BoxUserReach::Organization(organization.clone())
                } else if app_users {
                    BoxUserReach::Own(client.id.clone(), organization.clone())
                } else {
                    return Err(ManageRefusal::MissingScope);
                }
            }
            UserKind::Person => return Err(ManageRefusal::MissingScope),
            UserKind::ServiceAccount | UserKind::AppUser => return Err(ManageRefusal::Forbidden),
        };
        Ok(Self { user, organization, reach })
    }

    fn sees(&self, target: &User) -> bool {
        match &self.reach {
            BoxUserReach::Own(client, organization) => {
                target.kind == UserKind::AppUser
                    && target.owner.as_ref() == Some(client)
                    && target.organization_id() == Some(organization)
            }
            BoxUserReach::Organization(organization) => {
                target.kind != UserKind::ServiceAccount
                    && target.organization_id() == Some(organization)
            }
        }
    }

    /// Not oneself; and administrators only by a person who holds all that they hold.
    fn check_may_change(&self, target: &User) -> Result<(), ManageRefusal> {
        if !self.sees(target) {
            return Err(ManageRefusal::NotFound);
        }
        let above = !target.permissions.is_subset_of(&self.user.permissions);
        let out_of_reach = above || self.user.kind != UserKind::Person;
        if target.id == self.user.id || (target.permissions.is_administrative() && out_of_reach) {
            return Err(ManageRefusal::Forbidden);
        }
        Ok(())
    }
}

fn event(calling: Calling<'_>, target: &str, organization: &OrganizationId) -> Event {
    Event {
        actor: calling.user.map(|user| user.id.to_string()),
        subject: Some(target.to_owned()),
        client: Some(calling.token.client.id.to_string()),
        organization: Some(organization.to_string()),
        ..Event::new(EventKind::UserChanged, calling.caller)
    }
}

/// Users may view themselves, and an impersonation its subject.
pub async fn find_user(
    ctx: &Context,
    calling: Calling<'_>,
    user: &UserId,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let not_found = Failure::Refused(ManageRefusal::NotFound);
    if calling.user.is_some_and(|own| own.id == *user) {
        if !opens_this_api(calling.token) {
            return Err(Failure::Refused(ManageRefusal::MissingScope));
        }
        let conn = ctx.store.conn().await?;
        let oneself = user_cache::at(&conn, user.as_str(), &calling.token.at).await?;
        return oneself.map(|found| found.person.clone()).ok_or(not_found);
    }
    let manager = Manager::of(calling, Wish::Read).map_err(Failure::Refused)?;
    let conn = ctx.store.conn().await?;
    let found = box_users::find(&conn, user).await?;
    found.filter(|found| manager.sees(&found.user)).ok_or(not_found)
}

/// A sign-in opens `/userinfo` and nothing else. This API is for tokens of applications that are set up for it, never of
/// a third party's, and for those that carry one of its scopes.
fn opens_this_api(token: &LiveToken) -> bool {
    let carries = |scope: &str| token.scope.contains(scope) && token.client.may_ask_for(scope);
    let manages = carries(MANAGE_MANAGED_USERS) || carries(MANAGE_APP_USERS);
    token.client.first_party && (token.client.box_.is_some() || manages)
}

/// Which page of which users.
#[derive(Debug, Clone, Default)]
pub struct UserListing {
    pub term: Option<String>,
    pub external_id: Option<String>,
    pub after: Option<UserId>,
    pub offset: i64,
    pub limit: i64,
}

/// A page, and how many there are on all pages together.
pub async fn list_users(
    ctx: &Context,
    calling: Calling<'_>,
    listing: UserListing,
) -> Result<(Vec<BoxUser>, i64), Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Read).map_err(Failure::Refused)?;
    let filter = BoxUserFilter {
        reach: manager.reach,
        term: listing.term,
        external_id: listing.external_id,
        after: listing.after,
        offset: listing.offset,
        limit: listing.limit,
    };
    let conn = ctx.store.conn().await?;
    let (page, count) =
        try_join!(box_users::list(&conn, &filter), box_users::count(&conn, &filter))?;
    Ok((page, count))
}

/// The login of a new app user of this application.
fn app_user_login(client: &str) -> String {
    service_accounts::made_up_login("AppUser", client)
}
