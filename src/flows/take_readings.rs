//! The numbers of the domain that only the database knows, for operators.
use super::Context;
use super::end_impersonation::Looking;
pub use crate::store::pool::PoolLoad;
pub use crate::store::readings::{KeyAges, Readings};
use crate::store::{self, StoreError};

pub async fn take_readings(ctx: &Context) -> Result<Readings, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::settings::now(&conn).await?;
    store::readings::take(&conn, Looking::Lately.since(now)).await
}
