//! Lists, creates, changes, deactivates and deletes organizations.
//!
//! Staff of an organization with the permission change its name and its switch for impersonation; whether it
//! is there and active is the operator's.
use super::last_administrator;
use super::service_accounts;
use crate::audit::{Event, EventKind};
use crate::authentication::session::IDLE_LIMIT;
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::permission::ORGANIZATIONS_WRITE;
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::domain::{OrganizationId, Status, organization};
use crate::flows::impersonation::end_impersonation::{
    EndedBy, Touched, Which, end_matching, judge_touched,
};
use crate::flows::{Context, Failure};
pub use crate::store::directory::organizations::{
    AuthorizedApplication, ListedOrganization, OrganizationContents, OrganizationRecord,
    OrganizationSearch,
};
use crate::store::tokens::not_before::NotBefore;
use crate::store::{self, Conn, StoreError, Transactional as _};

/// As many people and applications as are counted.
pub const MAX_COUNTED: i32 = 1000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationRefusal {
    #[error("there is no such organization")]
    NoSuchOrganization,
    #[error("the caller may not do this to organizations")]
    NotPermitted,
    #[error("a name is a line of 1 to 255 characters")]
    BadName,
    #[error("an id has 1 to 255 characters and no control character")]
    BadId,
    #[error("there is an organization of this id")]
    IdTaken,
    #[error("the organization is not empty")]
    NotEmpty(OrganizationContents),
    #[error("the last administrator cannot be removed")]
    LastAdministrator,
}

/// Changes to organizations that `user` may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    pub change: bool,
    /// Make new ones, switch off, remove.
    pub found: bool,
}

pub fn rights(user: &User) -> Rights {
    let change = user.permissions.holds(ORGANIZATIONS_WRITE);
    Rights { change, found: change && user.organization.is_none() }
}

/// One page of those that `reader` may see, and the `after` of the next one.
pub async fn search(
    ctx: &Context,
    reader: &User,
    search: OrganizationSearch,
) -> Result<(Vec<ListedOrganization>, Option<String>), StoreError> {
    let only = reader.organization_id().map(ToString::to_string).or(search.only);
    let limit = search.limit;
    let one_more = OrganizationSearch { only, limit: limit + 1, ..search };
    let conn = ctx.store.conn().await?;
    let mut rows = store::directory::organizations::search(&conn, &one_more).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    Ok((rows, next))
}

/// Those of `ids` that `reader` may see.
pub async fn existing(
    ctx: &Context,
    reader: &User,
    mut ids: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    ids.retain(|id| reader.organization_id().is_none_or(|own| own.as_str() == id));
    if ids.is_empty() {
        return Ok(ids);
    }
    store::directory::organizations::existing(&*ctx.store.conn().await?, &ids).await
}

pub struct OrganizationView {
    pub record: OrganizationRecord,
    pub inside: OrganizationContents,
    pub applications: Vec<AuthorizedApplication>,
}

/// Applications that a page shows.
const FEW: i64 = 20;

pub async fn view(
    ctx: &Context,
    reader: &User,
    id: &OrganizationId,
) -> Result<Option<OrganizationView>, StoreError> {
    if reader.organization_id().is_some_and(|own| own != id) {
        return Ok(None);
    }
    let conn = ctx.store.conn().await?;
    let Some(record) = store::directory::organizations::find(&conn, id.as_str()).await? else {
        return Ok(None);
    };
    let inside = store::directory::organizations::count_inside(
        &conn,
        id.as_str(),
        i64::from(MAX_COUNTED) + 1,
    )
    .await?;
    let applications =
        store::directory::organizations::applications(&conn, id.as_str(), FEW).await?;
    Ok(Some(OrganizationView { record, inside, applications }))
}

/// How many people of an organization are signed in now, as far as they are counted.
pub async fn signed_in(ctx: &Context, id: &str) -> Result<i32, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    let most = i64::from(MAX_COUNTED) + 1;
    store::directory::organizations::count_signed_in(&conn, id, (now, now - IDLE_LIMIT), most).await
}

/// Creates an organization; returns its id.
pub async fn create(
    ctx: &Context,
    by: &User,
    (id, name, impersonation_enabled): (&str, &str, bool),
    caller: &Caller,
) -> Result<OrganizationId, Failure<OrganizationRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let id = match id.trim() {
        "" => random::id("org", store::installation::settings::now(&conn).await?),
        given => given.to_owned(),
    };
    let id = OrganizationId::parse_typed(id)
        .map_err(|_| Failure::Refused(OrganizationRefusal::BadId))?;
    let record = OrganizationRecord {
        id: id.to_string(),
        name: checked(name)?,
        status: Status::Active.as_str().to_owned(),
        impersonation_enabled,
    };
    if !rights(by).found {
        return Err(Failure::Refused(OrganizationRefusal::NotPermitted));
    }
    let event = event(by, &id, caller).with("action", "create");
    let made = conn
        .transaction::<_, StoreError, _>(async |tx| {
            store::directory::organizations::insert(tx, &record).await?;
            // Applications may have been let in before the organization was there.
            service_accounts::settle(tx, by.id.as_str()).await?;
            store::trail::append::append(tx, &event).await
        })
        .await;
    match made {
        Ok(()) => Ok(id),
        Err(taken) if taken.is_unique_violation() => {
            Err(Failure::Refused(OrganizationRefusal::IdTaken))
        }
        Err(accident) => Err(accident.into()),
    }
}

fn checked(name: &str) -> Result<String, Failure<OrganizationRefusal>> {
    let name = name.trim();
    if organization::is_name(name) {
        Ok(name.to_owned())
    } else {
        Err(Failure::Refused(OrganizationRefusal::BadName))
    }
}

fn event(by: &User, id: &OrganizationId, caller: &Caller) -> Event {
    Event {
        actor: Some(by.id.to_string()),
        organization: Some(id.to_string()),
        ..Event::new(EventKind::OrganizationChanged, caller)
    }
}

/// Changes the name, and whether its users may be impersonated.
pub async fn change_settings(
    ctx: &Context,
    by: &User,
    (id, name, impersonation_enabled): (&OrganizationId, &str, bool),
    caller: &Caller,
) -> Result<(), Failure<OrganizationRefusal>> {
    let name = checked(name)?;
    if !rights(by).change {
        return Err(Failure::Refused(OrganizationRefusal::NotPermitted));
    }
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        let before = locked(tx, by, id).await?;
        let after = OrganizationRecord { name, impersonation_enabled, ..before.clone() };
        let mut changed = Vec::new();
        if before.name != after.name {
            changed.push("name");
        }
        if before.impersonation_enabled != after.impersonation_enabled {
            changed.push("impersonation.enabled");
        }
        if changed.is_empty() {
            return Ok(());
        }
        let event = event(by, id, caller).with("action", "update").with("changed", changed);
        write(tx, by, &after, &event).await
    })
    .await
}

/// Invalidates the credentials of an organization's users and applications: when it is deactivated, and again when
/// it is reactivated, for those that were issued in between.
pub async fn end_issued_credentials(tx: &Conn, id: &OrganizationId) -> Result<(), StoreError> {
    store::tokens::not_before::put(tx, NotBefore::Organization(id.as_str())).await
}

/// Sets the status. Users of an inactive organization cannot sign in or be impersonated; after reactivation they
/// sign in anew.
pub async fn set_status(
    ctx: &Context,
    by: &User,
    (id, status): (&OrganizationId, Status),
    caller: &Caller,
) -> Result<(), Failure<OrganizationRefusal>> {
    if !rights(by).found {
        return Err(Failure::Refused(OrganizationRefusal::NotPermitted));
    }
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        let before = locked(tx, by, id).await?;
        if before.status == status.as_str() {
            return Ok(());
        }
        let administrators = last_administrator::before_change(tx).await?;
        let after = OrganizationRecord { status: status.as_str().to_owned(), ..before };
        let event = event(by, id, caller).with("action", "update");
        write(tx, by, &after, &event.with("status", status.as_str())).await?;
        end_issued_credentials(tx, id).await?;
        if administrators.leaves_somebody(tx).await? {
            Ok(())
        } else {
            Err(Failure::Refused(OrganizationRefusal::LastAdministrator))
        }
    })
    .await
}

async fn locked(
    tx: &Conn,
    by: &User,
    id: &OrganizationId,
) -> Result<OrganizationRecord, Failure<OrganizationRefusal>> {
    let other = by.organization_id().is_some_and(|own| own != id);
    let found = store::directory::organizations::find_and_lock(tx, id.as_str()).await?;
    let seen = found.filter(|_| !other);
    seen.ok_or(Failure::Refused(OrganizationRefusal::NoSuchOrganization))
}

async fn write(
    tx: &Conn,
    by: &User,
    after: &OrganizationRecord,
    event: &Event,
) -> Result<(), Failure<OrganizationRefusal>> {
    store::directory::organizations::put(tx, after).await?;
    judge_touched(tx, Touched::Organization(&after.id), by.id.as_str(), &event.caller).await?;
    let is_off = after.status != Status::Active.as_str() || !after.impersonation_enabled;
    if is_off && let Ok(organization) = OrganizationId::parse(after.id.as_str()) {
        // Links that wait are over with what runs, and do not come back.
        let which = Which { organization: Some(organization), ..Which::default() };
        let ended = EndedBy { actor: Some(by.id.as_str()), reason: EndReason::FeatureOff };
        end_matching(tx, &which, ended, &event.caller).await?;
    }
    store::trail::append::append(tx, event).await?;
    Ok(())
}

/// Deletes an organization, which must be empty.
pub async fn delete(
    ctx: &Context,
    by: &User,
    id: &OrganizationId,
    caller: &Caller,
) -> Result<(), Failure<OrganizationRefusal>> {
    if !rights(by).found {
        return Err(Failure::Refused(OrganizationRefusal::NotPermitted));
    }
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        locked(tx, by, id).await?;
        let most = i64::from(MAX_COUNTED) + 1;
        let inside = store::directory::organizations::count_inside(tx, id.as_str(), most).await?;
        if inside.users > 0 || inside.applications > 0 {
            return Err(Failure::Refused(OrganizationRefusal::NotEmpty(inside)));
        }
        store::directory::service_accounts::delete_in(tx, id.as_str()).await?;
        // There may be another one of this id.
        end_issued_credentials(tx, id).await?;
        store::directory::organizations::delete(tx, id.as_str()).await?;
        let event = event(by, id, caller).with("action", "delete");
        store::trail::append::append(tx, &event).await?;
        Ok(())
    })
    .await
}
