//! `audit_events`: append only. And the seals over it, `audit_checkpoints`.
use super::statement::{Statement, Value};
use super::{Conn, StoreError};
use crate::audit::Event;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

/// The values of an event; `detail` is [`Event::detail`], which the caller keeps alive.
pub(super) fn values<'a>(event: &'a Event, detail: &'a serde_json::Value) -> [Value<'a>; 15] {
    let text = |text: &'a Option<String>| Value::MaybeText(text.as_deref());
    [
        Value::Now,
        Value::Text(event.kind.as_str()),
        text(&event.actor),
        text(&event.subject),
        text(&event.impersonation),
        text(&event.client),
        text(&event.organization),
        Value::MaybeText(event.channel),
        Value::MaybeText(event.protocol),
        text(&event.caller.ip),
        text(&event.caller.user_agent),
        text(&event.caller.request_id),
        text(&event.reason),
        text(&event.ticket),
        Value::Json(detail),
    ]
}

pub async fn append(mut conn: &Conn, event: &Event) -> Result<(), StoreError> {
    struct Append;
    const TEXT: &str = "INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let detail = event.detail();
    let values = values(event, &detail);
    Statement::<Append, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Writes several events in one statement, and so with one commit.
pub async fn append_all(mut conn: &Conn, events: &[&Event]) -> Result<(), StoreError> {
    struct AppendAll;
    const TEXT: &str = "INSERT INTO audit_events (at, type, actor, subject, impersonation_id, client_id, \
         organization_id, channel, protocol, ip, user_agent, request_id, reason, ticket, detail) \
         SELECT ?, e.* FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS e";
    fn all<'a>(events: &[&'a Event], pick: impl Fn(&'a Event) -> Option<&'a str>) -> Value<'a> {
        Value::Texts(events.iter().map(|event| pick(event)).collect())
    }
    let values = [
        Value::Now,
        all(events, |event| Some(event.kind.as_str())),
        all(events, |event| event.actor.as_deref()),
        all(events, |event| event.subject.as_deref()),
        all(events, |event| event.impersonation.as_deref()),
        all(events, |event| event.client.as_deref()),
        all(events, |event| event.organization.as_deref()),
        all(events, |event| event.channel),
        all(events, |event| event.protocol),
        all(events, |event| event.caller.ip.as_deref()),
        all(events, |event| event.caller.user_agent.as_deref()),
        all(events, |event| event.caller.request_id.as_deref()),
        all(events, |event| event.reason.as_deref()),
        all(events, |event| event.ticket.as_deref()),
        Value::Jsons(events.iter().map(|event| event.detail()).collect()),
    ];
    Statement::<AppendAll, ()>::new(TEXT, &values).execute(&mut conn).await?;
    Ok(())
}

/// Seals what is final: every event of transactions older than the oldest running one.
///
/// Returns how many events the new seal covers; none is made when there is nothing to seal.
pub async fn seal_next(conn: &mut Conn) -> Result<u64, StoreError> {
    use super::Transactional as _;
    conn.transaction(async |tx| {
        lock_chain(tx).await?;
        let last = last_checkpoint(tx).await?;
        let batch = events_after(tx, &last.to_xact).await?;
        let Some(newest) = batch.last() else { return Ok(0) };
        let texts: Vec<String> = batch.iter().map(|row| row.text.clone()).collect();
        let hash = crate::audit::chain::seal(&last.hash, &texts);
        insert_checkpoint(tx, &last, newest, (texts.len(), &hash)).await
    })
    .await
}

#[derive(diesel::QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    to_xact: String,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    hash: Vec<u8>,
}

#[derive(diesel::QueryableByName)]
struct Final {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    horizon: String,
}

/// One sealer at a time, on any node.
async fn lock_chain(tx: &mut Conn) -> Result<(), StoreError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(7236837)").execute(tx).await?;
    Ok(())
}

async fn last_checkpoint(tx: &mut Conn) -> Result<Checkpoint, StoreError> {
    let text = "SELECT number, to_xact::text AS to_xact, hash FROM audit_checkpoints \
                ORDER BY number DESC LIMIT 1";
    let rows: Vec<Checkpoint> = diesel::sql_query(text).load(tx).await?;
    let first = Checkpoint { number: 0, to_xact: "0".into(), hash: vec![0; 32] };
    Ok(rows.into_iter().next().unwrap_or(first))
}

async fn events_after(tx: &mut Conn, from: &str) -> Result<Vec<Final>, StoreError> {
    let text = "WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) \
                SELECT e.seq, row_to_json(e)::text AS text, horizon.x::text AS horizon \
                FROM audit_events e, horizon \
                WHERE e.xact >= $1::xid8 AND e.xact < horizon.x ORDER BY e.xact, e.seq";
    Ok(diesel::sql_query(text).bind::<diesel::sql_types::Text, _>(from).load(tx).await?)
}

async fn insert_checkpoint(
    tx: &mut Conn,
    last: &Checkpoint,
    newest: &Final,
    (events, hash): (usize, &[u8]),
) -> Result<u64, StoreError> {
    let text = "INSERT INTO audit_checkpoints (number, from_xact, to_xact, events, last_seq, hash) \
                VALUES ($1, $2::xid8, $3::xid8, $4, $5, $6)";
    let count = u64::try_from(events).unwrap_or(u64::MAX);
    diesel::sql_query(text)
        .bind::<BigInt, _>(last.number + 1)
        .bind::<diesel::sql_types::Text, _>(&last.to_xact)
        .bind::<diesel::sql_types::Text, _>(&newest.horizon)
        .bind::<BigInt, _>(i64::try_from(events).unwrap_or(i64::MAX))
        .bind::<BigInt, _>(newest.seq)
        .bind::<diesel::sql_types::Binary, _>(hash)
        .execute(tx)
        .await?;
    Ok(count)
}
