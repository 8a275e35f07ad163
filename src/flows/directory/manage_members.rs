//! Assigns and removes roles, deactivates and reactivates users.
//!
//! One permission for all of it, in both directions (H11), and one rule: the caller must have the power of the role
//! ([`GrantPower`]) and of everything that the user can do already (H12, H13), also for changes to themselves.
use super::last_administrator::{self, Before};
use super::view_user::sees;
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::permission::{APP_SERVICE, USERS_WRITE};
use crate::domain::role::GrantPower;
use crate::domain::user::{User, UserKind};
use crate::domain::{Status, UserId};
use crate::flows::impersonation::end_impersonation::{Touched, judge_touched};
use crate::flows::logout::revoke_user_access::revoke_user_access;
use crate::flows::{Context, Failure};
use crate::store::directory::roles::RoleRecord;
use crate::store::{self, Conn, StoreError, Transactional as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    #[error("there is no such user")]
    NoSuchUser,
    #[error("there is no such role")]
    NoSuchRole,
    #[error("the role goes with a kind of user, and nobody else holds one")]
    NotForThisKind,
    #[error("the caller may not change users")]
    NotPermitted,
    #[error("the role has permissions or a rank that the caller lacks")]
    RoleTooHigh,
    #[error("the user has permissions or a rank that the caller lacks")]
    Superior,
    #[error("a user cannot deactivate themselves")]
    Oneself,
    #[error("the last administrator cannot be removed")]
    LastAdministrator,
}

/// A change to a user.
#[derive(Debug, Clone, Copy)]
pub enum MembershipChange<'a> {
    Give(&'a str),
    Take(&'a str),
    Status(Status),
}

impl MembershipChange<'_> {
    fn event(self, event: Event) -> Event {
        match self {
            Self::Give(role) => event.with("action", "role_given").with("role", role),
            Self::Take(role) => event.with("action", "role_taken").with("role", role),
            Self::Status(to) => event.with("action", "update").with("status", to.as_str()),
        }
    }
}

/// Makes the change or refuses it, and records both. A change without effect is no error.
pub async fn change_member(
    ctx: &Context,
    by: &User,
    (user, change): (&UserId, MembershipChange<'_>),
    caller: &Caller,
) -> Result<(), Failure<MemberRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let event = change.event(Event {
        actor: Some(by.id.to_string()),
        subject: Some(user.to_string()),
        ..Event::new(EventKind::UserChanged, caller)
    });
    let done = conn.transaction(async |tx| apply(tx, by, (user, change), &event).await).await;
    if let Err(Failure::Refused(refusal)) = &done
        && *refusal != MemberRefusal::NoSuchUser
    {
        let refused = event.with("refused", true).because(refusal.to_string());
        store::trail::append::append(&conn, &refused).await?;
    }
    done
}

async fn apply(
    tx: &Conn,
    by: &User,
    (id, change): (&UserId, MembershipChange<'_>),
    event: &Event,
) -> Result<(), Failure<MemberRefusal>> {
    let refused = |reason| Err(Failure::Refused(reason));
    if !by.permissions.holds(USERS_WRITE) {
        return refused(MemberRefusal::NotPermitted);
    }
    let found = store::directory::users::find_and_lock(tx, id).await?.filter(|user| sees(by, user));
    let Some(user) = found else { return refused(MemberRefusal::NoSuchUser) };
    check_reach(tx, by, &user, change).await?;
    let before = last_administrator::before_change_of(tx, id).await?;
    let changed = match change {
        MembershipChange::Give(role) => {
            store::directory::roles::give(tx, id.as_str(), role).await?
        }
        MembershipChange::Take(role) => {
            store::directory::roles::take(tx, id.as_str(), role).await?
        }
        MembershipChange::Status(to) => {
            store::directory::users::set_status(tx, id, to).await?;
            user.status != to
        }
    };
    if !changed {
        return Ok(());
    }
    stays_administered(tx, before).await?;
    let (own, caller) = (by.id.as_str(), &event.caller);
    match change {
        MembershipChange::Status(Status::Inactive) => {
            revoke_user_access(tx, id, Some(own), caller).await?;
        }
        MembershipChange::Give(_)
        | MembershipChange::Take(_)
        | MembershipChange::Status(Status::Active) => {
            judge_touched(tx, Touched::User(id.as_str()), own, caller).await?;
        }
    }
    let organization = user.organization_id().map(ToString::to_string);
    store::trail::append::append(tx, &Event { organization, ..event.clone() }).await?;
    Ok(())
}

async fn stays_administered(tx: &Conn, before: Before) -> Result<(), Failure<MemberRefusal>> {
    if before.leaves_somebody(tx).await? {
        Ok(())
    } else {
        Err(Failure::Refused(MemberRefusal::LastAdministrator))
    }
}

async fn check_reach(
    tx: &Conn,
    by: &User,
    user: &User,
    change: MembershipChange<'_>,
) -> Result<(), Failure<MemberRefusal>> {
    let refused = |reason| Err(Failure::Refused(reason));
    let rank = rank_of(tx, &by.id).await?;
    let grant_power = GrantPower { permissions: &by.permissions, rank };
    if by.id != user.id
        && !grant_power.reaches(user.permissions.iter(), rank_of(tx, &user.id).await?)
    {
        return refused(MemberRefusal::Superior);
    }
    match change {
        MembershipChange::Status(_) if by.id == user.id => refused(MemberRefusal::Oneself),
        MembershipChange::Status(_) => Ok(()),
        MembershipChange::Give(name) | MembershipChange::Take(name) => {
            let Some((role, _)) = store::directory::roles::find(tx, name).await? else {
                return refused(MemberRefusal::NoSuchRole);
            };
            if user.kind != UserKind::Person || name == APP_SERVICE {
                return refused(MemberRefusal::NotForThisKind);
            }
            if reaches(grant_power, &role) { Ok(()) } else { refused(MemberRefusal::RoleTooHigh) }
        }
    }
}

pub(in crate::flows) fn reaches(grant_power: GrantPower<'_>, role: &RoleRecord) -> bool {
    grant_power.reaches(role.permissions.iter().map(String::as_str), role.rank)
}

/// The highest rank of a user's roles; 0 without any.
pub(in crate::flows) async fn rank_of(conn: &Conn, user: &UserId) -> Result<i32, StoreError> {
    let roles = store::directory::roles::list_of(conn, user.as_str()).await?;
    Ok(roles.iter().map(|role| role.rank).max().unwrap_or(0))
}

/// The changes that `by` may make to `user`, so that pages offer only these.
pub struct Offer {
    /// The roles that `user` holds, and whether each can be taken.
    pub held: Vec<(RoleRecord, bool)>,
    /// Those that can be given.
    pub givable: Vec<RoleRecord>,
    /// They can be switched off and on.
    pub status: bool,
}

pub(in crate::flows) async fn may_switch_off(
    conn: &Conn,
    by: &User,
    user: &User,
) -> Result<bool, StoreError> {
    let grant_power =
        GrantPower { permissions: &by.permissions, rank: rank_of(conn, &by.id).await? };
    let below = grant_power.reaches(user.permissions.iter(), rank_of(conn, &user.id).await?);
    Ok(by.permissions.holds(USERS_WRITE) && sees(by, user) && (by.id == user.id || below))
}

pub async fn offer(ctx: &Context, by: &User, user: &User) -> Result<Offer, StoreError> {
    let conn = ctx.store.conn().await?;
    let held = store::directory::roles::list_of(&conn, user.id.as_str()).await?;
    let rank = rank_of(&conn, &by.id).await?;
    let grant_power = GrantPower { permissions: &by.permissions, rank };
    let highest = held.iter().map(|role| role.rank).max().unwrap_or(0);
    let oneself = by.id == user.id;
    let below = oneself || grant_power.reaches(user.permissions.iter(), highest);
    let may = by.permissions.holds(USERS_WRITE) && sees(by, user) && below;
    let roles = may && user.kind == UserKind::Person;
    let all = if roles { store::directory::roles::list(&conn).await? } else { Vec::new() };
    let givable = all.into_iter().map(|listed| listed.role).filter(|role| {
        role.name != APP_SERVICE
            && reaches(grant_power, role)
            && !held.iter().any(|own| own.name == role.name)
    });
    let givable = givable.collect();
    let held = held.into_iter().map(|role| {
        let takable = roles && role.name != APP_SERVICE && reaches(grant_power, &role);
        (role, takable)
    });
    Ok(Offer { held: held.collect(), givable, status: may && !oneself })
}
