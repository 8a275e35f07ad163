//! What breaks under us: the database, the process, the reader of the log. Never a wrong answer.
mod accident;
mod busy;
mod cut_off;
pub mod load;
mod outage;
mod process;
mod standby;
