//! Throttles authentication attempts.
//!
//! Counters are in Postgres, so that they are shared by all workers and nodes. An attempt is counted before it is
//! checked, and uncounted after a success, so that concurrent attempts cannot exceed the limit.
use crate::audit::Event;
use crate::authentication::throttle::{
    ACCOUNT_AND_NETWORK, ACCOUNT_BRAKE, NETWORK, RetryAfter, STREAK_KEPT, WINDOW,
};
use crate::crypto::hash;
use crate::domain::caller::Caller;
use crate::domain::network::SITE_FACTOR;
use crate::flows::Context;
use crate::store::sessions::login_failures::{FailureCount, FailureLimit, KeptKey, MAX_LIMITS};
use crate::store::{self, Conn, StoreError, Transactional as _};
use chrono::Duration;

/// How long a failure that counts in a window is kept.
const KEPT: Duration = Duration::hours(1);

/// The keys by which attempts at an account from a network are counted; the identifier itself is not stored.
pub(in crate::flows) struct FailureKeys {
    /// What the next attempt has to wait for.
    limits: Vec<FailureLimit>,
    /// Failures in a row, from everywhere.
    streak: Option<Vec<u8>>,
    /// What a failure is counted by besides.
    besides: Vec<(Vec<u8>, Duration)>,
    /// What a success makes forgotten.
    forgotten: Vec<Vec<u8>>,
}

fn hashed(text: &str) -> Vec<u8> {
    hash::hash_secret(text)
}

/// The keys of a network alone and of an account from it, with the factor of their limits.
fn keys_by_network(purpose: &str, account: &str, caller: &Caller) -> Vec<(Vec<u8>, Vec<u8>, u16)> {
    let Some(key) = caller.throttle_key() else { return Vec::new() };
    let networks = [Some((key.network, 1)), key.site.map(|site| (site, SITE_FACTOR))];
    let both = |(network, factor): (String, u16)| {
        let alone = hashed(&format!("{purpose}\0{network}"));
        (alone, hashed(&format!("{purpose}\0{network}\0{account}")), factor)
    };
    networks.into_iter().flatten().map(both).collect()
}

impl FailureKeys {
    /// Counts by network only, where others must not be able to lock out the legitimate user.
    pub(in crate::flows) fn by_network(purpose: &str, account: &str, caller: &Caller) -> Self {
        let keys = keys_by_network(purpose, account, caller);
        let forgotten = keys.iter().map(|(_, account, _)| account.clone()).collect();
        let limit = |key, most, factor| FailureLimit { key, most: most * factor, window: WINDOW };
        let limits = keys.into_iter().flat_map(|(network, account, factor)| {
            [limit(account, ACCOUNT_AND_NETWORK, factor), limit(network, NETWORK, factor)]
        });
        let limits = limits.take(MAX_LIMITS).collect();
        Self { limits, streak: None, besides: Vec::new(), forgotten }
    }

    /// An anonymous caller: counted by network, and in a row for the account, whether it exists or not.
    pub(in crate::flows) fn of_anonymous(purpose: &str, account: &str, caller: &Caller) -> Self {
        let by_network = Self::by_network(purpose, account, caller);
        let streak = hashed(&format!("{purpose} in a row\0\0{account}"));
        let mut forgotten = by_network.forgotten;
        forgotten.push(streak.clone());
        Self { streak: Some(streak), forgotten, ..by_network }
    }

    /// A known device of this account: failures of anonymous callers do not count for it, but its failures count
    /// for them.
    pub(in crate::flows) fn of_known_device(purpose: &str, account: &str, caller: &Caller) -> Self {
        let strangers = Self::of_anonymous(purpose, account, caller);
        let own = hashed(&format!("{purpose} known\0\0{account}"));
        let window = WINDOW;
        let mut besides: Vec<_> =
            strangers.limits.into_iter().map(|limit| (limit.key, KEPT)).collect();
        besides.extend(strangers.streak.iter().map(|key| (key.clone(), STREAK_KEPT)));
        let mut forgotten = strangers.forgotten;
        // Only what came from everywhere stays: it was not their browser.
        forgotten.retain(|key| Some(key) != strangers.streak.as_ref());
        forgotten.push(own.clone());
        let limits = vec![FailureLimit { key: own.clone(), most: ACCOUNT_AND_NETWORK, window }];
        Self { limits, streak: Some(own), besides, forgotten }
    }

    /// Whether an attempt may be made now. If so, it is counted in a row until it is known what became of it.
    ///
    /// # Errors
    ///
    /// How long to wait, as the inner error.
    pub(in crate::flows) async fn begin(
        &self,
        ctx: &Context,
        conn: &mut Conn,
    ) -> Result<Result<Attempt<'_>, RetryAfter>, StoreError> {
        if !ctx.shared.rate_limits {
            return Ok(Ok(Attempt { keys: self, counted: false }));
        }
        let count =
            store::sessions::login_failures::count(conn, &self.limits, self.streak.as_deref())
                .await?;
        if let Some(wait) = retry_after(count) {
            return Ok(Err(wait));
        }
        let Some(streak) = &self.streak else {
            return Ok(Ok(Attempt { keys: self, counted: false }));
        };
        let kept: [KeptKey<'_>; 1] = [(streak, STREAK_KEPT)];
        if count.in_a_row == 0 {
            store::sessions::login_failures::insert(conn, &kept).await?;
            return Ok(Ok(Attempt { keys: self, counted: true }));
        }
        // Serialized, so that of concurrent attempts only as many proceed as the limit allows.
        let waits = conn
            .transaction::<_, StoreError, _>(async |tx| {
                store::sessions::login_failures::lock(tx, streak).await?;
                let count =
                    store::sessions::login_failures::count(tx, &self.limits, Some(streak)).await?;
                let waits = retry_after(count);
                if waits.is_none() {
                    store::sessions::login_failures::insert(tx, &kept).await?;
                }
                Ok(waits)
            })
            .await?;
        Ok(match waits {
            Some(wait) => Err(wait),
            None => Ok(Attempt { keys: self, counted: true }),
        })
    }

    pub(in crate::flows) async fn forget(&self, tx: &Conn) -> Result<(), StoreError> {
        let keys: Vec<&[u8]> = self.forgotten.iter().map(Vec::as_slice).collect();
        store::sessions::login_failures::forget(tx, &keys).await
    }
}

fn retry_after(count: FailureCount) -> Option<RetryAfter> {
    let brake = count.last.map(|last| ACCOUNT_BRAKE.releases(count.in_a_row, last));
    let until = count.full_until.max(brake)?;
    RetryAfter::until(until, count.now)
}

/// An attempt that is being judged.
#[must_use]
pub(in crate::flows) struct Attempt<'k> {
    keys: &'k FailureKeys,
    /// In the row of failures, as if it had failed already.
    counted: bool,
}

impl Attempt<'_> {
    /// Records a failure with `event`.
    pub(in crate::flows) async fn failed(
        self,
        conn: &mut Conn,
        event: &Event,
    ) -> Result<(), StoreError> {
        let Self { keys, counted } = self;
        let own = keys.streak.as_deref();
        let limits = keys.limits.iter().map(|limit| (limit.key.as_slice(), KEPT));
        let limits = limits.filter(|(key, _)| Some(*key) != own);
        let besides = keys.besides.iter().map(|(key, kept)| (key.as_slice(), *kept));
        let streak = own.filter(|_| !counted).map(|key| (key, STREAK_KEPT));
        let all: Vec<KeptKey<'_>> = limits.chain(besides).chain(streak).collect();
        conn.transaction::<_, StoreError, _>(async |tx| {
            if !all.is_empty() {
                store::sessions::login_failures::insert(tx, &all).await?;
            }
            store::trail::append::append(tx, event).await
        })
        .await
    }

    /// Uncounts an attempt that was not checked.
    pub(in crate::flows) async fn given_up(self, conn: &Conn) -> Result<(), StoreError> {
        match self.keys.streak.as_deref().filter(|_| self.counted) {
            Some(streak) => store::sessions::login_failures::take_back(conn, streak).await,
            None => Ok(()),
        }
    }
}
