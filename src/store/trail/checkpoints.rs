//! `audit_checkpoints`: reads the seals over `audit_events` and the events that they cover.
//!
//! A seal of the old kind covers all events of the transactions in `[from_xact, to_xact)`, and exactly those events
//! keep their `xact`. A seal of the new kind covers the positions in `(after_seq, up_to]`; its events have no `xact`.
//! How seals are made: [`super::sealing`]. Events are read in pages, however many there are.
use crate::audit::chain::EventDigest;
use crate::domain::Timestamp;
use crate::store::{Conn, StoreError};
use diesel::sql_types::{BigInt, Binary, Double, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;

/// Events in memory at once.
const PAGE_SIZE: i64 = 1_000;

/// A seal, as it is stored.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub number: i64,
    pub events: i64,
    pub last_seq: i64,
    pub hash: Vec<u8>,
    pub sealed_at: Timestamp,
    pub covers: Covers,
}

/// The events that a seal covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// The old kind.
    Transactions {
        from: String,
        to: String,
    },
    Positions {
        epoch: i64,
        after_seq: i64,
        up_to: i64,
        digest: Vec<u8>,
    },
}

#[derive(diesel::QueryableByName)]
struct CheckpointRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    from_xact: String,
    #[diesel(sql_type = Text)]
    to_xact: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    sealed_at: Timestamp,
    #[diesel(sql_type = Nullable<BigInt>)]
    epoch: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    after_seq: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    up_to: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    digest: Option<Vec<u8>>,
}

impl From<CheckpointRow> for Checkpoint {
    fn from(row: CheckpointRow) -> Self {
        let covers = match (row.epoch, row.after_seq, row.up_to, row.digest) {
            (Some(epoch), Some(after_seq), Some(up_to), Some(digest)) => {
                Covers::Positions { epoch, after_seq, up_to, digest }
            }
            // A constraint allows all or none of these columns.
            _ => Covers::Transactions { from: row.from_xact, to: row.to_xact },
        };
        Self {
            number: row.number,
            events: row.events,
            last_seq: row.last_seq,
            hash: row.hash,
            sealed_at: row.sealed_at,
            covers,
        }
    }
}

const COLUMNS: &str = "number, from_xact::text AS from_xact, to_xact::text AS to_xact, events, last_seq, \
                       hash, sealed_at, epoch, after_seq, up_to, digest";

/// The newest seal: the head of the chain.
pub async fn newest(mut conn: &Conn) -> Result<Option<Checkpoint>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
    let rows: Vec<CheckpointRow> = diesel::sql_query(text).load(&mut conn).await?;
    Ok(rows.into_iter().next().map(Into::into))
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
    let rows: Vec<CheckpointRow> = query.load(&mut conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The digest of a seal's events.
pub struct Stretch {
    pub events: i64,
    /// Zero if there is no event.
    pub last_seq: i64,
    pub digest: [u8; 32],
}

#[derive(diesel::QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Nullable<Text>)]
    xact: Option<String>,
    #[diesel(sql_type = Text)]
    text: String,
}

/// The columns are named one by one: a column that is added later changes no seal.
const EVENT: &str = "seq, xact, at, type, actor, subject, impersonation_id, client_id, organization_id, \
                     channel, protocol, ip, user_agent, request_id, reason, ticket, detail";

/// Reads the events of a seal of the old kind, made upon the hash `previous`.
pub async fn read_transactions(
    mut conn: &Conn,
    (from, to): (&str, &str),
    previous: &[u8],
) -> Result<Stretch, StoreError> {
    let text = format!(
        "SELECT e.seq, e.xact::text AS xact, row_to_json(e)::text AS text FROM ( \
         SELECT {EVENT} FROM audit_events \
         WHERE (xact, seq) > ($1::xid8, $2) AND xact < $3::xid8 ORDER BY xact, seq LIMIT $4) AS e \
         ORDER BY e.xact, e.seq"
    );
    let mut digest = EventDigest::upon(previous);
    // From the very first number on: none below zero is ever drawn, and none may hide there.
    let (mut events, mut last_seq, mut last_xact) = (0, i64::MIN, from.to_owned());
    loop {
        let query = diesel::sql_query(text.as_str())
            .bind::<Text, _>(last_xact.as_str())
            .bind::<BigInt, _>(last_seq)
            .bind::<Text, _>(to)
            .bind::<BigInt, _>(PAGE_SIZE);
        let rows: Vec<EventRow> = query.load(&mut conn).await?;
        for row in &rows {
            digest.add(&row.text);
            events += 1;
            last_seq = row.seq;
            last_xact = row.xact.clone().unwrap_or(last_xact);
        }
        if is_last(&rows) {
            let last_seq = if events == 0 { 0 } else { last_seq };
            return Ok(Stretch { events, last_seq, digest: digest.finish() });
        }
    }
}

/// Reads the events of a seal of the new kind.
pub async fn read_positions(
    mut conn: &Conn,
    (after_seq, up_to): (i64, i64),
) -> Result<Stretch, StoreError> {
    let text = format!(
        "SELECT e.seq, e.xact::text AS xact, row_to_json(e)::text AS text FROM ( \
         SELECT {EVENT} FROM audit_events \
         WHERE seq > $1 AND seq <= $2 AND xact IS NULL ORDER BY seq LIMIT $3) AS e ORDER BY e.seq"
    );
    let mut digest = EventDigest::new();
    let (mut events, mut last_seq, mut from) = (0, 0, after_seq);
    loop {
        let query = diesel::sql_query(text.as_str())
            .bind::<BigInt, _>(from)
            .bind::<BigInt, _>(up_to)
            .bind::<BigInt, _>(PAGE_SIZE);
        let rows: Vec<EventRow> = query.load(&mut conn).await?;
        for row in &rows {
            digest.add(&row.text);
            events += 1;
            (last_seq, from) = (row.seq, row.seq);
        }
        if is_last(&rows) {
            return Ok(Stretch { events, last_seq, digest: digest.finish() });
        }
    }
}

fn is_last(rows: &[EventRow]) -> bool {
    i64::try_from(rows.len()).is_ok_and(|count| count < PAGE_SIZE)
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

async fn number(mut conn: &Conn, text: &'static str) -> Result<Option<i64>, StoreError> {
    let row: Number = diesel::sql_query(text).get_result(&mut conn).await?;
    Ok(row.number)
}

/// How many events no seal covers yet; counted no further than `most`.
pub async fn count_unsealed(mut conn: &Conn, most: i64) -> Result<i64, StoreError> {
    let text = "SELECT count(*) AS number FROM (SELECT FROM audit_events \
                WHERE seq > (SELECT audit_sealed_up_to()) AND xact IS NULL LIMIT $1) AS waiting";
    let counted: Number =
        diesel::sql_query(text).bind::<BigInt, _>(most).get_result(&mut conn).await?;
    Ok(counted.number.unwrap_or_default())
}

/// Seconds since the oldest event was written that no seal covers yet.
pub async fn unsealed_seconds(mut conn: &Conn) -> Result<Option<f64>, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Age {
        #[diesel(sql_type = Double)]
        seconds: f64,
    }
    let text = "SELECT extract(epoch FROM clock_now() - at)::float8 AS seconds FROM audit_events \
                WHERE seq > (SELECT audit_sealed_up_to()) AND xact IS NULL ORDER BY seq LIMIT 1";
    let rows: Vec<Age> = diesel::sql_query(text).load(&mut conn).await?;
    Ok(rows.as_slice().first().map(|age| age.seconds))
}

/// Current positions. The order of the reads matters, because a later read may return a greater number.
#[derive(Debug, Clone, Copy)]
pub struct Positions {
    /// No event with such a position can come any more.
    pub horizon: i64,
    pub newest_event: i64,
    pub sealed_up_to: i64,
    /// The last that the sequence gave out.
    pub drawn: i64,
}

pub async fn positions(conn: &Conn) -> Result<Positions, StoreError> {
    let horizon = number(conn, "SELECT audit_horizon() AS number").await?;
    let newest_event = number(conn, "SELECT max(seq) AS number FROM audit_events").await?;
    let sealed_up_to = number(conn, "SELECT audit_sealed_up_to() AS number").await?;
    let drawn =
        number(conn, "SELECT pg_sequence_last_value('audit_events_seq_seq') AS number").await?;
    Ok(Positions {
        horizon: horizon.unwrap_or_default(),
        newest_event: newest_event.unwrap_or_default(),
        sealed_up_to: sealed_up_to.unwrap_or_default(),
        drawn: drawn.unwrap_or_default(),
    })
}

/// An event that is neither of the old seals, which end before the transaction `old_end`, nor after the position
/// `begins_after`, where the new ones begin.
pub async fn find_uncovered(
    mut conn: &Conn,
    begins_after: i64,
    old_end: &str,
) -> Result<Option<i64>, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Page {
        #[diesel(sql_type = Nullable<BigInt>)]
        uncovered: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        last: Option<i64>,
    }
    let late = "SELECT min(seq) AS number FROM (SELECT seq FROM audit_events \
                WHERE xact IS NOT NULL AND xact >= $1::xid8 LIMIT 1) AS late";
    let late: Number =
        diesel::sql_query(late).bind::<Text, _>(old_end).get_result(&mut conn).await?;
    if late.number.is_some() {
        return Ok(late.number);
    }
    let text = "SELECT min(seq) FILTER (WHERE xact IS NULL) AS uncovered, max(seq) AS last FROM ( \
                SELECT seq, xact FROM audit_events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT 50000) AS page";
    let mut after = i64::MIN;
    loop {
        let query =
            diesel::sql_query(text).bind::<BigInt, _>(after).bind::<BigInt, _>(begins_after);
        let page: Page = query.get_result(&mut conn).await?;
        match (page.uncovered, page.last) {
            (Some(seq), _) => return Ok(Some(seq)),
            (None, Some(last)) => after = last,
            (None, None) => return Ok(None),
        }
    }
}

/// Where the first seal of the new kind begins, as long as there is none.
pub async fn begins_after(conn: &Conn) -> Result<i64, StoreError> {
    let begins = number(conn, "SELECT begins_after AS number FROM audit_sealing").await?;
    Ok(begins.unwrap_or_default())
}
