//! Checks whether an origin may call the token endpoint from a browser (CORS).
use crate::flows::Context;
use crate::observability::counters;
use crate::store::{self, StoreError};
use std::time::{Duration, Instant};

/// Cache lifetime of an origin.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
const MAX_ORIGINS: u64 = 2_000;

/// Known origins, registered or not. During an outage the cached result stays valid, because it exposes only an
/// error message.
#[derive(Clone)]
pub struct Origins(moka::future::Cache<String, (bool, Instant)>);

impl Default for Origins {
    fn default() -> Self {
        Self(moka::future::Cache::new(MAX_ORIGINS))
    }
}

/// Whether a browser application has registered this origin.
pub async fn is_known(ctx: &Context, origin: &str) -> Result<bool, StoreError> {
    let memory = &ctx.shared.origins.0;
    let before = memory.get(origin).await;
    if let Some((known, at)) = before
        && at.elapsed() < REMEMBERED_FOR
    {
        counters::CACHES.count_in("origins", "hit");
        return Ok(known);
    }
    counters::CACHES.count_in("origins", "miss");
    match look_up(ctx, origin).await {
        Ok(known) => {
            memory.insert(origin.to_owned(), (known, Instant::now())).await;
            Ok(known)
        }
        Err(cause) => before.map(|(known, _)| known).ok_or(cause),
    }
}

async fn look_up(ctx: &Context, origin: &str) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    store::applications::clients::any_in_browsers_at(&conn, origin).await
}
