//! All SQL: one file for each table; functions take a connection and return domain values.
//!
//! The only user of diesel. A row is converted and its invariants are checked ([`StoreError::Corrupt`]); business
//! rules are elsewhere, except the guards of single-use statements. Hot writes are single statements
//! ([`statement`](connection::statement)).
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

/// The moment of a read.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct Moment {
    /// Time of the database.
    pub now: crate::domain::Timestamp,
    /// Versions of the directory. `None`: the transaction has written something, which may be rolled back.
    pub directory: Option<DirectoryVersions>,
}

/// Errors of the transaction itself (lost connection, serialization).
pub type DbError = diesel::result::Error;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a row in `{table}` breaks an invariant: {what}")]
    Corrupt { table: &'static str, what: String },
    #[error(transparent)]
    Query(DbError),
    /// The connection pooler in front of the database is not configured as needed.
    #[error("{0}")]
    Pooled(&'static str),
    /// A setting contradicts the database; retrying does not help.
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
    /// Whether the error is a violation of the unique `constraint`.
    pub fn violates(&self, constraint: &str) -> bool {
        let Self::Query(DbError::DatabaseError(_, details)) = self else { return false };
        details.constraint_name() == Some(constraint)
    }

    /// Whether the error is a violation of any unique constraint.
    pub fn is_unique_violation(&self) -> bool {
        use diesel::result::DatabaseErrorKind::UniqueViolation;
        matches!(self, Self::Query(DbError::DatabaseError(UniqueViolation, _)))
    }
}

/// Parses a text column with an enumerated value.
fn word<T>(
    table: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::Corrupt { table, what: format!("`{text}`") })
}

/// Parses a text column with an id.
fn id<K>(table: &'static str, text: String) -> Result<crate::domain::id::Id<K>, StoreError> {
    crate::domain::id::Id::parse(text)
        .map_err(|problem| StoreError::Corrupt { table, what: problem.to_string() })
}

/// Parses a text column with scopes.
fn scopes(table: &'static str, text: &str) -> Result<crate::domain::scope::Scopes, StoreError> {
    crate::domain::scope::Scopes::parse_stored(text)
        .map_err(|problem| StoreError::Corrupt { table, what: problem.to_string() })
}
