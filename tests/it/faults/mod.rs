//! What breaks under us: the database, the process, the reader of the log. Never a wrong answer.
mod busy;
pub mod load;
mod outage;
mod process;
