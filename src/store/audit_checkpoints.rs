//! `audit_checkpoints`: the seals over `audit_events`, and whether they still hold.
//!
//! A seal covers all events of the transactions in `[from_xact, to_xact)`. Events are numbered before their
//! transaction commits, so a later one may become visible first; transactions older than the oldest running
//! one are final. Events are read in bites, however many there are.
use super::{Conn, StoreError};
use crate::audit::chain::{GENESIS, Seal};
use crate::domain::Timestamp;
use diesel::sql_types::{BigInt, Binary, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// Events that a seal covers at most, unless one transaction alone wrote more.
const MOST: i64 = 5_000;
/// Events in memory at once.
const BITE: i64 = 1_000;

/// A seal, as it is stored.
#[derive(Debug, Clone, diesel::QueryableByName)]
pub struct Checkpoint {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = Text)]
    from_xact: String,
    #[diesel(sql_type = Text)]
    to_xact: String,
    #[diesel(sql_type = BigInt)]
    pub events: i64,
    #[diesel(sql_type = BigInt)]
    pub last_seq: i64,
    #[diesel(sql_type = Binary)]
    pub hash: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    pub sealed_at: Timestamp,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    xact: String,
    #[diesel(sql_type = Text)]
    text: String,
}

#[derive(diesel::QueryableByName)]
struct Edge {
    #[diesel(sql_type = Text)]
    xact: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// What a stretch of events comes to.
struct Stretch {
    events: i64,
    last_seq: i64,
    hash: [u8; 32],
}

/// Seals the next stretch of what is final; `None` when there is nothing to seal. After a long time without
/// sealing it has to be called again and again.
pub async fn seal_next(conn: &mut Conn) -> Result<Option<Checkpoint>, StoreError> {
    use super::Transactional as _;
    conn.transaction(async |tx| {
        lock_chain(tx).await?;
        let last = newest(tx).await?;
        let (number, from, hash) = match &last {
            Some(last) => (last.number + 1, last.to_xact.as_str(), last.hash.as_slice()),
            None => (1, "0", GENESIS.as_slice()),
        };
        let to = next_edge(tx, from).await?;
        check_order(from, &to)?;
        let stretch = read_stretch(tx, (from, &to), hash).await?;
        if stretch.events == 0 {
            return Ok(None);
        }
        insert(tx, number, (from, &to), &stretch).await.map(Some)
    })
    .await
}

/// One sealer at a time, on any node.
async fn lock_chain(tx: &mut Conn) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(7236837)").execute(tx).await?;
    Ok(())
}

const COLUMNS: &str = "number, from_xact::text AS from_xact, to_xact::text AS to_xact, events, \
                       last_seq, hash, sealed_at";

/// The newest seal: the head of the chain.
pub async fn newest(mut conn: &Conn) -> Result<Option<Checkpoint>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
    let rows: Vec<Checkpoint> = diesel::sql_query(text).load(&mut conn).await?;
    Ok(rows.into_iter().next())
}

/// The seals after `number`, in order.
pub async fn list_after(
    mut conn: &Conn,
    number: i64,
    limit: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM audit_checkpoints WHERE number > $1 ORDER BY number LIMIT $2"
    );
    let query = diesel::sql_query(text).bind::<BigInt, _>(number).bind::<BigInt, _>(limit);
    Ok(query.load(&mut conn).await?)
}

/// How many events no seal covers yet; counted no further than `most`.
pub async fn count_unsealed(mut conn: &Conn, most: i64) -> Result<i64, StoreError> {
    let text = "SELECT count(*) AS count FROM (SELECT FROM audit_events WHERE xact >= coalesce( \
                (SELECT to_xact FROM audit_checkpoints ORDER BY number DESC LIMIT 1), '0'::xid8) \
                LIMIT $1) AS waiting";
    let counted: Count =
        diesel::sql_query(text).bind::<BigInt, _>(most).get_result(&mut conn).await?;
    Ok(counted.count)
}

/// Where the next seal ends: at the horizon, or sooner when much waits; never within a transaction.
async fn next_edge(tx: &mut Conn, from: &str) -> Result<String, StoreError> {
    let text = "WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x), \
                beyond AS (SELECT e.xact FROM audit_events e, horizon \
                WHERE e.xact >= $1::xid8 AND e.xact < horizon.x ORDER BY e.xact, e.seq OFFSET $2 LIMIT 1) \
                SELECT coalesce((SELECT CASE WHEN EXISTS (SELECT FROM audit_events e \
                WHERE e.xact >= $1::xid8 AND e.xact < beyond.xact) THEN beyond.xact::text \
                ELSE (beyond.xact::text::bigint + 1)::text END FROM beyond), horizon.x::text) AS xact \
                FROM horizon";
    let query = diesel::sql_query(text).bind::<Text, _>(from).bind::<BigInt, _>(MOST);
    let edge: Edge = query.get_result(tx).await?;
    Ok(edge.xact)
}

/// A dump that is restored into a new cluster brings the seals along but not the transaction counter; new
/// events would then count as old ones, and no seal would hold.
fn check_order(from: &str, to: &str) -> Result<(), StoreError> {
    match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => Ok(()),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            let what = format!("sealed up to transaction {from}, but the database is at {to}");
            Err(StoreError::Corrupt { table: "audit_checkpoints", what })
        }
    }
}

async fn read_stretch(
    conn: &Conn,
    (from, to): (&str, &str),
    previous: &[u8],
) -> Result<Stretch, StoreError> {
    let mut seal = Seal::upon(previous);
    let (mut events, mut last_seq, mut last_xact) = (0, 0, from.to_owned());
    loop {
        let rows = read_bite(conn, (&last_xact, last_seq), to).await?;
        for row in &rows {
            seal.add(&row.text);
            events += 1;
            last_seq = row.seq;
            last_xact.clone_from(&row.xact);
        }
        if i64::try_from(rows.len()).is_ok_and(|count| count < BITE) {
            return Ok(Stretch { events, last_seq, hash: seal.finish() });
        }
    }
}

/// The columns are named one by one: a column added later changes no seal.
async fn read_bite(
    mut conn: &Conn,
    (xact, seq): (&str, i64),
    to: &str,
) -> Result<Vec<Row>, StoreError> {
    let text = "SELECT e.seq, e.xact::text AS xact, row_to_json(e)::text AS text FROM ( \
                SELECT seq, xact, at, type, actor, subject, impersonation_id, client_id, organization_id, \
                channel, protocol, ip, user_agent, request_id, reason, ticket, detail FROM audit_events \
                WHERE (xact, seq) > ($1::xid8, $2) AND xact < $3::xid8 ORDER BY xact, seq LIMIT $4) AS e \
                ORDER BY e.xact, e.seq";
    let query = diesel::sql_query(text)
        .bind::<Text, _>(xact)
        .bind::<BigInt, _>(seq)
        .bind::<Text, _>(to)
        .bind::<BigInt, _>(BITE);
    Ok(query.load(&mut conn).await?)
}

async fn insert(
    tx: &mut Conn,
    number: i64,
    (from, to): (&str, &str),
    stretch: &Stretch,
) -> Result<Checkpoint, StoreError> {
    let text = format!(
        "INSERT INTO audit_checkpoints (number, from_xact, to_xact, events, last_seq, hash) \
         VALUES ($1, $2::xid8, $3::xid8, $4, $5, $6) RETURNING {COLUMNS}"
    );
    let query = diesel::sql_query(text)
        .bind::<BigInt, _>(number)
        .bind::<Text, _>(from)
        .bind::<Text, _>(to)
        .bind::<BigInt, _>(stretch.events)
        .bind::<BigInt, _>(stretch.last_seq)
        .bind::<Binary, _>(stretch.hash.as_slice());
    Ok(query.get_result(tx).await?)
}

/// Whether the events that `checkpoint` covers are what they were when it was made upon `previous`.
pub async fn holds(
    conn: &Conn,
    checkpoint: &Checkpoint,
    previous: Option<&Checkpoint>,
) -> Result<bool, StoreError> {
    let (number, from, hash) = match previous {
        Some(previous) => (previous.number, previous.to_xact.as_str(), previous.hash.as_slice()),
        None => (0, "0", GENESIS.as_slice()),
    };
    if checkpoint.number != number + 1 || checkpoint.from_xact != from {
        return Ok(false);
    }
    let read = read_stretch(conn, (from, &checkpoint.to_xact), hash).await?;
    Ok(read.events == checkpoint.events
        && read.last_seq == checkpoint.last_seq
        && read.hash.as_slice() == checkpoint.hash)
}
