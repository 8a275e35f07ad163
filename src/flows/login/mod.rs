//! How a person signs in, proves who they are again, and how a sign-in request of an application is completed.
pub mod account;
pub mod authorize;
pub mod browser;
pub mod change_password;
pub mod change_profile;
pub mod complete_login;
pub mod consent;
pub(super) mod failed_attempts;
pub mod native;
pub mod next_cookie;
pub mod reset_password;
pub mod set_up;
pub mod sign_in;
pub mod step_up;
pub mod use_once;
