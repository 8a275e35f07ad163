//! Emergency: replaces all keys when one may be compromised (D39, I06).
//!
//! A reader of one key has read the table, so all keys are replaced, the pre-published ones too, and everything
//! that they may have signed ends.
use super::rotate_keys::{KINDS, insert};
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::flows::login::step_up::{self, verify_own};
use crate::flows::logout::sign_out_all::{Alive, SignOutReach, counted, end_until_now, follow_up};
use crate::flows::shared::keyring::KeyStore;
use crate::flows::{Context, Failure};
use crate::store::{self, Conn, StoreError, Transactional as _};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The keys that sign from now on.
    pub signing: Vec<String>,
    pub ended: Alive,
}

/// Every key is replaced, and no longer verifies anything as soon as the nodes follow; everybody is signed out,
/// every impersonation and every token ends. One transaction.
///
/// For operators who can run the program on the server.
pub async fn replace_compromised(
    conn: &mut Conn,
    ring: &KeyStore,
    caller: &Caller,
) -> Result<Replaced, StoreError> {
    let done = conn
        .transaction::<_, StoreError, _>(async |tx| {
            store::tokens::signing_keys::lock(tx).await?;
            replace_all(tx, ring, (None, caller)).await
        })
        .await?;
    follow_up(conn, &SignOutReach::Everybody).await?;
    Ok(done)
}

/// Why nothing was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceKeysRefusal {
    #[error("{0}")]
    NotProven(step_up::StepUpRefusal),
    #[error("other keys sign now")]
    OthersSign,
}

/// As [`replace_compromised`], for the user of `session`, who confirms their password, however recent their
/// sign-in.
///
/// Only if the keys that sign are still those of `seen`: of two who ask at once, one ends everything.
pub async fn replace_seen(
    ctx: &Context,
    session: &Session,
    (password, seen): (String, &[String]),
    caller: &Caller,
) -> Result<Replaced, Failure<ReplaceKeysRefusal>> {
    let failed = "wrong password at the replacement of the keys";
    let proven = verify_own(ctx, &session.user, (password, failed), caller).await;
    let (_, failures) = proven.map_err(|failure| failure.map(ReplaceKeysRefusal::NotProven))?;
    let ring = &ctx.shared.keys;
    let mut conn = ctx.store.conn().await?;
    let done = conn
        .transaction::<_, StoreError, _>(async |tx| {
            store::tokens::signing_keys::lock(tx).await?;
            let (keys, _) = store::tokens::signing_keys::list(tx).await?;
            let mut signing = keys.iter().filter(|key| key.state == "current");
            if !signing.all(|key| seen.contains(&key.id)) {
                return Ok(None);
            }
            failures.forget(tx).await?;
            Ok(Some(replace_all(tx, ring, (Some(session.user.id.as_str()), caller)).await?))
        })
        .await?;
    let done = done.ok_or(Failure::Refused(ReplaceKeysRefusal::OthersSign))?;
    // Here at once; other nodes follow within a second.
    ring.reload(&conn).await?;
    follow_up(&mut conn, &SignOutReach::Everybody).await?;
    Ok(done)
}

async fn replace_all(
    tx: &mut Conn,
    ring: &KeyStore,
    (by, caller): (Option<&str>, &Caller),
) -> Result<Replaced, StoreError> {
    let (keys, now) = store::tokens::signing_keys::list(tx).await?;
    for key in &keys {
        store::tokens::signing_keys::set_state(tx, &key.id, "retired", None).await?;
    }
    let mut signing = Vec::new();
    for (algorithm, purpose) in KINDS {
        signing.push(insert(tx, ring, (algorithm, purpose, "current"), now).await?);
        insert(tx, ring, (algorithm, purpose, "next"), now).await?;
    }
    let alive = end_until_now(tx, &SignOutReach::Everybody, by).await?;
    let gone: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let event = Event {
        actor: by.map(ToOwned::to_owned),
        ..Event::new(EventKind::KeyReplaced, caller)
            .with("retired", serde_json::json!(gone))
            .with("current", serde_json::json!(signing))
    };
    store::trail::append::append(tx, &counted(event, alive)).await?;
    Ok(Replaced { signing, ended: alive })
}
