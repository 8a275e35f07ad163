//! The reasons for which a grant at the token endpoint is refused.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    #[error("the application may not use this grant")]
    NotAllowed,
    /// Unknown, expired, used, another client's, or without an active user: one answer for all.
    #[error("the code or token is not valid")]
    Invalid,
    /// Of a token exchange; the answer for an unknown subject too, so that user ids cannot be probed.
    #[error("the actor may not act as the subject")]
    MayNotAct,
    #[error("the scope is more than was granted")]
    Scope,
    #[error("the application may not ask for tokens for this audience")]
    Audience,
}
