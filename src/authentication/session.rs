//! Browser sessions of users.
use super::Authenticated;
use crate::domain::user::User;
use crate::domain::{SessionId, Timestamp};
use chrono::Duration;

/// A session ends this long after its sign-in, however busy it is.
pub const LIFETIME: Duration = Duration::hours(12);
/// Idle limit of a session.
pub const IDLE_LIMIT: Duration = Duration::hours(2);

/// A session of a person who signed in for themselves, as stored.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    pub user: User,
    pub authenticated_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    #[error("the session is over")]
    Over,
    #[error("the account is not active")]
    Inactive,
}

/// Whether a proof given at `authenticated_at` still counts at `now` where something gives power.
///
/// `window` is the operator's `STEP_UP_MINUTES`; `None` means that the password is never asked again. A proof that is exactly as
/// old as the window counts. The console, confirmation pages and the decision about an impersonation all ask here.
pub fn is_fresh(authenticated_at: Timestamp, now: Timestamp, window: Option<Duration>) -> bool {
    window.is_none_or(|window| now - authenticated_at <= window)
}

impl Session {
    /// Whether the session is valid.
    pub fn resume(&self, now: Timestamp) -> Result<Authenticated, SessionRefusal> {
        let idle = now >= self.last_seen_at + IDLE_LIMIT;
        if self.ended_at.is_some() || now >= self.expires_at || idle {
            return Err(SessionRefusal::Over);
        }
        if !self.user.is_active() {
            return Err(SessionRefusal::Inactive);
        }
        Ok(Authenticated { user: self.user.clone(), at: self.authenticated_at })
    }
}
