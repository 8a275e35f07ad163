//! Compares the schema of the database with the one that this program needs.
//!
//! Only `migrate` and `serve` change the schema; other commands check it first.
use crate::store::connection::pool::{MIGRATION_LOCK, MIGRATIONS};
use crate::store::{Conn, StoreError};
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

/// A schema that this program cannot work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The newest migration that was run; `None` without any.
    at: Option<String>,
    needs: String,
    order: SchemaOrder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemaOrder {
    Older,
    /// The schema is newer than this program.
    Newer,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs = &self.needs;
        match &self.at {
            None => write!(f, "the database has no schema yet, this binary needs {needs}")?,
            Some(at) => write!(f, "the schema is at {at}, this binary needs {needs}")?,
        }
        f.write_str(match self.order {
            SchemaOrder::Older => ": run `understudy migrate`",
            SchemaOrder::Newer => {
                ": use the newer release, or go back with that release's `understudy migrate --revert-last`"
            }
        })
    }
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

async fn is_so(mut conn: &Conn, question: &str) -> Result<bool, StoreError> {
    let asked = format!("SELECT {question} AS yes");
    let answer: Yes = diesel::sql_query(asked).get_result(&mut conn).await?;
    Ok(answer.yes)
}

/// Maximum time that a command waits for a migration.
const MIGRATION_TAKES: Duration = Duration::from_mins(1);

/// For commands: waits for a running migration, then checks the schema.
///
/// # Errors
///
/// As [`check`].
pub async fn check_once_migrated(conn: &Conn) -> Result<(), StoreError> {
    let begun = Instant::now();
    while begun.elapsed() < MIGRATION_TAKES && is_being_migrated(conn).await? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    check(conn).await
}

/// Whether a migration is running.
async fn is_being_migrated(conn: &Conn) -> Result<bool, StoreError> {
    let (class, object) = (MIGRATION_LOCK >> 32, MIGRATION_LOCK & 0xffff_ffff);
    let held = format!(
        "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted \
         AND classid = {class} AND objid = {object} \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    );
    is_so(conn, &held).await
}

/// Before migrations are run: of a schema that this program does not know, it does not know either what else it could
/// change there.
///
/// # Errors
///
/// [`StoreError::Schema`] if the database holds a migration that is not ours.
pub async fn check_not_newer(conn: &Conn) -> Result<(), StoreError> {
    match check(conn).await {
        Err(StoreError::Schema(misfit)) if misfit.order == SchemaOrder::Older => Ok(()),
        checked => checked,
    }
}

/// # Errors
///
/// [`StoreError::Schema`], which says what to run.
pub async fn check(mut conn: &Conn) -> Result<(), StoreError> {
    let known = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(StoreError::Unavailable)?;
    let known: BTreeSet<String> =
        known.iter().map(|one| one.name().version().to_string()).collect();
    let applied: BTreeSet<String> =
        if is_so(conn, "to_regclass('__diesel_schema_migrations') IS NOT NULL").await? {
            let all = "SELECT version::text AS version FROM __diesel_schema_migrations";
            let rows: Vec<Applied> = diesel::sql_query(all).load(&mut conn).await?;
            rows.into_iter().map(|row| row.version).collect()
        } else {
            BTreeSet::new()
        };
    let order = if !applied.is_subset(&known) {
        SchemaOrder::Newer
    } else if applied.len() < known.len() {
        SchemaOrder::Older
    } else {
        return Ok(());
    };
    let needs = known.into_iter().next_back().unwrap_or_default();
    Err(StoreError::Schema(Misfit { at: applied.into_iter().next_back(), needs, order }))
}
