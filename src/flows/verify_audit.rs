//! Whether the audit trail is whole: every seal is made again from what is stored.
//!
//! What the database cannot show by itself is that nothing is missing at the end. So the head of the chain
//! is written to the log at each sealing, and whoever kept one asks whether it is still in the chain.
use super::Context;
use crate::domain::Timestamp;
use crate::store::audit_checkpoints::{self, Checkpoint};
use crate::store::{Conn, Store, StoreError};
use std::fmt;

/// Seals read at once.
const BITE: i64 = 200;
/// What is waiting to be sealed is not counted further than this.
const MOST_UNSEALED: i64 = 100_000;

/// A seal by its number and hash: `1042:9f3c…` with all 64 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub number: i64,
    pub hash: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is a number, a colon and 64 hexadecimal digits")]
pub struct NoHead;

impl Head {
    pub fn of(seal: &Checkpoint) -> Self {
        Self { number: seal.number, hash: seal.hash.clone() }
    }

    pub fn parse(text: &str) -> Result<Self, NoHead> {
        let (number, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        let number = number.parse().map_err(|_| NoHead)?;
        let digits: Option<Vec<u8>> =
            hash.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(NoHead)?;
        let hash = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, d| byte * 16 + d));
        Ok(Self { number, hash: hash.collect() })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:", self.number)?;
        self.hash.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error(
        "seal {number} does not hold: an event after number {after} and up to number {last} was changed, removed or added"
    )]
    Seal { number: i64, after: i64, last: i64 },
    #[error("the chain ends at seal {newest}, but seal {kept} was there: the end has been cut off")]
    CutOff { kept: i64, newest: i64 },
    #[error("seal {0} is another one than was there: the trail has been written anew")]
    Rewritten(i64),
}

/// How the trail stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Seals that hold, and the events that they cover.
    pub seals: i64,
    pub events: i64,
    pub head: Option<Head>,
    /// Written since the last seal; nothing vouches for them yet.
    pub unsealed: i64,
    pub broken: Option<Broken>,
}

/// Makes every seal again, in order, and stops at the first that does not fit. `kept` is a head that somebody
/// wrote down at another place.
pub async fn verify(store: &Store, kept: Option<&Head>) -> Result<Report, StoreError> {
    let conn = store.conn().await?;
    let mut report = Report { seals: 0, events: 0, head: None, unsealed: 0, broken: None };
    let mut previous: Option<Checkpoint> = None;
    loop {
        let after = previous.as_ref().map_or(0, |seal| seal.number);
        let seals = audit_checkpoints::list_after(&conn, after, BITE).await?;
        for seal in &seals {
            report.broken = judge(&conn, seal, previous.as_ref(), kept).await?;
            if report.broken.is_some() {
                return Ok(report);
            }
            report.seals += 1;
            report.events += seal.events;
            report.head = Some(Head::of(seal));
            previous = Some(seal.clone());
        }
        if seals.is_empty() {
            break;
        }
    }
    let newest = previous.map_or(0, |seal| seal.number);
    report.broken = kept
        .filter(|kept| kept.number > newest)
        .map(|kept| Broken::CutOff { kept: kept.number, newest });
    report.unsealed = audit_checkpoints::count_unsealed(&conn, MOST_UNSEALED).await?;
    Ok(report)
}

async fn judge(
    conn: &Conn,
    seal: &Checkpoint,
    previous: Option<&Checkpoint>,
    kept: Option<&Head>,
) -> Result<Option<Broken>, StoreError> {
    if !audit_checkpoints::holds(conn, seal, previous).await? {
        let after = previous.map_or(0, |seal| seal.last_seq);
        return Ok(Some(Broken::Seal { number: seal.number, after, last: seal.last_seq }));
    }
    let other = kept.is_some_and(|kept| kept.number == seal.number && kept.hash != seal.hash);
    Ok(other.then_some(Broken::Rewritten(seal.number)))
}

/// How far the trail is sealed, without checking it.
pub struct Sealed {
    pub head: Option<Head>,
    pub at: Option<Timestamp>,
    /// Counted no further than a thousand.
    pub waiting: i64,
}

pub async fn sealed(ctx: &Context) -> Result<Sealed, StoreError> {
    let conn = ctx.store.conn().await?;
    let (newest, waiting) = futures_util::try_join!(
        audit_checkpoints::newest(&conn),
        audit_checkpoints::count_unsealed(&conn, 1_000),
    )?;
    let at = newest.as_ref().map(|seal| seal.sealed_at);
    Ok(Sealed { head: newest.as_ref().map(Head::of), at, waiting })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head { number: 7, hash: (0..32).collect() };
        assert_eq!(Head::parse(&head.to_string()), Ok(head.clone()));
        for wrong in ["", "7", "7:", "x:00", "7:0g", &format!("{head}0"), &format!("{head} x")] {
            assert_eq!(Head::parse(wrong), Err(NoHead), "{wrong}");
        }
    }
}
