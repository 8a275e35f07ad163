//! The pool, the limits of a connection, statements, TLS, and the check for a connection pooler.
pub(in crate::store) mod bounded_conn;
pub mod long_transaction;
mod generation;
pub mod pgbouncer_check;
pub mod pool;
pub(in crate::store) mod statement;
pub(crate) mod tls;
