//! The rows of a plan, written in batches, and then the events about them.
//!
//! The events come last: whoever has written one holds up the sealing of all later ones until the commit.
use super::plan::{Change, PlannedAction, What};
use super::progress::{Phase, Progress};
use super::step::{ApplyStep, ApplyTurn, UserWrite, Write};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::impersonation::end_impersonation::{self, EndedBy, Touched, judge_touched};
use crate::flows::logout::revoke_user_access;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::{
    batches as people,
    batches::{BATCH_SIZE, BatchUserRow},
};
use crate::store::impersonations::ImpersonationFilter;
use crate::store::tokens::not_before::NotBefore;
use crate::store::{self, Conn, StoreError};

/// Who did it, in the audit trail: whoever may run the program on the server.
pub(super) const ACTOR: &str = "cli";

/// Writes what changes, in the order of `steps`.
pub(super) async fn write_all(
    tx: &Conn,
    steps: &[ApplyStep],
    progress: Progress<'_>,
) -> Result<(), StoreError> {
    let changed: Vec<&ApplyStep> =
        steps.iter().filter(|step| step.change.action != PlannedAction::Unchanged).collect();
    release_emails(tx, &changed).await?;
    let mut written = 0;
    let alike = |one: &&ApplyStep, next: &&ApplyStep| {
        std::mem::discriminant(&one.write) == std::mem::discriminant(&next.write)
    };
    for group in changed.chunk_by(alike) {
        for some in group.chunks(BATCH_SIZE) {
            write_some(tx, some).await?;
            written += some.len();
            progress.at(Phase::Write, written, changed.len());
        }
    }
    let mut recorded = 0;
    for some in changed.chunks(BATCH_SIZE) {
        let events: Vec<Event> = some.iter().map(|step| event(step)).collect();
        store::trail::append::append_all(tx, &Vec::from_iter(&events)).await?;
        recorded += some.len();
        progress.at(Phase::Record, recorded, changed.len());
    }
    Ok(())
}

/// Steps of one kind.
async fn write_some(tx: &Conn, steps: &[&ApplyStep]) -> Result<(), StoreError> {
    let users: Vec<&UserWrite> = steps.iter().filter_map(|step| as_user(step)).collect();
    let is_deleted = |step: &&&ApplyStep| matches!(step.write, Write::DeleteUser);
    let deleted: Vec<String> =
        steps.iter().filter(is_deleted).map(|step| step.change.id.clone()).collect();
    write_users(tx, &users).await?;
    end_of_users(tx, &deleted).await?;
    people::delete_all(tx, &deleted).await?;
    for step in steps {
        write(tx, step).await?;
    }
    Ok(())
}

fn as_user(step: &ApplyStep) -> Option<&UserWrite> {
    if let Write::User(user) = &step.write { Some(user) } else { None }
}

async fn write_users(tx: &Conn, users: &[&UserWrite]) -> Result<(), StoreError> {
    let rows: Vec<BatchUserRow<'_>> = users
        .iter()
        .map(|user| BatchUserRow {
            record: &user.record,
            roles: &user.roles,
            password_hash: user.password_hash.as_deref(),
        })
        .collect();
    people::put_all(tx, &rows).await?;
    let out: Vec<String> =
        users.iter().filter(|user| user.signs_out).map(|user| user.record.id.clone()).collect();
    end_of_users(tx, &out).await?;
    people::sign_out_all(tx, &out).await?;
    // A role that the next file gives back revives nothing.
    let all: Vec<String> = users.iter().map(|user| user.record.id.clone()).collect();
    for id in people::list_impersonating(tx, &all).await? {
        judge_touched(tx, Touched::User(&id), ACTOR, &Caller::default()).await?;
    }
    Ok(())
}

/// What goes on as one of `ids`, or by them.
async fn end_of_users(tx: &Conn, ids: &[String]) -> Result<(), StoreError> {
    for id in people::list_impersonating(tx, ids).await? {
        let Ok(user) = UserId::parse(id) else { continue };
        revoke_user_access::end_impersonations(tx, &user, Some(ACTOR), &Caller::default()).await?;
    }
    Ok(())
}

async fn release_emails(tx: &Conn, steps: &[&ApplyStep]) -> Result<(), StoreError> {
    let moving = steps.iter().filter_map(|step| as_user(step)).filter(|user| user.moves_email);
    let ids: Vec<String> = moving.map(|user| user.record.id.clone()).collect();
    for some in ids.chunks(BATCH_SIZE) {
        store::directory::write::release_emails(tx, some).await?;
    }
    Ok(())
}

async fn write(tx: &Conn, step: &ApplyStep) -> Result<(), StoreError> {
    let id = step.change.id.as_str();
    match &step.write {
        Write::Settings { impersonation_enabled } => {
            store::installation::settings::set_impersonation_enabled(tx, *impersonation_enabled)
                .await?;
            if *impersonation_enabled {
                return Ok(());
            }
            let who = (ACTOR, &Caller::default());
            end_all(tx, all(), EndReason::FeatureOff, who).await
        }
        Write::Organization { record, switched } => write_organization(tx, record, *switched).await,
        Write::Role(record) => {
            store::directory::roles::put(tx, record).await?;
            judge_touched(tx, Touched::Role(&record.name), ACTOR, &Caller::default()).await
        }
        // As a batch.
        Write::User(_) | Write::DeleteUser => Ok(()),
        Write::Client { record, secret_hash, turn } => {
            end_by_turn(tx, id, *turn, (ACTOR, &Caller::default())).await?;
            store::applications::write::put(tx, record).await?;
            if let Some(hash) = secret_hash {
                store::applications::write::put_secret(tx, id, hash).await?;
            }
            judge_touched(tx, Touched::Application(id), ACTOR, &Caller::default()).await
        }
        Write::DeleteOrganization => {
            store::directory::service_accounts::delete_in(tx, id).await?;
            store::tokens::not_before::put(tx, NotBefore::Organization(id)).await?;
            store::directory::organizations::delete(tx, id).await
        }
        Write::DeleteRole => store::directory::roles::delete(tx, id).await,
        Write::DeleteClient => {
            end_by_turn(tx, id, ApplyTurn::Off, (ACTOR, &Caller::default())).await?;
            store::applications::write::delete(tx, id).await
        }
    }
}

async fn write_organization(
    tx: &Conn,
    record: &OrganizationRecord,
    switched: bool,
) -> Result<(), StoreError> {
    store::directory::organizations::put(tx, record).await?;
    if switched {
        store::tokens::not_before::put(tx, NotBefore::Organization(&record.id)).await?;
    }
    let touched = Touched::Organization(&record.id);
    judge_touched(tx, touched, ACTOR, &Caller::default()).await?;
    // Links that wait are over with what runs, and do not come back.
    if (switched || !record.impersonation_enabled)
        && let Ok(organization) = OrganizationId::parse(record.id.as_str())
    {
        let who = (ACTOR, &Caller::default());
        let inside = ImpersonationFilter { organization: Some(organization), ..all() };
        end_all(tx, inside, EndReason::FeatureOff, who).await?;
    }
    Ok(())
}

/// What an application loses that is changed, switched off or on, or taken away.
pub(super) async fn end_by_turn(
    tx: &Conn,
    id: &str,
    turn: ApplyTurn,
    who: (&str, &Caller),
) -> Result<(), StoreError> {
    match turn {
        ApplyTurn::None => Ok(()),
        ApplyTurn::ImpersonationOff => end_of_client(tx, id, who).await,
        ApplyTurn::Off | ApplyTurn::On => end_tokens_of_client(tx, id, who).await,
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
        let asked_for = ImpersonationFilter { requester: Some(client), ..all() };
        end_all(tx, asked_for, EndReason::ClientChanged, who).await?;
    }
    store::tokens::not_before::put(tx, NotBefore::Client(id)).await
}

/// Whatever goes on in this application is over; `who` ended it.
async fn end_of_client(tx: &Conn, id: &str, who: (&str, &Caller)) -> Result<(), StoreError> {
    let Ok(client) = ClientId::parse(id) else { return Ok(()) };
    end_all(
        tx,
        ImpersonationFilter { client: Some(client), ..all() },
        EndReason::ClientChanged,
        who,
    )
    .await
}

/// A page of them; what has ended is not in the next one.
fn all() -> ImpersonationFilter {
    const PAGE_SIZE: i64 = 1000;
    ImpersonationFilter { limit: PAGE_SIZE, ..ImpersonationFilter::default() }
}

async fn end_all(
    tx: &Conn,
    filter: ImpersonationFilter,
    reason: EndReason,
    (who, caller): (&str, &Caller),
) -> Result<(), StoreError> {
    let by = EndedBy { actor: Some(who), reason };
    if filter.requester.is_none() {
        let codes = store::sessions::handover_codes::Whose {
            actor: filter.actor.as_ref(),
            subject: filter.subject.as_ref(),
            client: filter.client.as_ref(),
            organization: filter.organization.as_ref(),
        };
        store::sessions::handover_codes::void(tx, &codes).await?;
    }
    for status in ["active", "link_issued"] {
        let filter = ImpersonationFilter { status: Some(status.to_owned()), ..filter.clone() };
        loop {
            let mut ended = 0;
            for record in store::impersonations::list(tx, &filter).await? {
                ended += usize::from(end_impersonation::end(tx, &record, by, caller).await?);
            }
            if ended == 0 {
                break;
            }
        }
    }
    Ok(())
}

fn event(step: &ApplyStep) -> Event {
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
