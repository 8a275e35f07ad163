//! Creates users for the Box-compatible API.
use super::change::check_reaches_coadmin;
use super::{Calling, ManageRefusal, Manager, Role, Wish, event};
use crate::domain::box_profile::{BoxProfile, BoxUser};
use crate::domain::client::Client;
use crate::domain::scope::MANAGE_APP_USERS;
use crate::domain::user::UserKind;
use crate::domain::{Status, UserId};
use crate::flows::directory::service_accounts::draw_user_id;
use crate::flows::{Context, Failure};
use crate::store::directory::box_users::{self, BoxUserReach};
use crate::store::directory::users::canonical_email;
use crate::store::directory::write::UserRecord;
use crate::store::{self, Conn, StoreError, Transactional as _};
use serde_json::json;

pub struct NewUser {
    pub name: String,
    pub whose: NewUserIn,
    pub status: Status,
    pub profile: BoxProfile,
}

/// Who the new user belongs to.
pub enum NewUserIn {
    /// The application: no login, no credentials, no way into a page of ours.
    Application { external_id: Option<String> },
    /// The organization; the address is not verified yet.
    Organization { login: String, role: Role },
}

pub async fn create_user(
    ctx: &Context,
    calling: Calling<'_>,
    new: NewUser,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Write).map_err(Failure::Refused)?;
    check_may_make(&manager, calling, &new).map_err(Failure::Refused)?;
    let mut conn = ctx.store.conn().await?;
    let made = conn.transaction(async |tx| write(tx, (&manager, calling), &new).await).await;
    made.map_err(|failure| match failure {
        Failure::Internal(taken) if taken.violates(box_users::LOGIN_IS_UNIQUE) => {
            Failure::Refused(ManageRefusal::LoginTaken)
        }
        Failure::Internal(taken) if taken.violates(box_users::EXTERNAL_ID_IS_UNIQUE) => {
            Failure::Refused(ManageRefusal::ExternalIdTaken)
        }
        failure @ (Failure::Refused(_) | Failure::Internal(_) | Failure::Busy) => failure,
    })
}

/// App users are made for applications that the organization has let in; people by those who reach people.
fn check_may_make(
    manager: &Manager<'_>,
    calling: Calling<'_>,
    new: &NewUser,
) -> Result<(), ManageRefusal> {
    let client: &Client = &calling.token.client;
    match (&new.whose, &manager.reach) {
        (NewUserIn::Application { .. }, _) => {
            let settings = client.box_.as_ref();
            let let_in =
                settings.is_some_and(|on| on.is_authorized_in(Some(&manager.organization)));
            if !let_in {
                Err(ManageRefusal::Forbidden)
            } else if calling.token.scope.contains(MANAGE_APP_USERS) {
                Ok(())
            } else {
                Err(ManageRefusal::MissingScope)
            }
        }
        (NewUserIn::Organization { .. }, BoxUserReach::Organization(_)) => Ok(()),
        (NewUserIn::Organization { .. }, BoxUserReach::Own(..)) => Err(ManageRefusal::Forbidden),
    }
}

async fn write(
    tx: &Conn,
    (manager, calling): (&Manager<'_>, Calling<'_>),
    new: &NewUser,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let corrupt = |what: String| StoreError::Corrupt { table: "users", what };
    let id = draw_user_id(tx).await?;
    let coadmin = matches!(new.whose, NewUserIn::Organization { role: Role::Coadmin, .. });
    if coadmin {
        check_reaches_coadmin(tx, manager).await?;
    }
    let record = record((manager, calling), &id, new)?;
    box_users::insert(tx, &record).await?;
    if coadmin {
        box_users::make_coadmin(tx, id.as_str()).await?;
    }
    let event = event(calling, id.as_str(), &manager.organization).with("action", "create");
    store::trail::append::append(tx, &event.with("kind", record.kind)).await?;
    let made = box_users::find(tx, &id).await?;
    Ok(made.ok_or_else(|| corrupt("a new user is not there".to_owned()))?)
}

fn record(
    (manager, calling): (&Manager<'_>, Calling<'_>),
    id: &UserId,
    new: &NewUser,
) -> Result<UserRecord, StoreError> {
    let client = &calling.token.client.id;
    let (kind, login, owner, external_id) = match &new.whose {
        NewUserIn::Application { external_id } => (
            UserKind::AppUser,
            super::app_user_login(client.as_str()),
            Some(client.to_string()),
            external_id.clone(),
        ),
        NewUserIn::Organization { login, .. } => (UserKind::Person, login.clone(), None, None),
    };
    let box_ = serde_json::to_value(&new.profile)
        .map_err(|e| StoreError::Corrupt { table: "users", what: e.to_string() })?;
    Ok(UserRecord {
        id: id.to_string(),
        organization_id: Some(manager.organization.to_string()),
        kind: kind.as_str().to_owned(),
        status: new.status.as_str().to_owned(),
        email_canonical: Some(canonical_email(&login)),
        email: Some(login),
        email_verified: false,
        name: Some(new.name.clone()),
        given_name: None,
        family_name: None,
        nickname: None,
        picture: None,
        phone_number: None,
        user_metadata: json!({}),
        app_metadata: json!({}),
        created_by_client_id: owner,
        external_app_user_id: external_id,
        box_,
    })
}
