//! `sign_outs`: sessions and impersonations that a [`crate::store::tokens::not_before`] has ended and that are not
//! marked yet.
//!
//! From its commit on nothing issued before it verifies. Marking a million sessions, notifying their applications
//! and recording the end of each impersonation takes longer, so any node does it in batches and can resume.
use crate::domain::{ImpersonationId, Timestamp};
use crate::store::connection::statement::{Statement, Value};
use crate::store::tokens::not_before::NotBefore;
use crate::store::{Conn, StoreError};
use diesel::OptionalExtension as _;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// Maximum that is counted; above it the number is reported as "more", because an emergency does not wait for a
/// count.
pub const MAX_COUNTED: u32 = 200_000;

/// A sign-out whose rows are not all marked yet.
pub struct SignOut {
    kind: String,
    id: String,
    pub actor: Option<String>,
    since: Timestamp,
    after: String,
}

/// Queues the marking of its rows.
pub async fn insert(
    mut conn: &Conn,
    whose: NotBefore<'_>,
    actor: Option<&str>,
) -> Result<(), StoreError> {
    struct Insert;
    const TEXT: &str = "INSERT INTO sign_outs (kind, id, actor_id) VALUES (?, ?, ?) \
         ON CONFLICT (kind, id) DO UPDATE SET actor_id = excluded.actor_id, after_session = ''";
    let (id, kind) = whose.row();
    let values = [Value::Text(kind), Value::Text(id), Value::MaybeText(actor)];
    Statement::<Insert, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Claims a sign-out that no other node works on. It is locked until the transaction ends.
pub async fn claim(mut conn: &Conn) -> Result<Option<SignOut>, StoreError> {
    struct Claim;
    const TEXT: &str = "SELECT s.kind, s.id, s.actor_id, v.since, s.after_session FROM sign_outs s \
         LEFT JOIN vetoes v ON v.kind = s.kind AND v.id = s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED";
    type Columns = (Text, Text, Nullable<Text>, Nullable<Timestamptz>, Text);
    type Row = (String, String, Option<String>, Option<Timestamp>, String);
    let row: Option<Row> =
        Statement::<Claim, Columns>::new(TEXT, &[]).get_result(&mut conn).await.optional()?;
    let convert = |(kind, id, actor, since, after): Row| SignOut {
        kind,
        id,
        actor,
        since: since.unwrap_or(Timestamp::UNIX_EPOCH),
        after,
    };
    Ok(row.map(convert))
}

/// The links and running impersonations of the sign-out, at most `limit`.
pub async fn list_impersonations(
    mut conn: &Conn,
    of: &SignOut,
    limit: i64,
) -> Result<Vec<ImpersonationId>, StoreError> {
    struct Impersonations;
    const TEXT: &str = "SELECT id FROM impersonations \
         WHERE status IN ('active', 'link_issued') AND created_at <= ? AND CASE ? \
         WHEN 'client_not_before' THEN ? IN (client_id, requester_application) \
         OR requester_kind = 'application' AND requested_by = ? \
         WHEN 'user_not_before' THEN ? IN (actor_id, subject_id) \
         WHEN 'organization_not_before' THEN ? = organization_id \
         ELSE true END ORDER BY id LIMIT ?";
    let id = || Value::Text(&of.id);
    let values = [
        Value::Time(of.since),
        Value::Text(&of.kind),
        id(),
        id(),
        id(),
        id(),
        Value::BigInt(limit),
    ];
    let ids: Vec<String> =
        Statement::<Impersonations, Text>::new(TEXT, &values).load(&mut conn).await?;
    ids.into_iter().map(|text| crate::store::id("impersonations", text)).collect()
}

/// Marks the next sessions as ended and queues their logout notifications, in one statement; false when none is
/// left. Sessions of impersonations end with their impersonation, those of applications with their user.
pub async fn end_sessions(mut conn: &Conn, of: &SignOut, limit: i64) -> Result<bool, StoreError> {
    struct EndSessions;
    const TEXT: &str = "WITH page AS ((SELECT s.id, s.user_id, s.impersonation_id, \
         least(s.created_at, s.authenticated_at) AS made_at FROM sessions s \
         WHERE ? = 'user_not_before' AND s.user_id = ? AND s.id > ?) \
         UNION ALL (SELECT s.id, s.user_id, s.impersonation_id, \
         least(s.created_at, s.authenticated_at) FROM sessions s \
         WHERE ? <> 'user_not_before' AND s.id > ? ORDER BY s.id LIMIT ?)), \
         over AS (UPDATE sessions SET ended_at = clock_now() FROM page p JOIN users u ON u.id = p.user_id \
         WHERE sessions.id = p.id AND sessions.ended_at IS NULL AND p.impersonation_id IS NULL \
         AND p.made_at <= ? AND (? <> 'organization_not_before' OR u.organization_id = ?) \
         RETURNING sessions.id), \
         told AS (INSERT INTO logout_deliveries (client_id, user_id, session_id, impersonation_id, due_at) \
         SELECT DISTINCT c.client_id, c.user_id, c.session_id, c.impersonation_id, clock_now() \
         FROM over JOIN authorization_codes c ON c.session_id = over.id \
         JOIN clients p ON p.id = c.client_id WHERE c.redeemed_at IS NOT NULL \
         AND p.status = 'active' AND p.backchannel_logout_uri IS NOT NULL \
         UNION SELECT c.client_id, c.user_id, c.session_id, c.impersonation_id, clock_now() \
         FROM over JOIN session_participants c ON c.session_id = over.id \
         JOIN clients p ON p.id = c.client_id WHERE c.left_at IS NULL \
         AND p.status = 'active' AND p.saml ->> 'slo_url' IS NOT NULL), \
         there AS (UPDATE sign_outs SET after_session = (SELECT max(id) FROM page) \
         WHERE kind = ? AND id = ? AND EXISTS (SELECT FROM page) RETURNING 1) \
         SELECT count(*) FROM there";
    if of.kind == "client_not_before" {
        return Ok(false);
    }
    let (kind, id) = (|| Value::Text(&of.kind), || Value::Text(&of.id));
    let after = || Value::Text(&of.after);
    let values = [
        kind(),
        id(),
        after(),
        kind(),
        after(),
        Value::BigInt(limit),
        Value::Time(of.since),
        kind(),
        id(),
        kind(),
        id(),
    ];
    let there: i64 =
        Statement::<EndSessions, BigInt>::new(TEXT, &values).get_result(&mut conn).await?;
    Ok(there > 0)
}

/// Deletes the sign-out, because all its rows are marked.
pub async fn delete(mut conn: &Conn, of: &SignOut) -> Result<(), StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM sign_outs WHERE kind = ? AND id = ?";
    let values = [Value::Text(&of.kind), Value::Text(&of.id)];
    Statement::<Delete, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Counts of live rows: each at most [`MAX_COUNTED`] plus one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alive {
    pub sessions: u64,
    pub tokens: u64,
    pub impersonations: u64,
}

/// Counts what a sign-out of `whose` would end now: own sessions, access tokens, links and running impersonations.
pub async fn count_alive(mut conn: &Conn, whose: NotBefore<'_>) -> Result<Alive, StoreError> {
    struct OfEverybody;
    struct OfOrganization;
    struct OfUser;
    struct OfClient;
    type Columns = (BigInt, BigInt, BigInt);
    let most = || Value::BigInt(i64::from(MAX_COUNTED) + 1);
    let (id, _) = whose.row();
    let id = || Value::Text(id);
    let (sessions, tokens, impersonations): (i64, i64, i64) = match whose {
        NotBefore::Everybody => {
            let values = [most(), most(), most()];
            let statement = Statement::<OfEverybody, Columns>::new(EVERYBODY, &values);
            statement.get_result(&mut conn).await?
        }
        NotBefore::Organization(_) => {
            let values = [id(), most(), id(), id(), most(), id(), most()];
            let statement = Statement::<OfOrganization, Columns>::new(ORGANIZATION, &values);
            statement.get_result(&mut conn).await?
        }
        NotBefore::User(_) => {
            let values = [id(), most(), id(), most(), id(), most()];
            let statement = Statement::<OfUser, Columns>::new(USER, &values);
            statement.get_result(&mut conn).await?
        }
        NotBefore::Client(_) => {
            let values = [id(), most(), id(), id(), most()];
            let statement = Statement::<OfClient, Columns>::new(CLIENT, &values);
            statement.get_result(&mut conn).await?
        }
    };
    Ok(Alive {
        sessions: sessions.unsigned_abs(),
        tokens: tokens.unsigned_abs(),
        impersonations: impersonations.unsigned_abs(),
    })
}

/// For millions of rows only the `not_before` for everybody is subtracted, because it is equal for all.
const EVERYBODY: &str = "WITH last AS (SELECT coalesce(max(since), '-infinity') AS since FROM vetoes \
     WHERE id = '*' AND kind = 'everybody_not_before') SELECT \
     (SELECT count(*) FROM (SELECT FROM sessions s WHERE s.ended_at IS NULL AND s.impersonation_id IS NULL \
     AND s.expires_at > clock_now() AND least(s.created_at, s.authenticated_at) > (SELECT since FROM last) LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM access_tokens t WHERE t.revoked_at IS NULL \
     AND t.expires_at > clock_now() AND t.issued_at > (SELECT since FROM last) LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM impersonations WHERE status IN ('active', 'link_issued') \
     AND created_at > (SELECT since FROM last) LIMIT ?) x)";

const ORGANIZATION: &str = "SELECT \
     (SELECT count(*) FROM (SELECT FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.organization_id = ? \
     AND s.ended_at IS NULL AND s.impersonation_id IS NULL AND s.expires_at > clock_now() \
     AND least(s.created_at, s.authenticated_at) > coalesce(user_not_before(u.id), '-infinity') LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM access_tokens t WHERE (t.client_id IN (SELECT id FROM clients \
     WHERE organization_id = ?) OR t.user_id IN (SELECT id FROM users WHERE organization_id = ?)) \
     AND t.revoked_at IS NULL AND t.expires_at > clock_now() \
     AND t.issued_at > coalesce(user_not_before(t.user_id), '-infinity') LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM impersonations WHERE status IN ('active', 'link_issued') \
     AND organization_id = ? AND created_at > coalesce(impersonation_not_before(actor_id, subject_id, client_id), \
     '-infinity') LIMIT ?) x)";

const USER: &str = "SELECT \
     (SELECT count(*) FROM (SELECT FROM sessions s WHERE s.user_id = ? AND s.ended_at IS NULL \
     AND s.impersonation_id IS NULL AND s.expires_at > clock_now() \
     AND least(s.created_at, s.authenticated_at) > coalesce(user_not_before(s.user_id), '-infinity') LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM access_tokens t WHERE t.user_id = ? \
     AND t.revoked_at IS NULL AND t.expires_at > clock_now() \
     AND t.issued_at > coalesce(user_not_before(t.user_id), '-infinity') LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM impersonations WHERE status IN ('active', 'link_issued') \
     AND ? IN (actor_id, subject_id) AND created_at > coalesce(impersonation_not_before(actor_id, \
     subject_id, client_id), '-infinity') LIMIT ?) x)";

const CLIENT: &str = "SELECT 0::bigint, \
     (SELECT count(*) FROM (SELECT FROM access_tokens t WHERE t.client_id = ? AND t.revoked_at IS NULL \
     AND t.expires_at > clock_now() AND t.issued_at > coalesce((SELECT since FROM vetoes v \
     WHERE v.id = t.client_id AND v.kind = 'client_not_before'), '-infinity') LIMIT ?) x), \
     (SELECT count(*) FROM (SELECT FROM impersonations WHERE status IN ('active', 'link_issued') \
     AND (? IN (client_id, requester_application) OR requester_kind = 'application' AND requested_by = ?) \
     AND created_at > coalesce(impersonation_not_before(actor_id, subject_id, client_id), '-infinity') LIMIT ?) x)";
