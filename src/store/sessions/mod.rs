//! Sessions, the applications that take part in them, failed sign-ins, handover and setup codes.
pub mod browser_sessions;
pub mod handover_codes;
pub mod login_failures;
pub mod logout_deliveries;
pub mod password_resets;
pub mod session_participants;
pub mod setup_codes;
pub mod sign_outs;
