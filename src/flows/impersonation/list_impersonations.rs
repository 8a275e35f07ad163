//! Finds and lists impersonations.
use crate::domain::{ImpersonationId, OrganizationId, Timestamp};
use crate::flows::Context;
pub use crate::store::impersonations::{ImpersonationFilter, ImpersonationRecord};
use crate::store::{self, StoreError};

/// A record at `now`: a waiting link whose time is over is `expired`, although no row says so.
pub struct SeenImpersonation {
    pub record: ImpersonationRecord,
    pub now: Timestamp,
}

impl SeenImpersonation {
    pub fn status(&self) -> &'static str {
        let record = &self.record;
        match record.status.as_str() {
            "link_issued"
                if record.link.as_ref().is_some_and(|link| self.now >= link.expires_at) =>
            {
                "expired"
            }
            "link_issued" => "link_issued",
            "active" if record.ends_at.is_some_and(|end| self.now >= end) => "ended",
            "active" => "active",
            "revoked" => "revoked",
            _ => "ended",
        }
    }
}

pub async fn list(
    ctx: &Context,
    filter: &ImpersonationFilter,
) -> Result<Vec<SeenImpersonation>, StoreError> {
    let conn = ctx.store.conn().await?;
    let (records, now) = futures_util::try_join!(
        store::impersonations::list(&conn, filter),
        store::installation::settings::now(&conn),
    )?;
    Ok(records.into_iter().map(|record| SeenImpersonation { record, now }).collect())
}

/// An impersonation of the caller's organization; `None` for the operator means any organization.
pub async fn find(
    ctx: &Context,
    id: &ImpersonationId,
    organization: Option<&OrganizationId>,
) -> Result<Option<SeenImpersonation>, StoreError> {
    let conn = ctx.store.conn().await?;
    let (record, now) = futures_util::try_join!(
        store::impersonations::find(&conn, id),
        store::installation::settings::now(&conn),
    )?;
    let visible = |record: &ImpersonationRecord| {
        organization.is_none_or(|mine| record.organization.as_ref() == Some(mine))
    };
    Ok(record.filter(visible).map(|record| SeenImpersonation { record, now }))
}
