//! `logout_deliveries`: logout notifications that are not delivered yet.
use crate::domain::{ClientId, ImpersonationId, SessionId, Timestamp};
use crate::observability::trace_context::current_traceparent;
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{clock_now, logout_deliveries};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

const TABLE: &str = "logout_deliveries";
/// Attempts before a delivery is given up.
pub const MAX_ATTEMPTS: i32 = 3;

/// A delivery that is due, claimed for this attempt.
pub struct Due {
    pub id: i64,
    pub client: ClientId,
    pub user: String,
    pub session: SessionId,
    pub impersonation: Option<ImpersonationId>,
    /// The trace of the request that ended the session.
    pub traceparent: Option<String>,
    pub now: Timestamp,
}

/// Queues a notification for every application of `session`. A SAML service provider may be notified by the browser
/// first, so its delivery is delayed a little.
pub async fn enqueue(mut conn: &Conn, session: &SessionId) -> Result<(), StoreError> {
    struct Enqueue;
    const TEXT: &str = "INSERT INTO logout_deliveries (client_id, user_id, session_id, impersonation_id, \
         due_at, traceparent) \
         SELECT DISTINCT c.client_id, c.user_id, c.session_id, c.impersonation_id, clock_now(), ? \
         FROM authorization_codes c JOIN clients p ON p.id = c.client_id \
         WHERE c.session_id = ? AND c.redeemed_at IS NOT NULL \
         AND p.status = 'active' AND p.backchannel_logout_uri IS NOT NULL \
         UNION SELECT c.client_id, c.user_id, c.session_id, c.impersonation_id, \
         clock_now() + interval '10 seconds', ? \
         FROM session_participants c JOIN clients p ON p.id = c.client_id \
         WHERE c.session_id = ? AND c.left_at IS NULL \
         AND p.status = 'active' AND p.saml ->> 'slo_url' IS NOT NULL";
    let trace = current_traceparent();
    let (session, trace) = (session.as_str(), trace.as_deref());
    let values = [
        Value::MaybeText(trace),
        Value::Text(session),
        Value::MaybeText(trace),
        Value::Text(session),
    ];
    Statement::<Enqueue, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Claims the deliveries that are due. The next attempt is scheduled first, so that no other node makes this one
/// too.
pub async fn claim(mut conn: &Conn, most: i64) -> Result<Vec<Due>, StoreError> {
    struct Claim;
    const TEXT: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, \
         due_at = clock_now() + interval '10 seconds' * power(6, attempts) \
         WHERE id = ANY(ARRAY(SELECT id FROM logout_deliveries WHERE delivered_at IS NULL AND attempts < ? \
         AND due_at <= clock_now() ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED)) \
         RETURNING id, client_id, user_id, session_id, impersonation_id, traceparent, clock_now()";
    type Columns = (BigInt, Text, Text, Text, Nullable<Text>, Nullable<Text>, Timestamptz);
    type Row = (i64, String, String, String, Option<String>, Option<String>, Timestamp);
    let values = [Value::Int(MAX_ATTEMPTS), Value::BigInt(most)];
    let rows: Vec<Row> = Statement::<Claim, Columns>::new(TEXT, &values).load(&mut conn).await?;
    let convert = |(id, client, user, session, impersonation, traceparent, now): Row| {
        Ok(Due {
            id,
            client: crate::store::id(TABLE, client)?,
            user,
            session: crate::store::id(TABLE, session)?,
            impersonation: impersonation.map(|text| crate::store::id(TABLE, text)).transpose()?,
            traceparent,
            now,
        })
    };
    rows.into_iter().map(convert).collect()
}

pub async fn delivered(mut conn: &Conn, id: i64) -> Result<(), StoreError> {
    diesel::update(logout_deliveries::table.find(id))
        .set((
            logout_deliveries::delivered_at.eq(clock_now().nullable()),
            logout_deliveries::failure.eq(None::<String>),
        ))
        .execute(&mut conn)
        .await?;
    Ok(())
}

pub async fn failed(mut conn: &Conn, id: i64, failure: &str) -> Result<(), StoreError> {
    diesel::update(logout_deliveries::table.find(id))
        .set(logout_deliveries::failure.eq(failure))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Deletes rows that were delivered or given up a week ago, at most a thousand at a time.
pub async fn delete_old(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM logout_deliveries WHERE id = ANY(ARRAY(SELECT id FROM logout_deliveries \
         WHERE (delivered_at IS NOT NULL OR attempts >= ?) \
         AND due_at < clock_now() - interval '7 days' ORDER BY due_at LIMIT 1000))";
    let values = [Value::Int(MAX_ATTEMPTS)];
    Ok(Statement::<Delete, ()>::new(TEXT, &values).execute(&mut conn).await?)
}
