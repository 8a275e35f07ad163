//! Makes the database say what the file says, in one transaction: a run that fails or is stopped has changed nothing.
use super::administrators;
use super::file::{File, WantedPassword};
use super::mistake::Mistake;
use super::options::{DryRun, Prune};
use super::plan::Plan;
use super::progress::{Phase, Progress};
use super::read::beside;
use super::step::ApplyStep;
use super::steps::steps;
use super::stored::StoredDirectory;
use super::write::{ACTOR, write_all};
use crate::crypto::password::{self, PasswordError};
use crate::flows::{Context, directory::service_accounts};
use crate::store::{
    self, Conn, DbError, StoreError, Transactional as _, connection::long_transaction,
};
use futures_util::future::try_join_all;
use secrecy::{ExposeSecret as _, SecretString};

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

/// Does what the file says, or only tells.
pub async fn apply(
    ctx: &Context,
    file: &File,
    dry_run: DryRun,
    prune: Prune,
) -> Result<Plan, ProvisionError> {
    apply_with_progress(ctx, file, (dry_run, prune), Progress::none()).await
}

/// The same, for whoever wants to know how far it is.
pub async fn apply_with_progress(
    ctx: &Context,
    file: &File,
    (dry_run, prune): (DryRun, Prune),
    progress: Progress<'_>,
) -> Result<Plan, ProvisionError> {
    let mut conn = ctx.store.conn().await?;
    match dry_run {
        DryRun::Yes => plan(&conn, file, prune).await,
        DryRun::No => run(&mut conn, file, prune, progress).await,
    }
}

/// What [`apply_to`] would do now.
pub async fn plan(conn: &Conn, file: &File, prune: Prune) -> Result<Plan, ProvisionError> {
    let stored = StoredDirectory::load(conn, file, prune).await?;
    let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
    let file = meant.as_ref().unwrap_or(file);
    let hashes = placeholders(file, &stored);
    let steps = steps(file, &stored, &hashes, prune).map_err(ProvisionError::Conflict)?;
    Ok(plan_of(steps))
}

/// All of it or nothing, with an event for each change; what is right already is not touched.
pub async fn apply_to(conn: &mut Conn, file: &File, prune: Prune) -> Result<Plan, ProvisionError> {
    run(conn, file, prune, Progress::none()).await
}

async fn run(
    conn: &mut Conn,
    file: &File,
    prune: Prune,
    progress: Progress<'_>,
) -> Result<Plan, ProvisionError> {
    // Before the transaction: a password costs 24 ms, and locks would be held for all of them.
    let hashes = {
        let stored = StoredDirectory::load(conn, file, prune).await?;
        let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
        new_hashes(meant.as_ref().unwrap_or(file), &stored, progress).await?
    };
    long_transaction::begin(conn);
    let done = conn
        .transaction(async |tx| {
            long_transaction::lift_limits(tx).await?;
            write(tx, file, (prune, &hashes), progress).await
        })
        .await;
    long_transaction::end(conn);
    done
}

async fn write(
    tx: &Conn,
    file: &File,
    (prune, hashes): (Prune, &[Option<String>]),
    progress: Progress<'_>,
) -> Result<Plan, ProvisionError> {
    long_transaction::lock_for_apply(tx, || progress.at(Phase::Wait, 0, 0)).await?;
    // What the file says of users alone leaves those who edit applications in the console alone.
    if file.names_applications() || prune == Prune::Yes {
        store::installation::settings::lock_applications(tx).await?;
    }
    // Once more: somebody may have changed what the file leaves out.
    let stored = StoredDirectory::load(tx, file, prune).await?;
    let meant = beside(file, &stored, prune).map_err(ProvisionError::Mistakes)?;
    let steps = steps(meant.as_ref().unwrap_or(file), &stored, hashes, prune)
        .map_err(ProvisionError::Conflict)?;
    drop(meant);
    write_all(tx, &steps, progress).await?;
    service_accounts::settle(tx, ACTOR).await?;
    // Counted once more under the lock: the console may be taking another one away right now.
    let left = store::directory::roles::lock_and_count_administrators(tx).await?;
    if administrators::leaves_somebody(administrators::before(&stored), left) {
        Ok(plan_of(steps))
    } else {
        Err(ProvisionError::Conflict(vec![administrators::NOBODY_LEFT.to_owned()]))
    }
}

fn plan_of(steps: Vec<ApplyStep>) -> Plan {
    Plan { changes: steps.into_iter().map(|step| step.change).collect() }
}

/// A password of the file in plain text, and the stored hash.
type Job = (SecretString, Option<String>);

/// For each user of the file the password that is set: the first one, or another that the file insists on.
fn jobs(file: &File, stored: &StoredDirectory) -> Vec<Option<Job>> {
    let users = file.users.iter().zip(stored.users_of(file));
    users
        .map(|(wanted, before)| match &wanted.password {
            Some(WantedPassword::Plain(plain)) if before.is_none() || wanted.left_out.reset => {
                Some((plain.clone(), before.and_then(|before| before.password_hash.clone())))
            }
            Some(_) | None => None,
        })
        .collect()
}

/// In the place of hashes, for a plan: nothing is hashed that is not written. A password that is the stored one already
/// is found out, because that is no change.
fn placeholders(file: &File, stored: &StoredDirectory) -> Vec<Option<String>> {
    let is_new = |(plain, stored): &Job| {
        !stored.as_ref().is_some_and(|stored| password::verify(plain.expose_secret(), stored))
    };
    let new = jobs(file, stored).into_iter().map(|job| job.filter(is_new));
    new.map(|job| job.map(|_| "new".to_owned())).collect()
}

/// For each user of the file the hash of a password that is set. Each costs 24 ms of a core, so all cores work.
async fn new_hashes(
    file: &File,
    stored: &StoredDirectory,
    progress: Progress<'_>,
) -> Result<Vec<Option<String>>, ProvisionError> {
    /// For each core, between two calls of `progress`.
    const AT_ONCE: usize = 25;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let jobs = jobs(file, stored);
    let (total, mut done) = (jobs.iter().flatten().count(), 0);
    let mut hashes: Vec<Option<String>> = Vec::with_capacity(jobs.len());
    for some in jobs.chunks(AT_ONCE * cores) {
        let shares = some.chunks(AT_ONCE).map(<[Option<Job>]>::to_vec);
        let work = shares.map(|share| {
            tokio::task::spawn_blocking(move || {
                share.into_iter().map(hash).collect::<Result<Vec<_>, PasswordError>>()
            })
        });
        for share in try_join_all(work).await.map_err(|_| ProvisionError::Hashing)? {
            hashes.extend(share?);
        }
        if total > 0 {
            done += some.iter().flatten().count();
            progress.at(Phase::Hash, done, total);
        }
    }
    Ok(hashes)
}

fn hash(job: Option<Job>) -> Result<Option<String>, PasswordError> {
    let Some((plain, stored)) = job else { return Ok(None) };
    let plain = plain.expose_secret();
    if stored.is_some_and(|stored| password::verify(plain, &stored)) {
        return Ok(None);
    }
    password::hash(plain).map(Some)
}
