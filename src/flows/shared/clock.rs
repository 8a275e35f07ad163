//! What time it is, where a room has to judge the time that a request says.
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::store::{self, StoreError};

/// By the clock of the database, like everything else.
pub async fn now(ctx: &Context) -> Result<Timestamp, StoreError> {
    let conn = ctx.store.conn().await?;
    store::installation::settings::now(&conn).await
}
