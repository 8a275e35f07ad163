//! Creates and rotates keys: each is published before it signs, and verifies for a while after.
use crate::audit::{Event, EventKind};
use crate::crypto::keys::{self, Algorithm};
use crate::crypto::{certificate, random};
use crate::domain::caller::Caller;
use crate::domain::{Timestamp, UserId};
use crate::flows::shared::keyring::KeyStore;
use crate::store::tokens::signing_keys::SealedKey;
use crate::store::{self, Conn, StoreError, Transactional as _};
use chrono::Duration;

const TABLE: &str = "signing_keys";
/// What there is a current and a next key for.
pub(in crate::flows) const KINDS: [(Algorithm, &str); 5] = [
    (Algorithm::Rs256, "token"),
    (Algorithm::Es256, "token"),
    (Algorithm::EdDsa, "token"),
    (Algorithm::Hs256, "bewit"),
    (Algorithm::Rs256, "xml"),
];
/// The longest life of a token, and an hour.
const TOKEN_RETIREMENT: Duration = Duration::hours(25);
/// Applications that check dates at all take a certificate as long as its key serves.
const CERTIFICATE_LIFETIME: Duration = Duration::days(3650);
const CERTIFICATE_NAME: &str = "Understudy";
/// The longest life of a link.
const LINK_RETIREMENT: Duration = Duration::seconds(crate::impersonation::ticket::MAX_TTL);

/// Makes the keys that are missing: a current one of each kind and the next, which every node and every
/// application knows before it signs.
pub async fn ensure_keys(conn: &mut Conn, ring: &KeyStore) -> Result<(), StoreError> {
    // Keys under two master keys in one table could not all be decrypted.
    ring.check(conn).await?;
    conn.transaction(async |tx| {
        store::tokens::signing_keys::lock(tx).await?;
        let (keys, now) = store::tokens::signing_keys::list(tx).await?;
        let missing = |algorithm: Algorithm, purpose: &str, state: &str| {
            !keys.iter().any(|key| {
                key.algorithm == algorithm.as_str() && key.purpose == purpose && key.state == state
            })
        };
        for (algorithm, purpose) in KINDS {
            for state in ["current", "next"] {
                if missing(algorithm, purpose, state) {
                    insert(tx, ring, (algorithm, purpose, state), now).await?;
                }
            }
        }
        Ok(())
    })
    .await
}

/// The next key of each algorithm takes over; the old one verifies until its last token has expired.
///
/// `by` is the user; `None` for the command line.
pub async fn rotate(
    conn: &mut Conn,
    ring: &KeyStore,
    who: (Option<&UserId>, &Caller),
) -> Result<Vec<String>, StoreError> {
    Ok(rotate_if(conn, ring, who, RotationCondition::None).await?.unwrap_or_default())
}

/// Every application has fetched the keys anew by then: what it keeps is rarely older than a day.
pub const KNOWN_AFTER: Duration = Duration::hours(24);

/// As [`rotate`], if the next keys have been published for [`KNOWN_AFTER`], or since the start, because verifiers
/// do not know new keys yet. `None`: they are younger.
pub async fn rotate_published(
    conn: &mut Conn,
    ring: &KeyStore,
    who: (Option<&UserId>, &Caller),
) -> Result<Option<Vec<String>>, StoreError> {
    rotate_if(conn, ring, who, RotationCondition::Published).await
}

/// As [`rotate`], if the next keys are still `seen`, so that two concurrent requests rotate once. `None`: they are
/// others.
pub async fn rotate_seen(
    conn: &mut Conn,
    ring: &KeyStore,
    who: (Option<&UserId>, &Caller),
    seen: &[String],
) -> Result<Option<Vec<String>>, StoreError> {
    rotate_if(conn, ring, who, RotationCondition::Seen(seen)).await
}

/// What has to be so of the next keys.
#[derive(Clone, Copy)]
enum RotationCondition<'a> {
    None,
    /// They are still these.
    Seen(&'a [String]),
    Published,
}

impl RotationCondition<'_> {
    fn holds(self, keys: &[SealedKey], now: Timestamp) -> bool {
        let of_state = |state: &'static str| keys.iter().filter(move |key| key.state == state);
        match self {
            Self::None => true,
            Self::Seen(seen) => {
                of_state("next").count() == seen.len()
                    && of_state("next").all(|key| seen.contains(&key.id))
            }
            Self::Published => of_state("next").all(|next| {
                let same = |key: &&SealedKey| {
                    key.algorithm == next.algorithm && key.purpose == next.purpose
                };
                let beside = of_state("current").filter(same);
                // Created together with the current key, so verifiers know both.
                now - next.created_at >= KNOWN_AFTER
                    || beside.into_iter().all(|current| current.created_at >= next.created_at)
            }),
        }
    }
}

async fn rotate_if(
    conn: &mut Conn,
    ring: &KeyStore,
    (by, caller): (Option<&UserId>, &Caller),
    condition: RotationCondition<'_>,
) -> Result<Option<Vec<String>>, StoreError> {
    conn.transaction(async |tx| {
        store::tokens::signing_keys::lock(tx).await?;
        let (keys, now) = store::tokens::signing_keys::list(tx).await?;
        if !condition.holds(&keys, now) {
            return Ok(None);
        }
        let of_state = |state: &'static str| keys.iter().filter(move |key| key.state == state);
        let promoted: Vec<&str> = of_state("next").map(|key| &*key.id).collect();
        for key in of_state("current") {
            let retirement =
                if key.purpose == "bewit" { LINK_RETIREMENT } else { TOKEN_RETIREMENT };
            store::tokens::signing_keys::set_state(tx, &key.id, "retiring", Some(now + retirement))
                .await?;
        }
        for id in &promoted {
            store::tokens::signing_keys::set_state(tx, id, "current", None).await?;
        }
        for (algorithm, purpose) in KINDS {
            insert(tx, ring, (algorithm, purpose, "next"), now).await?;
        }
        let event = Event {
            actor: by.map(ToString::to_string),
            ..Event::new(EventKind::KeyRotated, caller)
        };
        let event = event.with("current", serde_json::json!(promoted));
        store::trail::append::append(tx, &event).await?;
        Ok(Some(promoted.into_iter().map(str::to_owned).collect()))
    })
    .await
}

/// A new key of that algorithm, purpose and state.
pub(in crate::flows) async fn insert(
    tx: &mut Conn,
    ring: &KeyStore,
    (algorithm, purpose, state): (Algorithm, &str, &str),
    now: Timestamp,
) -> Result<String, StoreError> {
    let accident = |e: &dyn std::fmt::Display| StoreError::Corrupt {
        table: TABLE,
        what: format!("a new key: {e}"),
    };
    let id = random::id("key", now);
    // RSA takes a second or several, and other requests go on meanwhile.
    let new = tokio::task::spawn_blocking(move || keys::generate(algorithm)).await;
    let new = new.map_err(|e| accident(&e))?.map_err(|e| accident(&e))?;
    let certificate = match purpose {
        "xml" => {
            let (from, to) = (now - Duration::days(1), now + CERTIFICATE_LIFETIME);
            let made = certificate::self_sign(&new.private, CERTIFICATE_NAME, from, to);
            Some(made.map_err(|e| accident(&e))?)
        }
        _ => None,
    };
    let private_sealed = ring.master().seal(&id, &new.private).map_err(|e| accident(&e))?;
    let key = SealedKey {
        id: id.clone(),
        algorithm: algorithm.as_str().to_owned(),
        purpose: purpose.to_owned(),
        state: state.to_owned(),
        public_jwk: (!new.public_jwk.is_null()).then_some(new.public_jwk),
        private_sealed,
        created_at: now,
        retires_at: None,
        certificate,
    };
    store::tokens::signing_keys::insert(tx, &key).await?;
    Ok(id)
}
