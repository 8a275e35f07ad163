//! `login_failures`: failed authentication attempts of users and applications. Keys are hashes of identifier and
//! network.
use crate::domain::caller::{Caller, CallerAddress};
use crate::domain::network::ClientOrigin;
use crate::domain::{ClientId, Timestamp};
use crate::store::connection::statement::{Statement, Value};
use crate::store::schema::{clock_now, login_failures};
use crate::store::{Conn, StoreError};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// A maximum number of failures in a window; above it, attempts wait until the oldest failure has left the window.
#[derive(Debug, Clone)]
pub struct FailureLimit {
    pub key: Vec<u8>,
    pub most: u16,
    pub window: chrono::Duration,
}

/// Maximum number of limits of one attempt.
pub const MAX_LIMITS: usize = 4;

/// The counters before an attempt.
#[derive(Debug, Clone, Copy)]
pub struct FailureCount {
    pub now: Timestamp,
    /// When the last of the reached limits allows an attempt again.
    pub full_until: Option<Timestamp>,
    /// Failures in a row, and the last of them.
    pub in_a_row: i64,
    pub last: Option<Timestamp>,
}

/// Counts in one statement the failures of `limits` and of the streak key.
pub async fn count(
    mut conn: &Conn,
    limits: &[FailureLimit],
    streak: Option<&[u8]>,
) -> Result<FailureCount, StoreError> {
    struct Count;
    const TEXT: &str = "SELECT clock_now(), (SELECT max(f.failed_at + k.seconds * interval '1 second') \
         FROM (VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)) AS k (key_hash, most, seconds) \
         CROSS JOIN LATERAL (SELECT failed_at FROM login_failures f WHERE f.key_hash = k.key_hash \
         AND f.failed_at > clock_now() - k.seconds * interval '1 second' \
         ORDER BY f.failed_at DESC OFFSET k.most - 1 LIMIT 1) f), \
         s.failures, s.last_at FROM (SELECT count(*) AS failures, max(failed_at) AS last_at \
         FROM login_failures WHERE key_hash = ?) AS s";
    type Row = (Timestamp, Option<Timestamp>, i64, Option<Timestamp>);
    type Types = (Timestamptz, Nullable<Timestamptz>, BigInt, Nullable<Timestamptz>);
    let mut values = Vec::with_capacity(3 * MAX_LIMITS + 1);
    for nth in 0..MAX_LIMITS {
        // No row has an empty key.
        let (key, most, window): (&[u8], _, _) = match limits.get(nth) {
            Some(limit) => (&limit.key, limit.most, limit.window),
            None => (&[], 1, chrono::Duration::zero()),
        };
        let seconds = i32::try_from(window.num_seconds()).unwrap_or(i32::MAX);
        values.extend([Value::Bytes(key), Value::Int(most.into()), Value::Int(seconds)]);
    }
    values.push(Value::Bytes(streak.unwrap_or_default()));
    let row: Row = Statement::<Count, Types>::new(TEXT, &values).get_result(&mut conn).await?;
    let (now, full_until, in_a_row, last) = row;
    Ok(FailureCount { now, full_until, in_a_row, last })
}

/// Serializes attempts with the same `key` over all nodes, until the transaction ends.
pub async fn lock(mut conn: &Conn, key: &[u8]) -> Result<(), StoreError> {
    struct Lock;
    const TEXT: &str = "SELECT pg_advisory_xact_lock(hashtextextended(encode(?, 'hex'), 0))";
    Statement::<Lock, ()>::new(TEXT, &[Value::Bytes(key)]).execute(&mut conn).await?;
    Ok(())
}

/// A key, and how long its failure is stored.
pub type KeptKey<'a> = (&'a [u8], chrono::Duration);

pub async fn insert(mut conn: &Conn, keys: &[KeptKey<'_>]) -> Result<(), StoreError> {
    let now = crate::store::installation::settings::now(conn).await?;
    let rows: Vec<_> = keys
        .iter()
        .map(|(key, kept)| {
            (
                login_failures::key_hash.eq(*key),
                login_failures::failed_at.eq(clock_now()),
                login_failures::kept_until.eq(now + *kept),
            )
        })
        .collect();
    diesel::insert_into(login_failures::table).values(rows).execute(&mut conn).await?;
    Ok(())
}

/// As [`insert`], for a wrong secret of `client`; the first row waits to be reported in the audit trail.
pub async fn insert_of_client(
    mut conn: &Conn,
    (client, ip): (&ClientId, Option<&str>),
    keys: &[KeptKey<'_>],
) -> Result<(), StoreError> {
    let now = crate::store::installation::settings::now(conn).await?;
    let rows: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(nth, (key, kept))| {
            (
                login_failures::key_hash.eq(*key),
                login_failures::failed_at.eq(clock_now()),
                login_failures::kept_until.eq(now + *kept),
                login_failures::client_id.eq((nth == 0).then_some(client.as_str())),
                login_failures::ip.eq(ip),
            )
        })
        .collect();
    diesel::insert_into(login_failures::table).values(rows).execute(&mut conn).await?;
    Ok(())
}

/// Deletes the failures with these keys, after a success.
pub async fn forget(mut conn: &Conn, keys: &[&[u8]]) -> Result<(), StoreError> {
    diesel::delete(login_failures::table.filter(login_failures::key_hash.eq_any(keys)))
        .execute(&mut conn)
        .await?;
    Ok(())
}

/// Deletes the newest failure of a key, because the attempt was not checked.
pub async fn take_back(mut conn: &Conn, key: &[u8]) -> Result<(), StoreError> {
    struct TakeBack;
    const TEXT: &str = "DELETE FROM login_failures WHERE ctid = (SELECT ctid FROM login_failures \
         WHERE key_hash = ? ORDER BY failed_at DESC LIMIT 1)";
    Statement::<TakeBack, ()>::new(TEXT, &[Value::Bytes(key)]).execute(&mut conn).await?;
    Ok(())
}

/// Wrong secrets of one application from one address that are not in the audit trail yet.
pub struct WrongSecrets {
    pub client: String,
    /// None: the application is gone, or has no organization.
    pub organization: Option<String>,
    pub ip: Option<String>,
    pub count: i64,
}

impl WrongSecrets {
    /// The caller, as far as it was stored.
    pub fn caller(&self) -> Caller {
        let address = self.ip.as_deref().and_then(|ip| ip.parse().ok());
        let origin = address.map(|address| ClientOrigin { address, unreadable: None });
        Caller { ip: origin.as_ref().map(CallerAddress::from), ..Caller::default() }
    }
}

/// Failures of which the first is a minute old. Each is returned once over all nodes, so the transaction must
/// record them.
pub async fn take_unreported(mut conn: &Conn) -> Result<Vec<WrongSecrets>, StoreError> {
    struct Take;
    const TEXT: &str = "WITH due AS (SELECT client_id, ip FROM login_failures \
         WHERE client_id IS NOT NULL AND reported_at IS NULL GROUP BY client_id, ip \
         HAVING min(failed_at) <= clock_now() - interval '1 minute' LIMIT 100), \
         taken AS (UPDATE login_failures f SET reported_at = clock_now() FROM due \
         WHERE f.client_id = due.client_id AND f.ip IS NOT DISTINCT FROM due.ip \
         AND f.reported_at IS NULL RETURNING f.client_id, f.ip) \
         SELECT t.client_id, c.organization_id, t.ip, count(*) FROM taken t \
         LEFT JOIN clients c ON c.id = t.client_id GROUP BY 1, 2, 3 ORDER BY 1, 3";
    type Row = (String, Option<String>, Option<String>, i64);
    type Types = (Text, Nullable<Text>, Nullable<Text>, BigInt);
    let rows: Vec<Row> = Statement::<Take, Types>::new(TEXT, &[]).load(&mut conn).await?;
    let convert =
        |(client, organization, ip, count)| WrongSecrets { client, organization, ip, count };
    Ok(rows.into_iter().map(convert).collect())
}

/// Applications with a wrong secret within the last hour.
pub async fn list_suspected_clients(mut conn: &Conn) -> Result<Vec<String>, StoreError> {
    struct List;
    const TEXT: &str = "SELECT DISTINCT client_id FROM login_failures WHERE client_id IS NOT NULL \
         AND failed_at > clock_now() - interval '1 hour' LIMIT 10000";
    Ok(Statement::<List, Text>::new(TEXT, &[]).load(&mut conn).await?)
}

/// Deletes failures that no limit counts any more and that were reported, at most a thousand at a time.
pub async fn delete_expired(mut conn: &Conn) -> Result<usize, StoreError> {
    struct Delete;
    const TEXT: &str = "DELETE FROM login_failures WHERE ctid = ANY(ARRAY(SELECT ctid \
         FROM login_failures WHERE kept_until < clock_now() \
         AND (client_id IS NULL OR reported_at IS NOT NULL) ORDER BY kept_until LIMIT 1000))";
    Ok(Statement::<Delete, ()>::new(TEXT, &[]).execute(&mut conn).await?)
}
