//! `audit_sealing`: how a seal is made, and why nothing can appear below it afterwards.
//!
//! **Positions.** A trigger takes the position of an event from a sequence of ours (`audit_events_seq_seq`), whatever
//! was written. Positions are drawn before their transaction commits, so a greater one may become visible first.
//!
//! **Writers.** Before a transaction draws its first position, a trigger takes a shared advisory lock that is named
//! after `L`, the last position drawn until then. The transaction holds it to its end, so each of its positions is
//! greater than an `L` under which it holds a lock for as long as it runs.
//!
//! **Horizon.** `audit_horizon()` reads, in this order, `S`, the last position drawn, and then the locks of this
//! database; it answers the least of `S` and all `L`. Take an event at or below it. Its position was drawn before `S`
//! was read, and its lock was taken before that. If its transaction still held the lock when the locks were read, its
//! `L` was among them, and the position would be greater than the answer. So the transaction was over: Postgres makes
//! a commit visible before it releases the locks, and the events are read with a later snapshot (`READ COMMITTED`), so
//! the event is seen; or it was rolled back and never will be. A lock that is taken after the locks were read belongs
//! to positions that are drawn later still, and so above `S`.
//!
//! A transaction that writes no event holds no such lock, and one in another database is not looked at: neither stops
//! sealing. Nothing here is a transaction id, so a dump that is restored into another cluster goes on where it was.
//!
//! **The database makes no seal.** `audit_seal_begin` says what the next seal covers and `audit_seal_end` writes it;
//! both run with the rights of the owner, and neither takes a number from the caller. What they are given is an HMAC
//! ([`crate::audit::chain`]). Two that seal at once take turns.
use super::checkpoints::{Checkpoint, Covers, list_after, newest, read_positions};
use crate::audit::chain::{GENESIS, SealContents, SealKey};
use crate::domain::Timestamp;
use crate::store::{Conn, StoreError};
use diesel::sql_types::{BigInt, Binary, Bool, Timestamptz};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};

const TABLE: &str = "audit_checkpoints";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Epoch {
    GoesOn,
    Begins,
}

/// The seal in the making.
#[derive(diesel::QueryableByName)]
struct Begun {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    after_seq: i64,
    #[diesel(sql_type = BigInt)]
    up_to: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = Timestamptz)]
    sealed_at: Timestamp,
}

/// Seals the next stretch of what is final, at most 5,000 events; `None` when there is nothing to seal.
///
/// # Errors
///
/// The newest seal of the new kind was not made with this key: what stands upon it would vouch for it.
pub async fn seal_next(conn: &mut Conn, key: &SealKey) -> Result<Option<Checkpoint>, StoreError> {
    seal(conn, key, Epoch::GoesOn).await
}

/// Seals what is final as the beginning of an epoch: a backup was put back, and the seals that were made since the
/// backup are gone. It names the last seal that there is, which nobody can vouch for.
pub async fn open_epoch(conn: &mut Conn, key: &SealKey) -> Result<Checkpoint, StoreError> {
    let sealed = seal(conn, key, Epoch::Begins).await?;
    sealed.ok_or_else(|| corrupt("no epoch was begun"))
}

fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt { table: TABLE, what: what.into() }
}

async fn seal(
    conn: &mut Conn,
    key: &SealKey,
    epoch: Epoch,
) -> Result<Option<Checkpoint>, StoreError> {
    use crate::store::Transactional as _;
    conn.transaction(async |tx| {
        // Independent of the database's default: each statement sees concurrent commits.
        tx.batch_execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let begun: Vec<Begun> = diesel::sql_query(
            "SELECT number, epoch, after_seq, up_to, last_seq, events, sealed_at FROM audit_seal_begin($1)",
        )
        .bind::<Bool, _>(epoch == Epoch::Begins)
        .load(tx)
        .await?;
        let Some(begun) = begun.into_iter().next() else { return Ok(None) };
        let previous = newest(tx).await?;
        if epoch == Epoch::GoesOn {
            check_newest(tx, key, previous.as_ref()).await?;
        }
        finish(tx, key, begun, previous.as_ref()).await.map(Some)
    })
    .await
}

async fn finish(
    tx: &mut Conn,
    key: &SealKey,
    begun: Begun,
    previous: Option<&Checkpoint>,
) -> Result<Checkpoint, StoreError> {
    let read = read_positions(tx, (begun.after_seq, begun.up_to)).await?;
    if read.events != begun.events || begun.number != previous.map_or(0, |seal| seal.number) + 1 {
        return Err(corrupt("what is sealed changed meanwhile"));
    }
    let contents = SealContents {
        number: begun.number,
        epoch: begun.epoch,
        previous: previous.map_or(GENESIS.as_slice(), |seal| seal.hash.as_slice()),
        after_seq: begun.after_seq,
        up_to: begun.up_to,
        events: begun.events,
        last_seq: begun.last_seq,
        sealed_at: begun.sealed_at.timestamp_micros(),
        digest: &read.digest,
    };
    let hash = key.make(&contents);
    diesel::sql_query("SELECT audit_seal_end($1, $2)")
        .bind::<Binary, _>(read.digest.as_slice())
        .bind::<Binary, _>(hash.as_slice())
        .execute(tx)
        .await?;
    Ok(Checkpoint {
        number: begun.number,
        events: begun.events,
        last_seq: begun.last_seq,
        hash: hash.to_vec(),
        sealed_at: begun.sealed_at,
        covers: Covers::Positions {
            epoch: begun.epoch,
            after_seq: begun.after_seq,
            up_to: begun.up_to,
            digest: read.digest.to_vec(),
        },
    })
}

/// Another node may hold another key, and the role that serves could write a seal that is none.
async fn check_newest(
    tx: &Conn,
    key: &SealKey,
    newest: Option<&Checkpoint>,
) -> Result<(), StoreError> {
    let Some(newest) = newest.filter(|seal| matches!(seal.covers, Covers::Positions { .. })) else {
        return Ok(());
    };
    let two = list_after(tx, newest.number - 2, 1).await?;
    let before = two.as_slice().first().filter(|seal| seal.number == newest.number - 1);
    if made_with(key, newest, before) {
        return Ok(());
    }
    Err(corrupt(format!("seal {} was not made with this master key", newest.number)))
}

/// Whether `seal` was made with this key, upon `previous`. False for the old kind, which needs no key.
pub fn made_with(key: &SealKey, seal: &Checkpoint, previous: Option<&Checkpoint>) -> bool {
    let Covers::Positions { epoch, after_seq, up_to, digest } = &seal.covers else { return false };
    let contents = SealContents {
        number: seal.number,
        epoch: *epoch,
        previous: previous.map_or(GENESIS.as_slice(), |seal| seal.hash.as_slice()),
        after_seq: *after_seq,
        up_to: *up_to,
        events: seal.events,
        last_seq: seal.last_seq,
        sealed_at: seal.sealed_at.timestamp_micros(),
        digest,
    };
    key.made(&contents, &seal.hash)
}
