//! Proofs of authentication. Pure.
//!
//! [`Authenticated`] is the proof; only this module makes one: from a password that matched
//! ([`with_password`]), from a live session ([`Session::resume`]), from a sign-in that a refresh
//! token stands for ([`remembered`]), or from the word of the application whose own the user is
//! ([`by_application`]).
pub mod session;
pub mod throttle;

use crate::domain::client::Client;
use crate::domain::user::{User, UserKind};
use crate::domain::{ClientId, OrganizationId, Timestamp};
pub use session::{Session, SessionRefusal, is_fresh};

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
/// The password is checked first, so that only the owner learns that an account is inactive.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VouchRefusal {
    #[error("the user is not the application's own")]
    NotItsOwn,
    #[error("the application is not authorized in the organization")]
    NotAuthorized,
    #[error("the account is not active")]
    Inactive,
}

/// Users without a login, app users and service accounts, are who their application says: it made them,
/// and nobody else speaks for them. That lasts as long as the organization lets the application in.
pub fn by_application(
    user: User,
    client: &Client,
    now: Timestamp,
) -> Result<Authenticated, VouchRefusal> {
    check_vouched(&user, client)?;
    Ok(Authenticated { user, at: now })
}

/// Whether [`by_application`] would say yes now; asked again whenever such a user's token is used.
pub fn check_vouched(user: &User, client: &Client) -> Result<(), VouchRefusal> {
    check_own((user.kind, user.owner.as_ref()), user.organization_id(), client)?;
    if user.is_active() { Ok(()) } else { Err(VouchRefusal::Inactive) }
}

/// As above, for a user who is known to be active.
pub fn check_own(
    (kind, owner): (UserKind, Option<&ClientId>),
    organization: Option<&OrganizationId>,
    client: &Client,
) -> Result<(), VouchRefusal> {
    let without_login = matches!(kind, UserKind::AppUser | UserKind::ServiceAccount);
    if !without_login || owner != Some(&client.id) {
        return Err(VouchRefusal::NotItsOwn);
    }
    let settings = client.box_.as_ref();
    if !settings.is_some_and(|box_| box_.is_authorized_in(organization)) {
        return Err(VouchRefusal::NotAuthorized);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
