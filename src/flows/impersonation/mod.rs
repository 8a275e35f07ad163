//! An impersonation from its start to its end: the question to the decision, the link, its redemption, the handover code, the history.
pub mod after_redemption;
pub mod end_impersonation;
pub mod handover_code;
pub(super) mod held_impersonation;
pub(super) mod question;
pub mod redeem_impersonation;
pub mod see_history;
pub mod see_impersonations;
pub mod start_impersonation;
