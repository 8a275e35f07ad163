//! Somebody is out: switched off, removed, or no longer whoever they were.
use crate::domain::UserId;
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::flows::impersonation::end_impersonation::{EndedBy, Which, end_matching};
use crate::store::{self, Conn, StoreError};

/// From this commit on no session and no token of theirs counts, and nobody acts as them or by them. `by` is
/// who did it.
pub async fn shut_out(
    tx: &Conn,
    user: &UserId,
    by: Option<&str>,
    caller: &Caller,
) -> Result<(), StoreError> {
    end_impersonations(tx, user, by, caller).await?;
    store::directory::write::sign_out_everywhere(tx, user.as_str()).await
}

/// What goes on as this user, or by them. The heart would refuse it at its next use; so the history says at
/// once that it is over.
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
