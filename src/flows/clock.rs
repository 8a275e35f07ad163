//! What time it is, where a room has to judge the time that a request says.
use super::Context;
use crate::domain::Timestamp;
use crate::store::{self, StoreError};

/// By the clock of the database, like everything else.
pub async fn now(ctx: &Context) -> Result<Timestamp, StoreError> {
    let conn = ctx.store.conn().await?;
    store::settings::now(&conn).await
}
