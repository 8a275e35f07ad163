//! `vetoes`: deletes revocations that are not needed any more. Triggers and [`super::not_before`] write the rows.
use crate::store::connection::statement::Statement;
use crate::store::{Conn, StoreError};
use diesel_async::RunQueryDsl;

/// Deletes rows that no token needs any more, at most a thousand of each kind at a time.
///
/// A row is needed for as long as a token of that time may live (a day), and longer only while its object exists
/// and is inactive. A `not_before` outlives the longest refresh token.
pub async fn delete_needless(mut conn: &Conn) -> Result<usize, StoreError> {
    struct DeletePassing;
    struct DeleteOfOwners;
    struct DeleteNotBefore;
    const PASSING: &str = "DELETE FROM vetoes WHERE ctid = ANY(ARRAY(SELECT ctid FROM vetoes \
         WHERE kind IN ('session', 'grant') AND since < clock_now() - interval '2 days' LIMIT 1000))";
    const OF_OWNERS: &str = "DELETE FROM vetoes WHERE ctid = ANY(ARRAY(SELECT ctid FROM vetoes v \
         WHERE kind IN ('client', 'organization') AND since < clock_now() - interval '2 days' \
         AND NOT EXISTS (SELECT FROM clients c WHERE v.kind = 'client' AND c.id = v.id) \
         AND NOT EXISTS (SELECT FROM organizations o WHERE v.kind = 'organization' AND o.id = v.id) \
         LIMIT 1000))";
    const NOT_BEFORE: &str = "DELETE FROM vetoes WHERE ctid = ANY(ARRAY(SELECT ctid FROM vetoes \
         WHERE kind IN ('client_not_before', 'organization_not_before', 'user_not_before', \
         'everybody_not_before') AND since < clock_now() - interval '90 days' LIMIT 1000))";
    let passing = Statement::<DeletePassing, ()>::new(PASSING, &[]).execute(&mut conn).await?;
    let of_owners = Statement::<DeleteOfOwners, ()>::new(OF_OWNERS, &[]).execute(&mut conn).await?;
    let not_before =
        Statement::<DeleteNotBefore, ()>::new(NOT_BEFORE, &[]).execute(&mut conn).await?;
    Ok(passing + of_owners + not_before)
}
