//! Finds impersonations that should have ended, or that a change may have ended.
use super::{TABLE, first_id_at};
use crate::domain::{ImpersonationId, Timestamp};
use crate::store::schema::{clock_now, impersonations, user_roles};
use crate::store::{Conn, StoreError, id};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// Running impersonations with a link whose time is up, or that were not used since `seen_since`, oldest first,
/// only those that began after `begun`. Those by token have no idle limit; [`super::acting::end_over`] ends them.
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

/// The changed object by which impersonations and links are found.
#[derive(Debug, Clone, Copy)]
pub enum Touched<'a> {
    /// The user is actor or subject.
    User(&'a str),
    /// Actor or subject holds this role.
    Role(&'a str),
    /// Actor or subject is in this organization.
    Organization(&'a str),
    /// The application is the one acted in, or the requester.
    Application(&'a str),
}

/// Running impersonations and waiting links that the change may have ended, only those that began after `begun`.
pub async fn list_touched(
    mut conn: &Conn,
    by: Touched<'_>,
    begun: Timestamp,
) -> Result<Vec<ImpersonationId>, StoreError> {
    let waits = impersonations::status
        .eq("link_issued")
        .and(impersonations::link_expires_at.gt(clock_now().nullable()).assume_not_null());
    let open = impersonations::table
        .filter(impersonations::id.ge(first_id_at(begun)))
        .filter(impersonations::status.eq("active").or(waits))
        .select(impersonations::id)
        .order(impersonations::id);
    let ids: Vec<String> = match by {
        Touched::User(user) => {
            let theirs = impersonations::actor_id.eq(user).or(impersonations::subject_id.eq(user));
            open.filter(theirs).load(&mut conn).await?
        }
        Touched::Role(role) => {
            let holders =
                || user_roles::table.filter(user_roles::role.eq(role)).select(user_roles::user_id);
            let acts = impersonations::actor_id.eq_any(holders());
            let theirs = acts.or(impersonations::subject_id.eq_any(holders()));
            open.filter(theirs).load(&mut conn).await?
        }
        Touched::Organization(organization) => {
            let inside = impersonations::organization_id.eq(organization).assume_not_null();
            open.filter(inside).load(&mut conn).await?
        }
        Touched::Application(client) => {
            let by_token = impersonations::requester_application.eq(client).assume_not_null();
            let asked = by_token.or(impersonations::requested_by.eq(client));
            let theirs = impersonations::client_id.eq(client).or(asked);
            open.filter(theirs).load(&mut conn).await?
        }
    };
    ids.into_iter().map(|text| id(TABLE, text)).collect()
}
