//! The numbers of the domain that only the database knows, for operators.
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::Looking;
pub use crate::store::connection::pool::PoolLoad;
pub use crate::store::installation::readings::{KeyAges, Readings};
use crate::store::{self, StoreError};

pub async fn take_readings(ctx: &Context) -> Result<Readings, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    store::installation::readings::take(&conn, Looking::Lately.since(now)).await
}
