//! Changes, deactivates and deletes users for the Box-compatible API.
use super::{Calling, ManageRefusal, Manager, Role, Wish, event};
use crate::domain::UserId;
use crate::domain::box_profile::{BoxProfile, BoxStatus, BoxUser, Flag, TrackingCode};
use crate::domain::permission::COADMIN;
use crate::domain::role::GrantPower;
use crate::domain::user::UserKind;
use crate::flows::directory::last_administrator::{self, Before};
use crate::flows::impersonation::end_impersonation::{Touched, judge_touched};
use crate::flows::logout::revoke_user_access::revoke_user_access;
use crate::flows::{Context, Failure};
use crate::store::directory::box_users;
use crate::store::directory::users::canonical_email;
use crate::store::{self, Conn, StoreError, Transactional as _};
use std::collections::BTreeMap;

/// What is not given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    pub name: Option<String>,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub job_title: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub space_amount: Option<i64>,
    pub status: Option<BoxStatus>,
    pub role: Option<Role>,
    /// A new login address, not verified yet.
    pub login: Option<String>,
    pub flags: BTreeMap<Flag, bool>,
    pub tracking_codes: Option<Vec<TrackingCode>>,
    pub notification_email: Option<SecondAddress>,
}

/// What becomes of a user's second address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondAddress {
    Is(String),
    Removed,
}

/// All that can be changed about an app user.
const OF_APP_USERS: [&str; 8] =
    ["name", "language", "timezone", "job_title", "phone", "address", "space_amount", "status"];

impl UserChanges {
    pub fn apply(&self, profile: &mut BoxProfile) {
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut profile.language, &self.language);
        set(&mut profile.timezone, &self.timezone);
        set(&mut profile.job_title, &self.job_title);
        set(&mut profile.phone, &self.phone);
        set(&mut profile.address, &self.address);
        if let Some(amount) = self.space_amount {
            profile.space_amount = amount;
        }
        if let Some(status) = self.status {
            profile.restriction = status.restriction;
        }
        profile.flags.extend(&self.flags);
        if let Some(codes) = &self.tracking_codes {
            profile.tracking_codes.clone_from(codes);
        }
        if let Some(email) = &self.notification_email {
            profile.notification_email = match email {
                SecondAddress::Is(email) => Some(email.clone()),
                SecondAddress::Removed => None,
            };
        }
    }

    fn names(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("language", self.language.is_some()),
            ("timezone", self.timezone.is_some()),
            ("job_title", self.job_title.is_some()),
            ("phone", self.phone.is_some()),
            ("address", self.address.is_some()),
            ("space_amount", self.space_amount.is_some()),
            ("status", self.status.is_some()),
            ("role", self.role.is_some()),
            ("login", self.login.is_some()),
            ("tracking_codes", self.tracking_codes.is_some()),
            ("notification_email", self.notification_email.is_some()),
        ];
        let given = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        given.chain(self.flags.keys().map(|flag| flag.name())).collect()
    }

    /// What is asked for and cannot be changed about an app user.
    fn beyond_app_users(&self) -> Option<&'static str> {
        self.names().into_iter().find(|name| !OF_APP_USERS.contains(name))
    }
}

pub async fn change_user(
    ctx: &Context,
    calling: Calling<'_>,
    user: &UserId,
    changes: &UserChanges,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Write).map_err(Failure::Refused)?;
    let mut conn = ctx.store.conn().await?;
    // A refusal undoes what was written before it.
    let written = conn.transaction(async |tx| write(tx, (&manager, calling), user, changes).await);
    match written.await {
        Err(Failure::Internal(taken)) if taken.violates(box_users::LOGIN_IS_UNIQUE) => {
            Err(Failure::Refused(ManageRefusal::LoginTaken))
        }
        outcome => outcome,
    }
}

async fn write(
    tx: &Conn,
    (manager, calling): (&Manager<'_>, Calling<'_>),
    user: &UserId,
    changes: &UserChanges,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let (mut target, before) = target(tx, manager, user).await?;
    if target.user.kind == UserKind::AppUser
        && let Some(name) = changes.beyond_app_users()
    {
        return Err(Failure::Refused(ManageRefusal::NotForAppUsers(name)));
    }
    if let Some(role) = changes.role {
        set_role(tx, manager, user, role).await?;
    }
    changes.apply(&mut target.profile);
    let was = target.user.status;
    let status = changes.status.map_or(was, |status| status.status);
    let box_ = serde_json::to_value(&target.profile)
        .map_err(|e| StoreError::Corrupt { table: "users", what: e.to_string() })?;
    let canonical = changes.login.as_deref().map(canonical_email);
    let row = box_users::BoxUserChanges {
        name: changes.name.as_deref(),
        email: changes.login.as_deref(),
        email_verified: canonical.as_ref().map(|_| false),
        email_canonical: canonical.as_deref(),
        status: status.as_str(),
        box_,
    };
    box_users::update(tx, user, &row).await?;
    let by = calling.user.map(|user| user.id.as_str());
    if was.is_active() && !status.is_active() {
        revoke_user_access(tx, user, by, calling.caller).await?;
    } else if changes.role.is_some() {
        judge_touched(tx, Touched::User(user.as_str()), by.unwrap_or_default(), calling.caller)
            .await?;
    }
    stays_administered(tx, before).await?;
    let event = event(calling, user.as_str(), &manager.organization).with("action", "update");
    store::trail::append::append(tx, &event.with("changed", changes.names())).await?;
    box_users::find(tx, user).await?.ok_or(Failure::Refused(ManageRefusal::NotFound))
}

/// Whom the caller may change, locked.
async fn target(
    tx: &Conn,
    manager: &Manager<'_>,
    user: &UserId,
) -> Result<(BoxUser, Before), Failure<ManageRefusal>> {
    let found = box_users::find_and_lock(tx, user).await?;
    let target = found.ok_or(Failure::Refused(ManageRefusal::NotFound))?;
    manager.check_may_change(&target.user).map_err(Failure::Refused)?;
    Ok((target, last_administrator::before_change_of(tx, user).await?))
}

async fn stays_administered(tx: &Conn, before: Before) -> Result<(), Failure<ManageRefusal>> {
    if before.leaves_somebody(tx).await? {
        Ok(())
    } else {
        Err(Failure::Refused(ManageRefusal::LastAdministrator))
    }
}

/// Who may not give the role may not take it either.
async fn set_role(
    tx: &Conn,
    manager: &Manager<'_>,
    user: &UserId,
    role: Role,
) -> Result<(), Failure<ManageRefusal>> {
    let held = store::directory::roles::list_of(tx, user.as_str()).await?;
    let is_coadmin = held.iter().any(|role| role.name == COADMIN);
    if is_coadmin == (role == Role::Coadmin) {
        return Ok(());
    }
    check_reaches_coadmin(tx, manager).await?;
    match role {
        Role::Coadmin => box_users::make_coadmin(tx, user.as_str()).await?,
        Role::User => box_users::unmake_coadmin(tx, user.as_str()).await?,
    }
    Ok(())
}

/// Whether the caller holds all that co-administrators hold, and has their rank.
pub(super) async fn check_reaches_coadmin(
    tx: &Conn,
    manager: &Manager<'_>,
) -> Result<(), Failure<ManageRefusal>> {
    let own = store::directory::roles::list_of(tx, manager.user.id.as_str()).await?;
    let rank = own.iter().map(|role| role.rank).max().unwrap_or(0);
    let grant_power = GrantPower { permissions: &manager.user.permissions, rank };
    let role = store::directory::roles::find(tx, COADMIN).await?;
    let (role, _) = role.ok_or(Failure::Refused(ManageRefusal::RoleTooHigh))?;
    if grant_power.reaches(role.permissions.iter().map(String::as_str), role.rank) {
        Ok(())
    } else {
        Err(Failure::Refused(ManageRefusal::RoleTooHigh))
    }
}

/// Deletes a user and invalidates all their tokens and impersonations.
pub async fn delete_user(
    ctx: &Context,
    calling: Calling<'_>,
    user: &UserId,
) -> Result<(), Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Write).map_err(Failure::Refused)?;
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        let (_, before) = target(tx, &manager, user).await?;
        let by = calling.user.map(|user| user.id.as_str());
        // Also for another user who may have this id one day.
        revoke_user_access(tx, user, by, calling.caller).await?;
        store::directory::write::delete(tx, user.as_str()).await?;
        stays_administered(tx, before).await?;
        let event = event(calling, user.as_str(), &manager.organization).with("action", "delete");
        store::trail::append::append(tx, &event).await?;
        Ok(())
    })
    .await
}
