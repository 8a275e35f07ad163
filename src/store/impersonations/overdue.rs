//! Those that should be over by now.
use super::{TABLE, first_id_at};
use crate::domain::{ImpersonationId, Timestamp};
use crate::store::schema::impersonations;
use crate::store::{Conn, StoreError, id};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Running ones of links whose time is up, or that nobody has used since `seen_since`; the oldest first. Those
/// that live by a token have no idle clock, and [`super::acting::end_over`] ends them. Only those that began
/// after `begun`.
pub async fn list_overdue(
    mut conn: &Conn,
    (now, seen_since): (Timestamp, Timestamp),
    begun: Timestamp,
    limit: i64,
) -> Result<Vec<ImpersonationId>, StoreError> {
    let over = impersonations::ends_at.le(now).or(impersonations::last_seen_at.le(seen_since));
    let ids: Vec<String> = impersonations::table
        .filter(impersonations::id.ge(first_id_at(begun)))
        .filter(impersonations::status.eq("active"))
        .filter(impersonations::ticket_hash.is_not_null())
        .filter(over.assume_not_null())
        .select(impersonations::id)
        .order(impersonations::ends_at)
        .limit(limit)
        .load(&mut conn)
        .await?;
    ids.into_iter().map(|text| id(TABLE, text)).collect()
}
