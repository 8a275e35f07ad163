//! All SQL. One file a table; functions take a connection and return domain values.
//!
//! The only user of diesel. No rules here: a row is converted and its invariants are checked
//! ([`StoreError::Corrupt`]), nothing is judged. Hot writes are single statements ([`statement`](connection::statement)).
pub mod impersonations;
pub mod schema;
pub mod directory;
pub mod tokens;
pub mod trail;
pub mod connection;
pub mod sessions;
pub mod applications;
pub mod installation;

pub use connection::pool::{Conn, PooledConn, Store};
pub use diesel_async::AsyncConnection as Transactional;
pub use directory::version::DirectoryVersions;

/// When something was read.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct Moment {
    /// By the database's clock.
    pub now: crate::domain::Timestamp,
    /// Which versions of the directory there were. `None`: the transaction has written something, and may be undone.
    pub directory: Option<DirectoryVersions>,
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
    Schema(installation::schema_version::Misfit),
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        use diesel::result::DatabaseErrorKind::ReadOnlyTransaction;
        if matches!(error, DbError::DatabaseError(ReadOnlyTransaction, _)) {
            connection::pool::distrust();
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
