//! Makes the database say what the file says.
use super::administrators;
use super::file::{File, WantedPassword};
use super::mistake::Mistake;
use super::plan::{Action, Change, Plan, What};
use super::read::beside;
use super::steps::{Step, Turn, UserWrite, Write, steps};
use super::stored::Stored;
use crate::audit::{Event, EventKind};
use crate::crypto::password::{self, PasswordError};
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::Context;
use crate::flows::end_impersonation::{self, EndedBy, Touched, judge_touched};
use crate::flows::{service_accounts, shut_out};
use crate::store::impersonations::Filter;
use crate::store::not_before::NotBefore;
use crate::store::organizations::OrganizationRecord;
use crate::store::{self, Conn, DbError, StoreError, Transactional as _};
use secrecy::ExposeSecret as _;

/// Who did it, in the audit trail: whoever may run the program on the server.
pub(super) const ACTOR: &str = "cli";

#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error("{}", .0.join("\n"))]
    Conflict(Vec<String>),
    /// Of the file, seen only beside the database.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mistakes(Vec<Mistake>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a password could not be hashed")]
    Hashing,
}

impl From<DbError> for ProvisionError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<PasswordError> for ProvisionError {
    fn from(_: PasswordError) -> Self {
        Self::Hashing
    }
}

/// Whether to say only what would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    Yes,
    No,
}

/// Whether what the file does not name is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    Yes,
    No,
}

/// Does what the file says, or only tells.
pub async fn apply(
    ctx: &Context,
    file: &File,
    dry_run: DryRun,
    prune: Prune,
) -> Result<Plan, ProvisionError> {
    let mut conn = ctx.store.conn().await?;
    match dry_run {
        DryRun::Yes => plan(&conn, file, prune).await,
        DryRun::No => apply_to(&mut conn, file, prune).await,
    }
}

/// What [`apply_to`] would do now.
pub async fn plan(conn: &Conn, file: &File, prune: Prune) -> Result<Plan, ProvisionError> {
    let stored = Stored::load(conn).await?;
    let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
    let file = meant.as_ref().unwrap_or(file);
    let hashes = new_hashes(file, &stored).await?;
    let steps = steps(file, &stored, &hashes, prune).map_err(ProvisionError::Conflict)?;
    Ok(plan_of(&steps))
}

/// All of it or nothing, with an event for each change; what is right already is not touched.
pub async fn apply_to(conn: &mut Conn, file: &File, prune: Prune) -> Result<Plan, ProvisionError> {
    // Before the transaction: a password costs 24 ms, and locks would be held for all of them.
    let stored = Stored::load(conn).await?;
    let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
    let hashes = new_hashes(meant.as_ref().unwrap_or(file), &stored).await?;
    conn.transaction(async |tx| {
        store::settings::lock_for_apply(tx).await?;
        let stored = Stored::load(tx).await?;
        // Once more: somebody may have changed what the file leaves out.
        let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
        let file = meant.as_ref().unwrap_or(file);
        let steps = steps(file, &stored, &hashes, prune).map_err(ProvisionError::Conflict)?;
        release_emails(tx, &steps).await?;
        for step in steps.iter().filter(|step| step.change.action != Action::Unchanged) {
            write(tx, step).await?;
            store::audit::append(tx, &event(step)).await?;
        }
        service_accounts::settle(tx, ACTOR).await?;
        // Counted once more under the lock: the console may be taking another one away right now.
        let left = store::roles::lock_and_count_administrators(tx).await?;
        if administrators::leaves_somebody(administrators::before(&stored), left) {
            Ok(plan_of(&steps))
        } else {
            Err(ProvisionError::Conflict(vec![administrators::NOBODY_LEFT.to_owned()]))
        }
    })
    .await
}

fn plan_of(steps: &[Step]) -> Plan {
    Plan { changes: steps.iter().map(|step| step.change.clone()).collect() }
}

/// For each user of the file the hash of a password that is set: the first one, or another that the file insists on.
async fn new_hashes(file: &File, stored: &Stored) -> Result<Vec<Option<String>>, ProvisionError> {
    let jobs: Vec<_> = file
        .users
        .iter()
        .zip(stored.users_of(file))
        .map(|(wanted, before)| match &wanted.password {
            Some(WantedPassword::Plain(plain)) if before.is_none() || wanted.left_out.reset => {
                Some((plain.clone(), before.and_then(|before| before.password_hash.clone())))
            }
            Some(_) | None => None,
        })
        .collect();
    let work = tokio::task::spawn_blocking(move || {
        let hash = |job: Option<(secrecy::SecretString, Option<String>)>| {
            let Some((plain, stored)) = job else { return Ok(None) };
            let plain = plain.expose_secret();
            if stored.is_some_and(|stored| password::verify(plain, &stored)) {
                return Ok(None);
            }
            password::hash(plain).map(Some)
        };
        jobs.into_iter().map(hash).collect::<Result<Vec<_>, PasswordError>>()
    });
    Ok(work.await.map_err(|_| ProvisionError::Hashing)??)
}

async fn release_emails(tx: &Conn, steps: &[Step]) -> Result<(), StoreError> {
    let moving = |step: &Step| {
        let Write::User(user) = &step.write else { return None };
        user.moves_email.then(|| user.record.id.clone())
    };
    let ids: Vec<String> = steps.iter().filter_map(moving).collect();
    if ids.is_empty() { Ok(()) } else { store::directory::release_emails(tx, &ids).await }
}

async fn write(tx: &Conn, step: &Step) -> Result<(), StoreError> {
    let id = step.change.id.as_str();
    match &step.write {
        Write::Settings { impersonation_enabled } => {
            store::settings::set_impersonation_enabled(tx, *impersonation_enabled).await?;
            if *impersonation_enabled {
                return Ok(());
            }
            let who = (ACTOR, &Caller::default());
            end_all(tx, all(), EndReason::FeatureOff, who).await
        }
        Write::Organization { record, switched } => write_organization(tx, record, *switched).await,
        Write::Role(record) => {
            store::roles::put(tx, record).await?;
            judge_touched(tx, Touched::Role(&record.name), ACTOR, &Caller::default()).await
        }
        Write::User(user) => write_user(tx, user).await,
        Write::Client { record, secret_hash, turn } => {
            end_by_turn(tx, id, *turn, (ACTOR, &Caller::default())).await?;
            store::registrations::put(tx, record).await?;
            if let Some(hash) = secret_hash {
                store::registrations::put_secret(tx, id, hash).await?;
            }
            judge_touched(tx, Touched::Application(id), ACTOR, &Caller::default()).await
        }
        Write::DeleteOrganization => {
            store::service_accounts::delete_in(tx, id).await?;
            store::not_before::put(tx, NotBefore::Organization(id)).await?;
            store::organizations::delete(tx, id).await
        }
        Write::DeleteRole => store::roles::delete(tx, id).await,
        Write::DeleteUser => {
            end_of_user(tx, id).await?;
            // There may be another user of this id one day.
            store::not_before::put(tx, NotBefore::User(id)).await?;
            store::directory::delete(tx, id).await
        }
        Write::DeleteClient => {
            end_by_turn(tx, id, Turn::Off, (ACTOR, &Caller::default())).await?;
            store::registrations::delete(tx, id).await
        }
    }
}

async fn write_user(tx: &Conn, user: &UserWrite) -> Result<(), StoreError> {
    let id = user.record.id.as_str();
    store::directory::put(tx, &user.record, &user.roles).await?;
    if let Some(hash) = &user.password_hash {
        store::directory::put_password_hash(tx, id, hash).await?;
    }
    if user.signs_out {
        end_of_user(tx, id).await?;
        store::directory::sign_out_everywhere(tx, id).await?;
    }
    // A role that the next file gives back revives nothing.
    judge_touched(tx, Touched::User(id), ACTOR, &Caller::default()).await
}

async fn end_of_user(tx: &Conn, id: &str) -> Result<(), StoreError> {
    let Ok(user) = UserId::parse(id) else { return Ok(()) };
    shut_out::end_impersonations(tx, &user, Some(ACTOR), &Caller::default()).await
}

async fn write_organization(
    tx: &Conn,
    record: &OrganizationRecord,
    switched: bool,
) -> Result<(), StoreError> {
    store::organizations::put(tx, record).await?;
    if switched {
        store::not_before::put(tx, NotBefore::Organization(&record.id)).await?;
    }
    let touched = Touched::Organization(&record.id);
    judge_touched(tx, touched, ACTOR, &Caller::default()).await?;
    // Links that wait are over with what runs, and do not come back.
    if (switched || !record.impersonation_enabled)
        && let Ok(organization) = OrganizationId::parse(record.id.as_str())
    {
        let who = (ACTOR, &Caller::default());
        let inside = Filter { organization: Some(organization), ..all() };
        end_all(tx, inside, EndReason::FeatureOff, who).await?;
    }
    Ok(())
}

/// What an application loses that is changed, switched off or on, or taken away.
pub(super) async fn end_by_turn(
    tx: &Conn,
    id: &str,
    turn: Turn,
    who: (&str, &Caller),
) -> Result<(), StoreError> {
    match turn {
        Turn::None => Ok(()),
        Turn::ImpersonationOff => end_of_client(tx, id, who).await,
        Turn::Off | Turn::On => end_tokens_of_client(tx, id, who).await,
    }
}

/// Everything that an application was given is over for good, and whatever goes on in it; `who` ended it.
pub(super) async fn end_tokens_of_client(
    tx: &Conn,
    id: &str,
    who: (&str, &Caller),
) -> Result<(), StoreError> {
    end_of_client(tx, id, who).await?;
    // What it asked for elsewhere was got with its credentials, too: a link signs in whoever has it.
    if let Ok(client) = ClientId::parse(id) {
        let asked_for = Filter { requester: Some(client), ..all() };
        end_all(tx, asked_for, EndReason::ClientChanged, who).await?;
    }
    store::not_before::put(tx, NotBefore::Client(id)).await
}

/// Whatever goes on in this application is over; `who` ended it.
async fn end_of_client(tx: &Conn, id: &str, who: (&str, &Caller)) -> Result<(), StoreError> {
    let Ok(client) = ClientId::parse(id) else { return Ok(()) };
    end_all(tx, Filter { client: Some(client), ..all() }, EndReason::ClientChanged, who).await
}

fn all() -> Filter {
    Filter { limit: i64::from(u16::MAX), ..Filter::default() }
}

async fn end_all(
    tx: &Conn,
    filter: Filter,
    reason: EndReason,
    (who, caller): (&str, &Caller),
) -> Result<(), StoreError> {
    let by = EndedBy { actor: Some(who), reason };
    if filter.requester.is_none() {
        let codes = store::handover_codes::Whose {
            actor: filter.actor.as_ref(),
            subject: filter.subject.as_ref(),
            client: filter.client.as_ref(),
            organization: filter.organization.as_ref(),
        };
        store::handover_codes::void(tx, &codes).await?;
    }
    for status in ["active", "link_issued"] {
        let filter = Filter { status: Some(status.to_owned()), ..filter.clone() };
        for record in store::impersonations::list(tx, &filter).await? {
            end_impersonation::end(tx, &record, by, caller).await?;
        }
    }
    Ok(())
}

fn event(step: &Step) -> Event {
    let Change { action, what, id, fields } = &step.change;
    let kind = match what {
        What::User => EventKind::UserChanged,
        What::Client => EventKind::ApplicationChanged,
        What::Organization | What::Settings => EventKind::OrganizationChanged,
        What::Role => EventKind::RoleChanged,
    };
    let mut event = Event::new(kind, &Caller::default()).with("action", action.as_str());
    event.actor = Some(ACTOR.to_owned());
    match what {
        What::User => event.subject = Some(id.clone()),
        What::Client => event.client = Some(id.clone()),
        What::Organization => event.organization = Some(id.clone()),
        What::Settings | What::Role => event = event.with(what.as_str(), id.as_str()),
    }
    if let Write::User(user) = &step.write {
        event.organization.clone_from(&user.record.organization_id);
    }
    if let Write::Client { record, .. } = &step.write {
        event.organization.clone_from(&record.organization_id);
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    if names.is_empty() { event } else { event.with("changed", names) }
}
