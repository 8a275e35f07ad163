//! What a backup brings back to life, and must not.
use super::statement::Statement;
use super::{Conn, StoreError};
use diesel_async::RunQueryDsl;

/// Ends every session, code, refresh family and token; impersonations end one by one, with their events.
///
/// How many sessions there were. Only in a transaction.
pub async fn end_what_was_handed_out(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Sessions;
    struct Codes;
    struct Tokens;
    struct Handovers;
    const SESSIONS: &str = "UPDATE sessions SET ended_at = clock_now() WHERE ended_at IS NULL";
    // A code stands for all that came of it.
    const CODES: &str =
        "UPDATE authorization_codes SET revoked_at = clock_now() WHERE revoked_at IS NULL";
    const TOKENS: &str =
        "UPDATE access_tokens SET revoked_at = clock_now() WHERE revoked_at IS NULL";
    const HANDOVERS: &str = "UPDATE handover_codes SET used_at = clock_now() WHERE used_at IS NULL";
    // There may be millions of them.
    diesel::sql_query("SET LOCAL statement_timeout = 0").execute(&mut conn).await?;
    Statement::<Codes, ()>::new(CODES, &[]).execute(&mut conn).await?;
    Statement::<Tokens, ()>::new(TOKENS, &[]).execute(&mut conn).await?;
    Statement::<Handovers, ()>::new(HANDOVERS, &[]).execute(&mut conn).await?;
    Ok(Statement::<Sessions, ()>::new(SESSIONS, &[]).execute(&mut conn).await?)
}
