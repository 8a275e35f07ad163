//! The pool, the limits of a connection, statements, TLS, and the check for a connection pooler.
pub(super) mod bounded_conn;
pub mod long_transaction;
mod generation;
pub mod pgbouncer_check;
pub mod pool;
pub(super) mod statement;
pub(crate) mod tls;
