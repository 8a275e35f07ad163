//! Deletes rows of tables that need more than a time limit, and counts the backlog of every table.
//!
//! A turn reads one page in the order of time, and the next turn continues there, so that rows that have to stay
//! are read once in a round.
use crate::domain::Timestamp;
use crate::store::{Conn, StoreError};
use chrono::Duration;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};

/// Rows of a table that one turn reads.
const PAGE_SIZE: i64 = 5000;
/// Maximum that is counted.
pub const MAX_COUNTED: i64 = 10_000;

/// Where the next turn begins; `None`: at the oldest row.
pub type Cursor = Option<Timestamp>;

/// Disables sequential scans on this connection, because statistics make Postgres expect many expired rows where
/// there are none.
pub async fn begin(mut conn: &Conn) -> Result<(), StoreError> {
    Ok(conn.batch_execute("SET enable_seqscan = off").await?)
}

/// Undoes [`begin`].
pub async fn end(mut conn: &Conn) -> Result<(), StoreError> {
    Ok(conn.batch_execute("RESET enable_seqscan").await?)
}

#[derive(diesel::QueryableByName)]
struct TablePage {
    #[diesel(sql_type = BigInt)]
    gone: i64,
    #[diesel(sql_type = BigInt)]
    seen: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<Timestamp>,
}

/// Deletes codes that nothing depends on. A row stays as long as its session lives, because it names an application
/// that a logout has to notify.
pub async fn delete_codes(conn: &Conn, from: Cursor) -> Result<(usize, Cursor), StoreError> {
    // Each row asks by an index: a join of a page with a table that grows may read all of it.
    let text = "WITH page AS MATERIALIZED (SELECT id, session_id, expires_at FROM authorization_codes \
         WHERE expires_at >= $1 AND expires_at < clock_now() - interval '1 hour' ORDER BY expires_at LIMIT $2), \
         gone AS (DELETE FROM authorization_codes WHERE id = ANY(ARRAY(SELECT c.id FROM page c WHERE \
         (SELECT s.ended_at IS NOT NULL OR s.expires_at < clock_now() FROM sessions s WHERE s.id = c.session_id) \
         AND (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = c.id LIMIT 1) IS NULL \
         AND (SELECT 1 FROM access_tokens a WHERE a.grant_id = c.id LIMIT 1) IS NULL)) RETURNING 1) \
         SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM page) AS seen, \
         (SELECT max(expires_at) FROM page) AS last";
    turn(conn, text, from).await
}

/// Deletes expired refresh tokens. A used one stays until its whole family has expired, because its reuse has to be
/// detected.
pub async fn delete_refresh_tokens(
    conn: &Conn,
    from: Cursor,
) -> Result<(usize, Cursor), StoreError> {
    let text = "WITH page AS MATERIALIZED (SELECT token_hash, used_at, ends_at, expires_at FROM refresh_tokens \
         WHERE expires_at >= $1 AND expires_at < clock_now() ORDER BY expires_at LIMIT $2), \
         gone AS (DELETE FROM refresh_tokens WHERE token_hash = ANY(ARRAY(SELECT token_hash \
         FROM page WHERE used_at IS NULL OR ends_at < clock_now())) RETURNING 1) \
         SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM page) AS seen, \
         (SELECT max(expires_at) FROM page) AS last";
    turn(conn, text, from).await
}

async fn turn(mut conn: &Conn, text: &str, from: Cursor) -> Result<(usize, Cursor), StoreError> {
    let query = diesel::sql_query(text)
        .bind::<Timestamptz, _>(from.unwrap_or(Timestamp::UNIX_EPOCH))
        .bind::<BigInt, _>(PAGE_SIZE);
    let page: TablePage = query.get_result(&mut conn).await?;
    let next = page.last.filter(|_| page.seen >= PAGE_SIZE).map(|last| {
        // A page of rows that all stay and have one time would be the next one, too.
        if page.gone == 0 && from == Some(last) { last + Duration::microseconds(1) } else { last }
    });
    Ok((usize::try_from(page.gone).unwrap_or_default(), next))
}

/// Deletes impersonations that began before `begun`, with their sessions, at most a thousand at a time. None of
/// them is running, because an hour is the maximum. Their audit events stay.
pub async fn delete_impersonations(mut conn: &Conn, begun: Timestamp) -> Result<usize, StoreError> {
    use diesel::sql_types::Text;
    // The trigger that keeps an impersonation with a session looks after both are gone.
    let text = "WITH old AS MATERIALIZED (SELECT id FROM impersonations WHERE id >= 'imp_' AND id < $1 \
         ORDER BY id LIMIT 1000), \
         theirs AS (DELETE FROM sessions WHERE impersonation_id = ANY(ARRAY(SELECT id FROM old))) \
         DELETE FROM impersonations WHERE id = ANY(ARRAY(SELECT id FROM old))";
    let before = crate::store::impersonations::first_id_at(begun);
    Ok(diesel::sql_query(text).bind::<Text, _>(before).execute(&mut conn).await?)
}

/// Counts expired rows of `table`, up to [`MAX_COUNTED`]. Tables that are not listed are not counted, because only
/// a look at each row shows whether it has expired.
pub async fn count_over(mut conn: &Conn, table: &str) -> Result<Option<i64>, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let over = match table {
        "access_tokens" => "expires_at < clock_now() - interval '1 minute'",
        "sessions" => "expires_at < clock_now() - interval '31 days' AND impersonation_id IS NULL",
        "replay_guard" => "expires_at < clock_now()",
        "login_failures" => "kept_until < clock_now()",
        "handover_codes" => "expires_at < clock_now() - interval '1 hour'",
        "logout_deliveries" => "due_at < clock_now() - interval '7 days'",
        "vetoes" => "kind IN ('session', 'grant') AND since < clock_now() - interval '2 days'",
        _ => return Ok(None),
    };
    let text = format!(
        "SELECT count(*) AS rows FROM (SELECT FROM {table} WHERE {over} LIMIT {MAX_COUNTED}) AS over"
    );
    let counted: Counted = diesel::sql_query(text).get_result(&mut conn).await?;
    Ok(Some(counted.rows))
}
