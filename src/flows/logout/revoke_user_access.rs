//! Ends all sessions, tokens and impersonations of a user who was disabled, deleted or changed.
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::impersonation::end_impersonation::{EndedBy, Which, end_matching};
use crate::store::{self, Conn, StoreError};

/// Invalidates all sessions and tokens of `user` from the commit on, and ends the impersonations of which they are
/// actor or subject. `by` is the user who made the change.
pub async fn revoke_user_access(
    tx: &Conn,
    user: &UserId,
    by: Option<&str>,
    caller: &Caller,
) -> Result<(), StoreError> {
    end_impersonations(tx, user, by, caller).await?;
    store::directory::write::sign_out_everywhere(tx, user.as_str()).await
}

/// Ends the impersonations of which `user` is actor or subject. The decision would deny them at their next use
/// anyway; ending them now makes the history say so at once.
pub async fn end_impersonations(
    tx: &Conn,
    user: &UserId,
    by: Option<&str>,
    caller: &Caller,
) -> Result<(), StoreError> {
    let as_actor = Which { actor: Some(user.clone()), ..Which::default() };
    let revoked = EndedBy { actor: by, reason: EndReason::ActorRevoked };
    end_matching(tx, &as_actor, revoked, caller).await?;
    let as_subject = Which { subject: Some(user.clone()), ..Which::default() };
    let changed = EndedBy { actor: by, reason: EndReason::SubjectChanged };
    end_matching(tx, &as_subject, changed, caller).await?;
    Ok(())
}
