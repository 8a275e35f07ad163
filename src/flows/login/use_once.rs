//! Signed values in URLs that may be used once.
use crate::crypto::hash;
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::store::{self, StoreError};
use chrono::Duration;

/// A request that waits for a sign-in, or an answer that waits for other applications, is good for this long.
pub const URL_TTL: Duration = Duration::hours(1);

/// Whether something that was made at `made_at` (milliseconds) may still be shown.
pub fn is_recent(made_at: i64, ttl: Duration, now: Timestamp) -> bool {
    let age = now.timestamp_millis().saturating_sub(made_at);
    // A clock that was set back a little is no reason to send a person away.
    (-60_000..ttl.num_milliseconds()).contains(&age)
}

/// Uses `secret` up; false when it was used before, on any node.
pub async fn use_once(
    ctx: &Context,
    kind: &str,
    secret: &str,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    store::tokens::replay_guard::first_seen(&conn, kind, &hash::hash_secret(secret), until).await
}

/// Whether `secret` was used before.
pub async fn is_used(ctx: &Context, kind: &str, secret: &str) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    store::tokens::replay_guard::was_seen(&conn, kind, &hash::hash_secret(secret)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn k27_what_was_made_is_good_for_its_time() {
        let now = DateTime::from_timestamp_millis(10_000_000).unwrap();
        for (made_at, good) in [
            (10_000_000, true),
            (10_000_000 - 3_599_999, true),
            (10_000_000 - 3_600_000, false),
            (10_050_000, true),
            (10_060_001, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(is_recent(made_at, URL_TTL, now), good, "{made_at}");
        }
    }
}
