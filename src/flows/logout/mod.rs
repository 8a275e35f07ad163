//! How sessions end, and how the applications hear of it.
pub mod deliver_logout;
pub mod end_session;
pub mod end_sessions;
pub mod notify_logout;
pub mod revoke_user_access;
pub mod sign_out;
pub mod sign_out_all;
