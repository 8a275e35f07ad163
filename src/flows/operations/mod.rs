//! What operators and timers do: keys, the audit trail, cleaning, what follows a restore.
pub mod after_restore;
pub mod audit_lines;
pub mod housekeeping;
pub mod replace_keys;
pub mod rotate_keys;
pub mod seal_audit;
mod seal_runs;
pub mod list_audit_events;
pub mod show_keys;
pub mod take_readings;
pub mod verify_audit;
