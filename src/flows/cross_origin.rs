//! Whether a page in a browser may ask for tokens at all.
use super::Context;
use crate::store::{self, StoreError};

/// Some application that runs in browsers is answered at this origin.
pub async fn is_known(ctx: &Context, origin: &str) -> Result<bool, StoreError> {
    let conn = ctx.store.conn().await?;
    store::clients::any_in_browsers_at(&conn, origin).await
}
