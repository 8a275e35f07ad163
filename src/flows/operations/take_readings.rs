//! Reads metrics that only the database has.
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::ScanWindow;
pub use crate::store::connection::pool::PoolLoad;
pub use crate::store::installation::readings::{KeyAges, Readings};
use crate::store::{self, StoreError};

pub async fn take_readings(ctx: &Context) -> Result<Readings, StoreError> {
    let conn = ctx.store.conn().await?;
    let now = store::installation::settings::now(&conn).await?;
    store::installation::readings::take(&conn, ScanWindow::Recent.since(now)).await
}
