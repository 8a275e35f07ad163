//! Creates, changes and deletes custom roles.
//!
//! Roles are global, so only the operator's staff change them, and only within their own power ([`GrantPower`]),
//! before and after the change. Roles that they hold themselves are no exception.
use super::manage_members::{rank_of, reaches};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::id::is_path_segment;
use crate::domain::permission::{ROLES_WRITE, is_well_formed};
use crate::domain::role::{GrantPower, HIGHEST_RANK, MAX_NAME_LEN};
use crate::domain::text::is_plain_line;
use crate::domain::user::User;
use crate::domain::{OrganizationId, UserId};
use crate::flows::impersonation::end_impersonation::{Touched, judge_touched};
use crate::flows::{Context, Failure};
pub use crate::store::directory::roles::{ListedRole, RoleHolder, RoleRecord};
use crate::store::{self, Conn, StoreError, Transactional as _};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleRefusal {
    #[error("there is no such role")]
    NoSuchRole,
    #[error("the caller may not change roles")]
    NotPermitted,
    #[error("built-in roles stay as they are")]
    BuiltIn,
    #[error("there is a role of this name")]
    NameTaken,
    #[error("a name is a line of 1 to 100 characters")]
    BadName,
    #[error("`{0}` is no permission")]
    BadPermission(String),
    #[error("a rank is a whole number from 0 to 1000")]
    BadRank,
    #[error("the role has permissions or a rank that the caller lacks")]
    TooHigh,
    #[error("{0} people hold the role")]
    Held(i64),
}

/// Whether `user` may change roles at all.
pub fn may_change(user: &User) -> bool {
    user.organization.is_none() && user.permissions.holds(ROLES_WRITE)
}

pub async fn list_roles(ctx: &Context) -> Result<Vec<ListedRole>, StoreError> {
    store::directory::roles::list(&*ctx.store.conn().await?).await
}

pub struct RoleView {
    pub role: RoleRecord,
    pub built_in: bool,
    pub holders: Vec<RoleHolder>,
    /// The reader may change it as it is.
    pub within_reach: bool,
}

/// A role with those of its holders whom `reader` may see, at most `limit`.
pub async fn view_role(
    ctx: &Context,
    reader: &User,
    name: &str,
    limit: i64,
) -> Result<Option<RoleView>, StoreError> {
    let conn = ctx.store.conn().await?;
    let Some((role, built_in)) = store::directory::roles::find(&conn, name).await? else {
        return Ok(None);
    };
    let organization = reader.organization_id().map(OrganizationId::as_str);
    let holders = store::directory::roles::holders(&conn, (name, organization), limit).await?;
    let rank = rank_of(&conn, &reader.id).await?;
    let grant_power = GrantPower { permissions: &reader.permissions, rank };
    let within_reach = may_change(reader) && !built_in && reaches(grant_power, &role);
    Ok(Some(RoleView { role, built_in, holders, within_reach }))
}

/// The highest rank that `reader` may assign.
pub async fn rank_of_reader(ctx: &Context, reader: &UserId) -> Result<i32, StoreError> {
    rank_of(&*ctx.store.conn().await?, reader).await
}

/// Validates a role as a provisioning file does; permissions are sorted and unique.
pub fn check(mut wanted: RoleRecord) -> Result<RoleRecord, RoleRefusal> {
    wanted.name = wanted.name.trim().to_owned();
    let length = wanted.name.chars().count();
    let fits = (1..=MAX_NAME_LEN).contains(&length) && is_path_segment(&wanted.name);
    if !fits || !is_plain_line(&wanted.name) {
        return Err(RoleRefusal::BadName);
    }
    if !(0..=HIGHEST_RANK).contains(&wanted.rank) {
        return Err(RoleRefusal::BadRank);
    }
    if let Some(bad) = wanted.permissions.iter().find(|name| !is_well_formed(name)) {
        return Err(RoleRefusal::BadPermission(bad.clone()));
    }
    wanted.permissions.sort_unstable();
    wanted.permissions.dedup();
    Ok(wanted)
}

/// A way to change roles.
#[derive(Debug, Clone)]
pub enum RoleChange {
    Create(RoleRecord),
    /// The name says which.
    Update(RoleRecord),
    Delete(String),
}

impl RoleChange {
    fn name(&self) -> &str {
        match self {
            Self::Create(role) | Self::Update(role) => &role.name,
            Self::Delete(name) => name,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
        }
    }
}

/// Makes the change or refuses it; a refusal for lack of power is recorded too.
pub async fn change_role(
    ctx: &Context,
    by: &User,
    change: RoleChange,
    caller: &Caller,
) -> Result<(), Failure<RoleRefusal>> {
    let change = match change {
        RoleChange::Create(role) => RoleChange::Create(check(role).map_err(Failure::Refused)?),
        RoleChange::Update(role) => RoleChange::Update(check(role).map_err(Failure::Refused)?),
        RoleChange::Delete(name) => RoleChange::Delete(name),
    };
    let event =
        Event { actor: Some(by.id.to_string()), ..Event::new(EventKind::RoleChanged, caller) };
    let event = event.with("action", change.action()).with("role", change.name());
    let mut conn = ctx.store.conn().await?;
    let done = conn.transaction(async |tx| apply(tx, by, &change, &event).await).await;
    let done = done.map_err(|failure| match failure {
        Failure::Internal(taken) if taken.is_unique_violation() => {
            Failure::Refused(RoleRefusal::NameTaken)
        }
        failure @ (Failure::Refused(_) | Failure::Internal(_) | Failure::Busy) => failure,
    });
    if let Err(Failure::Refused(
        refusal @ (RoleRefusal::TooHigh | RoleRefusal::NotPermitted | RoleRefusal::BuiltIn),
    )) = &done
    {
        let refused = event.with("refused", true).because(refusal.to_string());
        store::trail::append::append(&conn, &refused).await?;
    }
    done
}

async fn apply(
    tx: &Conn,
    by: &User,
    change: &RoleChange,
    event: &Event,
) -> Result<(), Failure<RoleRefusal>> {
    let refused = |reason| Err(Failure::Refused(reason));
    if !may_change(by) {
        return refused(RoleRefusal::NotPermitted);
    }
    let grant_power = GrantPower { permissions: &by.permissions, rank: rank_of(tx, &by.id).await? };
    let mut event = event.clone();
    match change {
        RoleChange::Create(wanted) => {
            if !reaches(grant_power, wanted) {
                return refused(RoleRefusal::TooHigh);
            }
            store::directory::roles::insert(tx, wanted).await?;
            event = event.with("permissions", wanted.permissions.clone());
        }
        RoleChange::Update(wanted) => {
            let stored = changeable(tx, grant_power, &wanted.name).await?;
            if !reaches(grant_power, wanted) {
                return refused(RoleRefusal::TooHigh);
            }
            let Some(changes) = differences(&stored, wanted, event) else { return Ok(()) };
            event = changes;
            store::directory::roles::put(tx, wanted).await?;
            judge_touched(tx, Touched::Role(&wanted.name), by.id.as_str(), &event.caller).await?;
        }
        RoleChange::Delete(name) => {
            changeable(tx, grant_power, name).await?;
            let holders = store::directory::roles::count_holders(tx, name).await?;
            if holders > 0 {
                return refused(RoleRefusal::Held(holders));
            }
            store::directory::roles::delete(tx, name).await?;
        }
    }
    store::trail::append::append(tx, &event).await?;
    Ok(())
}

/// The current role, locked, if the caller has the power to change it.
async fn changeable(
    tx: &Conn,
    grant_power: GrantPower<'_>,
    name: &str,
) -> Result<RoleRecord, Failure<RoleRefusal>> {
    match store::directory::roles::find_and_lock(tx, name).await? {
        None => Err(Failure::Refused(RoleRefusal::NoSuchRole)),
        Some((_, true)) => Err(Failure::Refused(RoleRefusal::BuiltIn)),
        Some((role, false)) if !reaches(grant_power, &role) => {
            Err(Failure::Refused(RoleRefusal::TooHigh))
        }
        Some((role, false)) => Ok(role),
    }
}

/// The event with what is other than before; `None` when nothing is.
fn differences(stored: &RoleRecord, wanted: &RoleRecord, event: Event) -> Option<Event> {
    let lacks = |role: &RoleRecord, other: &RoleRecord| -> Vec<String> {
        let missing = other.permissions.iter().filter(|it| !role.permissions.contains(it));
        missing.cloned().collect()
    };
    let (added, removed) = (lacks(stored, wanted), lacks(wanted, stored));
    let mut changes = event;
    if stored.rank != wanted.rank {
        changes = changes.with("rank", wanted.rank);
    } else if added.is_empty() && removed.is_empty() {
        return None;
    }
    if !added.is_empty() {
        changes = changes.with("added", added);
    }
    if !removed.is_empty() {
        changes = changes.with("removed", removed);
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, permissions: &[&str], rank: i32) -> RoleRecord {
        let permissions = permissions.iter().map(|it| (*it).to_owned()).collect();
        RoleRecord { name: name.to_owned(), permissions, rank }
    }

    #[test]
    fn a_role_is_what_a_file_could_say_too() {
        let checked = check(role(" desk ", &["users:read", "a", "a"], 5)).unwrap();
        assert_eq!(checked, role("desk", &["a", "users:read"], 5));
        for (wrong, why) in [
            (role(" ", &[], 0), RoleRefusal::BadName),
            (role("a\nb", &[], 0), RoleRefusal::BadName),
            (role(&"x".repeat(101), &[], 0), RoleRefusal::BadName),
            (role("a", &[], -1), RoleRefusal::BadRank),
            (role("a", &[], 1001), RoleRefusal::BadRank),
            (role("a", &["A b"], 0), RoleRefusal::BadPermission("A b".to_owned())),
        ] {
            assert_eq!(check(wrong), Err(why));
        }
    }
}
