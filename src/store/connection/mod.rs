//! The pool, the limits of a connection, statements, TLS, and whether a pooler stands between.
pub(super) mod bounded_conn;
pub mod long_transaction;
mod generation;
pub mod pgbouncer_check;
pub mod pool;
pub(super) mod statement;
pub(crate) mod tls;
