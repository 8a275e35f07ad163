//! The current time, for protocols that check times in requests.
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::store::{self, StoreError};

/// The time of the database.
pub async fn now(ctx: &Context) -> Result<Timestamp, StoreError> {
    let conn = ctx.store.conn().await?;
    store::installation::settings::now(&conn).await
}
