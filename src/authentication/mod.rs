//! Has this person shown who they are? Pure.
//!
//! [`Authenticated`] is the proof; only this module makes one: from a password that matched
//! ([`with_password`]), from a live session ([`Session::resume`]), or from a sign-in that a refresh
//! token stands for ([`remembered`]).
pub mod session;
pub mod throttle;

use crate::domain::Timestamp;
use crate::domain::user::{User, UserKind};
pub use session::{Session, SessionRefusal};

/// Proof that `user` signed in for themselves. Only this module makes one.
#[derive(Debug, Clone)]
pub struct Authenticated {
    user: User,
    at: Timestamp,
}

impl Authenticated {
    pub fn user(&self) -> &User {
        &self.user
    }
    /// When they proved it: `auth_time`.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefusal {
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    #[error("the account is not active")]
    Inactive,
    #[error("the account has no login")]
    NoLogin,
}

/// Judges a password sign-in; `matches` is the verdict of the password hash.
///
/// The password comes first: whether an account is inactive is told only to its owner.
pub fn with_password(
    user: User,
    matches: bool,
    now: Timestamp,
) -> Result<Authenticated, SignInRefusal> {
    if !matches {
        return Err(SignInRefusal::WrongCredentials);
    }
    match user.kind {
        UserKind::Person if user.is_active() => Ok(Authenticated { user, at: now }),
        UserKind::Person => Err(SignInRefusal::Inactive),
        UserKind::AppUser | UserKind::ServiceAccount => Err(SignInRefusal::NoLogin),
    }
}

/// A sign-in at `at` that a refresh token stands for, as long as the account is active.
pub fn remembered(user: User, at: Timestamp) -> Result<Authenticated, SignInRefusal> {
    if user.is_active() { Ok(Authenticated { user, at }) } else { Err(SignInRefusal::Inactive) }
}
