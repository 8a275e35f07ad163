//! All sessions and tokens of a user, of an organization, of an application or of everybody end at once.
//!
//! One row ends any number of them ([`store::tokens::not_before`]), so it takes milliseconds. The batches
//! that follow ([`mark_ended`]) only record it: sessions are marked, applications are notified, each impersonation
//! gets its end event.
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::permission::{CLIENTS_WRITE, KEYS_WRITE};
use crate::domain::protocol::EndReason;
use crate::domain::user::User;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::directory::manage_members::may_switch_off;
use crate::flows::directory::manage_organizations;
use crate::flows::impersonation::end_impersonation::{EndedBy, end_by_id};
use crate::flows::{Context, Failure};
use crate::store::sessions::sign_outs;
pub use crate::store::sessions::sign_outs::Alive;
use crate::store::sessions::sign_outs::MAX_COUNTED;
use crate::store::tokens::not_before::{self, NotBefore};
use crate::store::{self, Conn, StoreError, Transactional as _};

/// The sessions and tokens that a sign-out ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOutReach {
    User(UserId),
    Application(ClientId),
    Organization(OrganizationId),
    Everybody,
}

impl SignOutReach {
    fn row(&self) -> NotBefore<'_> {
        match self {
            Self::User(id) => NotBefore::User(id.as_str()),
            Self::Application(id) => NotBefore::Client(id.as_str()),
            Self::Organization(id) => NotBefore::Organization(id.as_str()),
            Self::Everybody => NotBefore::Everybody,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignOutAllRefusal {
    /// Also the answer when the caller may not know whether it exists.
    #[error("there is no such user, organization or application")]
    Unknown,
    #[error("the caller may not end the sessions of these")]
    NotPermitted,
}

/// The caller of a sign-out.
#[derive(Debug, Clone, Copy)]
pub enum SignOutBy<'a> {
    /// Staff, in the console or by a token.
    Person(&'a User),
    /// An application with a client credentials token that has the scope: an application of an organization for its
    /// users and applications, one of the operator for all. Never for everybody at once.
    Application(&'a ClientId, Option<&'a OrganizationId>),
    /// The command line.
    Operator,
}

impl<'a> SignOutBy<'a> {
    fn id(self) -> Option<&'a str> {
        match self {
            Self::Person(user) => Some(user.id.as_str()),
            Self::Application(id, _) => Some(id.as_str()),
            Self::Operator => None,
        }
    }

    fn organization(self) -> Option<&'a OrganizationId> {
        match self {
            Self::Person(user) => user.organization_id(),
            Self::Application(_, organization) => organization,
            Self::Operator => None,
        }
    }
}

/// Checks that `asking` may end everything that `reach` covers, by the rules for deactivating the same object;
/// returns the organization under which it is recorded.
async fn check(
    conn: &Conn,
    asking: SignOutBy<'_>,
    reach: &SignOutReach,
) -> Result<Option<String>, Failure<SignOutAllRefusal>> {
    let unknown = || Failure::Refused(SignOutAllRefusal::Unknown);
    let home = asking.organization();
    let (organization, may) = match reach {
        SignOutReach::User(id) => {
            let user = store::directory::users::find(conn, id).await?.ok_or_else(unknown)?;
            let organization = user.organization_id().map(ToString::to_string);
            let may = match asking {
                SignOutBy::Person(by) => may_switch_off(conn, by, &user).await?,
                SignOutBy::Application(..) => !user.permissions.is_administrative(),
                SignOutBy::Operator => true,
            };
            (organization, may)
        }
        SignOutReach::Organization(id) => {
            let found = store::directory::organizations::find(conn, id.as_str()).await?;
            let organization = found.ok_or_else(unknown)?.id;
            let may = match asking {
                SignOutBy::Person(by) => manage_organizations::rights(by).found,
                SignOutBy::Application(_, home) => home.is_none(),
                SignOutBy::Operator => true,
            };
            (Some(organization), may)
        }
        SignOutReach::Application(id) => {
            let found = store::applications::write::find(conn, id.as_str()).await?;
            let record = found.ok_or_else(unknown)?.record;
            (record.organization_id, person_holds(asking, CLIENTS_WRITE))
        }
        SignOutReach::Everybody => {
            let by_itself = matches!(asking, SignOutBy::Application(..));
            (None, home.is_none() && !by_itself && person_holds(asking, KEYS_WRITE))
        }
    };
    if home.is_some_and(|home| organization.as_deref() != Some(home.as_str())) {
        // Callers may not learn what exists outside their own organization.
        return Err(match reach {
            SignOutReach::Everybody => Failure::Refused(SignOutAllRefusal::NotPermitted),
            SignOutReach::User(_)
            | SignOutReach::Application(_)
            | SignOutReach::Organization(_) => unknown(),
        });
    }
    if may { Ok(organization) } else { Err(Failure::Refused(SignOutAllRefusal::NotPermitted)) }
}

fn person_holds(asking: SignOutBy<'_>, permission: &str) -> bool {
    match asking {
        SignOutBy::Person(by) => by.permissions.holds(permission),
        SignOutBy::Application(..) | SignOutBy::Operator => true,
    }
}

/// Counts what the sign-out would end, for a caller who may do it.
pub async fn preview(
    ctx: &Context,
    asking: SignOutBy<'_>,
    reach: &SignOutReach,
) -> Result<Alive, Failure<SignOutAllRefusal>> {
    let conn = ctx.store.conn().await?;
    check(&conn, asking, reach).await?;
    Ok(sign_outs::count_alive(&conn, reach.row()).await?)
}

/// Ends everything that `reach` covers, and returns the counts.
///
/// # Errors
///
/// A refusal is in the audit trail before it is returned.
pub async fn sign_out_all(
    ctx: &Context,
    asking: SignOutBy<'_>,
    reach: &SignOutReach,
    caller: &Caller,
) -> Result<Alive, Failure<SignOutAllRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let event = event(asking, reach, caller);
    let done = conn.transaction(async |tx| {
        let organization = check(tx, asking, reach).await?;
        let alive = end_until_now(tx, reach, asking.id()).await?;
        let event = counted(Event { organization, ..event.clone() }, alive);
        store::trail::append::append(tx, &event).await?;
        Ok(alive)
    });
    match done.await {
        Ok(alive) => {
            follow_up(&mut conn, reach).await?;
            Ok(alive)
        }
        Err(Failure::Refused(refusal)) => {
            let organization = asking.organization().map(ToString::to_string);
            let refused = Event { organization, ..event }.with("refused", true);
            store::trail::append::append(&conn, &refused.because(refusal.to_string())).await?;
            Err(Failure::Refused(refusal))
        }
        Err(failure) => Err(failure),
    }
}

fn event(asking: SignOutBy<'_>, reach: &SignOutReach, caller: &Caller) -> Event {
    let event = Event::new(EventKind::SessionsEnded, caller);
    let event = Event { actor: asking.id().map(ToOwned::to_owned), ..event };
    match reach {
        SignOutReach::User(id) => {
            Event { subject: Some(id.to_string()), ..event }.with("of", "user")
        }
        SignOutReach::Application(id) => {
            Event { client: Some(id.to_string()), ..event }.with("of", "application")
        }
        SignOutReach::Organization(id) => {
            event.with("of", "organization").with("organization", id.as_str())
        }
        SignOutReach::Everybody => event.with("of", "everybody"),
    }
}

/// A count as text; above [`MAX_COUNTED`] it says "more than".
pub fn in_words(number: u64) -> String {
    let most = u64::from(MAX_COUNTED);
    if number > most { format!("more than {most}") } else { number.to_string() }
}

/// Adds the counts to an event; a count above the maximum is recorded as the maximum plus one.
pub(in crate::flows) fn counted(event: Event, alive: Alive) -> Event {
    event
        .with("sessions", alive.sessions)
        .with("tokens", alive.tokens)
        .with("impersonations", alive.impersonations)
}

/// Ends what `reach` covers, within a transaction and as late in it as possible; [`follow_up`] comes after its
/// commit.
pub(in crate::flows) async fn end_until_now(
    tx: &Conn,
    reach: &SignOutReach,
    actor: Option<&str>,
) -> Result<Alive, StoreError> {
    let alive = sign_outs::count_alive(tx, reach.row()).await?;
    sign_outs::insert(tx, reach.row(), actor).await?;
    put(tx, reach).await?;
    Ok(alive)
}

async fn put(conn: &Conn, reach: &SignOutReach) -> Result<(), StoreError> {
    not_before::put(conn, reach.row()).await?;
    match reach {
        SignOutReach::Everybody => not_before::put_for_all_clients(conn).await,
        SignOutReach::User(_) | SignOutReach::Application(_) | SignOutReach::Organization(_) => {
            Ok(())
        }
    }
}

/// Repeats the end after the commit, because a request that had read a session, code or token before it may have
/// made a new token since. The first batch is marked at once, so that a small installation shows the result
/// immediately.
pub(in crate::flows) async fn follow_up(
    conn: &mut Conn,
    reach: &SignOutReach,
) -> Result<(), StoreError> {
    put(conn, reach).await?;
    mark_ended(conn).await?;
    Ok(())
}

/// Rows that are marked at a time, so that no lock is held for long.
const IMPERSONATIONS_AT_ONCE: i64 = 100;
const SESSIONS_AT_ONCE: i64 = 1_000;

/// Marks the next batch of rows that a sign-out has ended; false when none is left.
pub async fn mark_ended(conn: &mut Conn) -> Result<bool, StoreError> {
    conn.transaction(async |tx| {
        let Some(of) = sign_outs::claim(tx).await? else { return Ok(false) };
        let by = EndedBy { actor: of.actor.as_deref(), reason: EndReason::StoppedByAdmin };
        let running = sign_outs::list_impersonations(tx, &of, IMPERSONATIONS_AT_ONCE).await?;
        for id in &running {
            end_by_id(tx, id, by, &Caller::default()).await?;
        }
        if !running.is_empty() {
            // Sessions are marked only after the last impersonation.
            let more = i64::try_from(running.len()).is_ok_and(|n| n >= IMPERSONATIONS_AT_ONCE);
            if more {
                return Ok(true);
            }
        }
        if sign_outs::end_sessions(tx, &of, SESSIONS_AT_ONCE).await? {
            return Ok(true);
        }
        sign_outs::delete(tx, &of).await?;
        Ok(true)
    })
    .await
}

/// Maximum number of batches in one tick.
const BATCHES: usize = 20;

/// Marks the remaining rows, a few batches in each tick.
pub async fn mark_what_is_left(ctx: &Context) -> Result<(), StoreError> {
    let mut conn = ctx.store.conn().await?;
    for _ in 0..BATCHES {
        if !mark_ended(&mut conn).await? {
            break;
        }
    }
    Ok(())
}
