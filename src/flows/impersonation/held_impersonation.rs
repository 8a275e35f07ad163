//! Checks the cookie of an impersonated session in the browser that sent it.
//!
//! One rule for every protocol and page: an impersonation that its actor confirmed is valid only together with the
//! actor's own cookie of the session that redeemed the link. Without it another person may be using the browser,
//! and would be recorded as the actor.
use super::end_impersonation::decide_again;
use crate::crypto::hash;
use crate::domain::caller::Caller;
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp};
use crate::flows::Context;
use crate::impersonation::Impersonation;
use crate::store::sessions::browser_sessions::{self, FoundSession};
use crate::store::{Conn, StoreError};

/// An impersonated session whose secret a browser sent.
pub(in crate::flows) struct Carried {
    pub session: SessionId,
    pub impersonation: ImpersonationId,
    pub client: ClientId,
    pub standing: HeldStanding,
}

pub(in crate::flows) enum HeldStanding {
    /// Decided again just now.
    Running(Box<Impersonation>, Timestamp),
    Over,
    /// The browser lacks the actor's session, so the cookie is ignored.
    WithoutActor,
}

/// An impersonation of a `direct` link has no actor session, so its own cookie is enough.
fn counts(actor_session: Option<&SessionId>, own: Option<&SessionId>) -> bool {
    actor_session.is_none_or(|behind| own == Some(behind))
}

/// Finds the impersonation of `secret`, given the browser's own session.
///
/// `None`: it is no secret of an impersonated session.
pub(in crate::flows) async fn find(
    ctx: &Context,
    conn: &Conn,
    (secret, own): (&str, Option<&SessionId>),
    caller: &Caller,
) -> Result<Option<Carried>, StoreError> {
    let found = browser_sessions::find(conn, &hash::hash_secret(secret)).await?;
    let Some((FoundSession::Impersonated { session, impersonation, client, actor_session }, now)) =
        found
    else {
        return Ok(None);
    };
    let standing = if counts(actor_session.as_ref(), own) {
        match decide_again(ctx, conn, &impersonation, caller).await? {
            Some(granted) => HeldStanding::Running(Box::new(granted), now),
            None => HeldStanding::Over,
        }
    } else {
        HeldStanding::WithoutActor
    };
    Ok(Some(Carried { session, impersonation, client, standing }))
}

/// The session that a browser's own cookie is of, idle or not: an actor who works in an application leaves their
/// own session alone. Whether it still stands is asked when the impersonation is decided again.
pub(in crate::flows) async fn own_session(
    conn: &Conn,
    secret: Option<&str>,
) -> Result<Option<SessionId>, StoreError> {
    let Some(secret) = secret else { return Ok(None) };
    Ok(match browser_sessions::find(conn, &hash::hash_secret(secret)).await? {
        Some((FoundSession::Own(session), _)) => Some(session.id),
        Some((FoundSession::Impersonated { .. }, _)) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k06_an_impersonation_counts_beside_the_session_that_redeemed_it() {
        let id = |text: &str| SessionId::parse(text).unwrap();
        let (mine, other) = (id("ses_mine"), id("ses_other"));
        assert!(counts(Some(&mine), Some(&mine)));
        assert!(!counts(Some(&mine), Some(&other)));
        assert!(!counts(Some(&mine), None));
        assert!(counts(None, None) && counts(None, Some(&other)));
    }
}
