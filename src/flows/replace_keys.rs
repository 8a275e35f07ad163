//! Emergency: somebody may have a key of ours (D39, I06).
//!
//! Whoever read one has read the table, so all go at once, the published next ones too, and with them
//! everything that a key, or somebody with a key, may have opened.
use super::end_impersonation::{EndedBy, Which, end_matching};
use super::keyring::Keys;
use super::rotate_keys::{KINDS, insert};
use crate::audit::{Event, EventKind};
use crate::domain::caller::Caller;
use crate::domain::protocol::EndReason;
use crate::store::{self, Conn, StoreError, Transactional as _};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The keys that sign from now on.
    pub signing: Vec<String>,
    /// Links that were not redeemed, and running ones.
    pub impersonations: u64,
    pub sessions: u64,
    pub tokens: u64,
}

/// Every key is replaced, and no longer verifies anything as soon as the nodes follow; everybody is signed out,
/// every impersonation and every token ends. One transaction.
///
/// `by`: the person who did it, if one is known.
pub async fn replace_compromised(
    conn: &mut Conn,
    ring: &Keys,
    by: Option<&str>,
    caller: &Caller,
) -> Result<Replaced, StoreError> {
    conn.transaction(async |tx| {
        store::signing_keys::lock(tx).await?;
        let (keys, now) = store::signing_keys::list(tx).await?;
        for key in &keys {
            store::signing_keys::set_state(tx, &key.id, "retired", None).await?;
        }
        let mut signing = Vec::new();
        for (algorithm, purpose) in KINDS {
            signing.push(insert(tx, ring, (algorithm, purpose, "current"), now).await?);
            insert(tx, ring, (algorithm, purpose, "next"), now).await?;
        }
        let reason = EndedBy { actor: by, reason: EndReason::StoppedByAdmin };
        let mut impersonations = 0;
        // So many at a time.
        loop {
            let ended = end_matching(tx, &Which::default(), reason, caller).await?;
            impersonations += ended;
            if ended == 0 {
                break;
            }
        }
        let sessions = store::sessions::end_all(tx).await?;
        let tokens = store::access_tokens::revoke_all(tx).await?;
        let gone: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let event = Event {
            actor: by.map(ToOwned::to_owned),
            ..Event::new(EventKind::KeyReplaced, caller)
                .with("retired", serde_json::json!(gone))
                .with("current", serde_json::json!(signing))
                .with("sessions", sessions)
                .with("tokens", tokens)
                .with("impersonations", impersonations)
        };
        store::audit::append(tx, &event).await?;
        Ok(Replaced { signing, impersonations, sessions, tokens })
    })
    .await
}
