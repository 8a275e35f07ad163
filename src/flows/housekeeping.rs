//! What has expired is removed, in small bites: nothing depends on it, and nobody waits for it.
use super::Context;
use super::end_impersonation::Looking;
use crate::store::{self, StoreError};

/// At most as many rows of a table at a time, so that no lock is held for long.
pub const BITE: usize = 1000;

/// How many rows are gone; as long as it is a bite or more, there may be others.
pub async fn delete_expired(ctx: &Context, looking: Looking) -> Result<usize, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::settings::now(&conn).await?;
    // Before the tokens are gone, and not counted: nothing is removed.
    store::impersonations::acting::end_over(&conn, looking.since(now)).await?;
    let mut gone = store::access_tokens::delete_expired(&conn).await?;
    gone += store::refresh_tokens::delete_expired(&conn).await?;
    gone += store::authorization_codes::delete_expired(&conn).await?;
    gone += store::sessions::delete_expired(&conn).await?;
    gone += store::replay_guard::delete_expired(&conn).await?;
    gone += store::login_failures::delete_expired(&conn).await?;
    gone += store::handover_codes::delete_expired(&conn).await?;
    gone += store::logout_deliveries::delete_old(&conn).await?;
    Ok(gone)
}
