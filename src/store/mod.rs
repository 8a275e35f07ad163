//! All SQL. One file a table; functions take a connection and return domain values.
//!
//! The only user of diesel. No rules here: a row is converted and its invariants are checked
//! ([`StoreError::Corrupt`]), nothing is judged. Hot writes are single statements ([`statement`]).
pub mod access_tokens;
pub mod applications;
pub mod audit;
pub mod audit_checkpoints;
pub mod audit_sealing;
pub mod audit_search;
pub mod authorization_codes;
pub mod box_subjects;
pub mod box_tokens;
pub mod box_users;
pub mod clients;
pub mod consents;
pub mod credentials;
pub mod directory;
pub mod directory_search;
pub mod handover_codes;
pub mod history;
pub mod impersonations;
pub mod login_failures;
pub mod logout_deliveries;
pub mod organizations;
pub mod not_before;
mod patience;
pub mod people;
pub mod pool;
pub mod pooler;
pub mod refresh_tokens;
pub mod replay_guard;
pub mod registrations;
pub mod roles;
pub mod schema;
pub mod schema_version;
pub mod session_participants;
pub mod service_accounts;
pub mod sessions;
pub mod sign_outs;
pub mod settings;
pub mod setup_codes;
pub mod signing_keys;
mod statement;
pub(crate) mod tls;
pub mod users;

pub use diesel_async::AsyncConnection as Transactional;
pub use pool::{Conn, PooledConn, Store};

/// When something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::Queryable)]
pub struct Moment {
    /// By the database's clock.
    pub now: crate::domain::Timestamp,
    /// Which version of the directory that was. `None`: nobody can say what the transaction will leave behind.
    pub directory: Option<i64>,
}

/// What a transaction may fail with by itself (lost connection, serialization).
pub type DbError = diesel::result::Error;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a row in `{table}` breaks an invariant: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Query(DbError),
    /// What stands between us and the database is not fit for it.
    #[error("{0}")]
    Pooled(&'static str),
    /// A setting does not fit the database, and waiting does not help.
    #[error("{name}: {what}")]
    Setting { name: &'static str, what: String },
    #[error("{0}")]
    Schema(schema_version::Misfit),
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        use diesel::result::DatabaseErrorKind::ReadOnlyTransaction;
        if matches!(error, DbError::DatabaseError(ReadOnlyTransaction, _)) {
            pool::distrust();
        }
        Self::Query(error)
    }
}

impl StoreError {
    /// Another row holds the same value where `constraint` wants one only.
    pub fn violates(&self, constraint: &str) -> bool {
        let Self::Query(DbError::DatabaseError(_, details)) = self else { return false };
        details.constraint_name() == Some(constraint)
    }

    /// Another row holds the same unique value.
    pub fn is_unique_violation(&self) -> bool {
        use diesel::result::DatabaseErrorKind::UniqueViolation;
        matches!(self, Self::Query(DbError::DatabaseError(UniqueViolation, _)))
    }
}

/// A text column that holds one of a few words.
fn word<T>(
    table: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::Corrupt { table, what: format!("`{text}`") })
}

/// A text column that holds an id.
fn id<K>(table: &'static str, text: String) -> Result<crate::domain::id::Id<K>, StoreError> {
    crate::domain::id::Id::parse(text)
        .map_err(|problem| StoreError::Corrupt { table, what: problem.to_string() })
}

/// A text column that holds scopes.
fn scopes(table: &'static str, text: &str) -> Result<crate::domain::scope::Scopes, StoreError> {
    crate::domain::scope::Scopes::parse_stored(text)
        .map_err(|problem| StoreError::Corrupt { table, what: problem.to_string() })
}
