//! Codes, access and refresh tokens, signing keys, and what may be used only once.
pub mod access_tokens;
pub mod authorization_codes;
pub mod box_tokens;
pub mod not_before;
pub mod refresh_tokens;
pub mod replay_guard;
pub mod revocations;
pub mod signing_keys;
