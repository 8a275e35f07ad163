//! A user is changed, switched off, removed.
use super::{Calling, ManageRefusal, Manager, Role, Wish, event};
use crate::domain::UserId;
use crate::domain::box_profile::{BoxProfile, BoxStatus, BoxUser, Flag, TrackingCode};
use crate::domain::permission::USERS_WRITE;
use crate::domain::protocol::EndReason;
use crate::domain::user::UserKind;
use crate::flows::end_impersonation::{self, EndedBy};
use crate::flows::{Context, Failure};
use crate::store::box_users;
use crate::store::impersonations::Filter;
use crate::store::users::canonical_email;
use crate::store::{self, Conn, StoreError, Transactional as _};
use std::collections::BTreeMap;

/// What is not given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub job_title: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub space_amount: Option<i64>,
    pub status: Option<BoxStatus>,
    pub role: Option<Role>,
    /// Another address to sign in by, which nobody has shown to be theirs yet.
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

impl Changes {
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
    changes: &Changes,
) -> Result<BoxUser, Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Write).map_err(Failure::Refused)?;
    let mut conn = ctx.store.conn().await?;
    let written = conn.transaction(async |tx| write(tx, (&manager, calling), user, changes).await);
    match written.await {
        Ok(outcome) => outcome.map_err(Failure::Refused),
        Err(taken) if taken.violates(box_users::LOGIN_IS_UNIQUE) => {
            Err(Failure::Refused(ManageRefusal::LoginTaken))
        }
        Err(accident) => Err(accident.into()),
    }
}

async fn write(
    tx: &Conn,
    (manager, calling): (&Manager<'_>, Calling<'_>),
    user: &UserId,
    changes: &Changes,
) -> Result<Result<BoxUser, ManageRefusal>, StoreError> {
    let Some(mut target) = box_users::find_and_lock(tx, user).await? else {
        return Ok(Err(ManageRefusal::NotFound));
    };
    if let Err(refusal) = manager.check_may_change(&target.user) {
        return Ok(Err(refusal));
    }
    if target.user.kind == UserKind::AppUser
        && let Some(name) = changes.beyond_app_users()
    {
        return Ok(Err(ManageRefusal::NotForAppUsers(name)));
    }
    if let Some(role) = changes.role
        && let Err(refusal) = set_role(tx, manager, user, role).await?
    {
        return Ok(Err(refusal));
    }
    changes.apply(&mut target.profile);
    let was = target.user.status;
    let status = changes.status.map_or(was, |status| status.status);
    let box_ = serde_json::to_value(&target.profile)
        .map_err(|e| StoreError::Corrupt { table: "users", what: e.to_string() })?;
    let canonical = changes.login.as_deref().map(canonical_email);
    let row = box_users::Changes {
        name: changes.name.as_deref(),
        email: changes.login.as_deref(),
        email_verified: canonical.as_ref().map(|_| false),
        email_canonical: canonical.as_deref(),
        status: status.as_str(),
        box_,
    };
    box_users::update(tx, user, &row).await?;
    if was.is_active() && !status.is_active() {
        end_everything(tx, calling, user).await?;
    }
    let event = event(calling, user.as_str(), &manager.organization).with("action", "update");
    store::audit::append(tx, &event.with("changed", changes.names())).await?;
    Ok(box_users::find(tx, user).await?.ok_or(ManageRefusal::NotFound))
}

async fn set_role(
    tx: &Conn,
    manager: &Manager<'_>,
    user: &UserId,
    role: Role,
) -> Result<Result<(), ManageRefusal>, StoreError> {
    let needed = box_users::coadmin_permissions(tx).await?;
    // Who may not give the role may not take it either.
    let may = needed.is_subset_of(&manager.user.permissions)
        && manager.user.permissions.holds(USERS_WRITE);
    match role {
        Role::Coadmin if may => box_users::make_coadmin(tx, user.as_str()).await?,
        Role::User if may => box_users::unmake_coadmin(tx, user.as_str()).await?,
        Role::User => {}
        Role::Coadmin => return Ok(Err(ManageRefusal::RoleTooHigh)),
    }
    Ok(Ok(()))
}

/// From this commit on no token of theirs counts, and nobody acts as them.
pub async fn delete_user(
    ctx: &Context,
    calling: Calling<'_>,
    user: &UserId,
) -> Result<(), Failure<ManageRefusal>> {
    let manager = Manager::of(calling, Wish::Write).map_err(Failure::Refused)?;
    let mut conn = ctx.store.conn().await?;
    let deleted = conn.transaction(async |tx| {
        let Some(target) = box_users::find_and_lock(tx, user).await? else {
            return Ok::<_, StoreError>(Err(ManageRefusal::NotFound));
        };
        if let Err(refusal) = manager.check_may_change(&target.user) {
            return Ok(Err(refusal));
        }
        end_everything(tx, calling, user).await?;
        store::directory::delete(tx, user.as_str()).await?;
        let event = event(calling, user.as_str(), &manager.organization).with("action", "delete");
        store::audit::append(tx, &event).await?;
        Ok(Ok(()))
    });
    deleted.await?.map_err(Failure::Refused)
}

/// Their sessions, what they do as others, and what others do as them.
async fn end_everything(tx: &Conn, calling: Calling<'_>, user: &UserId) -> Result<(), StoreError> {
    let actor = calling.user.map(|user| user.id.as_str());
    let all = || Filter { limit: i64::from(u16::MAX), ..Filter::default() };
    for (filter, reason) in [
        (Filter { actor: Some(user.clone()), ..all() }, EndReason::ActorRevoked),
        (Filter { subject: Some(user.clone()), ..all() }, EndReason::SubjectChanged),
    ] {
        for status in ["active", "link_issued"] {
            let filter = Filter { status: Some(status.to_owned()), ..filter.clone() };
            for record in store::impersonations::list(tx, &filter).await? {
                let by = EndedBy { actor, reason };
                end_impersonation::end(tx, &record, by, calling.caller).await?;
            }
        }
    }
    store::directory::sign_out_everywhere(tx, user.as_str()).await
}
