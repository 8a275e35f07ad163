//! Verifies the audit trail: every seal is computed again from the stored events.
//!
//! A seal vouches for its events and for all seals before it. What follows the newest seal is vouched for by none; how
//! much that is, and for how long it has waited, is part of the answer. Events that are missing at the end show as
//! positions that the sequence gave out and that are neither events nor noted by a seal.
//!
//! The database cannot show that it was replaced as a whole by an earlier state. So the head of the chain is logged
//! with each seal, and an operator who kept one can check that it is still in the chain.
pub use super::seal_runs::SealRuns;
use crate::audit::chain::{GENESIS, SealKey, hex};
use crate::domain::Timestamp;
use crate::flows::Context;
use crate::store::trail::checkpoints::{self, Checkpoint, Covers, Positions};
use crate::store::{Conn, Store, StoreError, trail::sealing};
use std::fmt;

/// Seals read at once.
const PAGE_SIZE: i64 = 200;
/// What is waiting to be sealed is not counted further than this.
const MAX_COUNTED: i64 = 100_000;
/// An event that waits longer is no longer a matter of course: seals are made every few seconds.
pub const MAX_UNSEALED_SECONDS: f64 = 60.0;

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
        write!(out, "{}:{}", self.number, hex(&self.hash))
    }
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error(
        "seal {number} does not hold: an event after number {after} and up to number {last} was changed, removed or added"
    )]
    Seal { number: i64, after: i64, last: i64 },
    #[error("seal {0} does not hold: it was not made with this master key, or it was changed")]
    Forged(i64),
    #[error("the chain ends at seal {newest}, but seal {kept} was there: the end has been cut off")]
    CutOff { kept: i64, newest: i64 },
    #[error("seal {0} is another one than was there: the trail has been written anew")]
    Rewritten(i64),
    #[error("event {0} was added where everything was sealed: no seal covers it")]
    Uncovered(i64),
    #[error("the sequence is at {drawn}, but position {seen} was given out: it was set back")]
    SetBack { drawn: i64, seen: i64 },
}

/// The first seal of an epoch after the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochStart {
    pub epoch: i64,
    pub seal: i64,
    /// The last position before it.
    pub after: i64,
    pub at: Timestamp,
}

/// How the trail stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Seals that hold, and the events that they cover.
    pub seals: i64,
    pub events: i64,
    /// Seals of the old kind among them, which anyone with write access to the database could have made.
    pub old_seals: i64,
    /// Positions that the seals cover and that never became events, or were removed before they were sealed.
    pub void: i64,
    pub epochs: Vec<EpochStart>,
    pub head: Option<Head>,
    /// The last event that is sealed.
    pub last_event: i64,
    /// Written since the last seal; nothing vouches for them yet.
    pub unsealed: i64,
    /// How long the oldest of them has waited.
    pub unsealed_seconds: Option<f64>,
    /// Positions after the newest event that never became events, or were cut off.
    pub missing: Option<(i64, i64)>,
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
    /// Seals that do not hold.
    pub broken_seals: SealRuns,
    /// Seals after the first of them that hold: what they cover is as it was when it was sealed.
    pub hold_after: SealRuns,
}

impl Report {
    /// The oldest event that is not sealed has waited for more than a minute.
    pub fn is_late(&self) -> bool {
        self.unsealed_seconds.is_some_and(|seconds| seconds > MAX_UNSEALED_SECONDS)
    }
}

/// What the verifier was given beside the database.
#[derive(Default)]
pub struct Evidence<'a> {
    /// Without it a seal of the new kind shows only that it fits its events.
    pub key: Option<&'a SealKey>,
    /// A head that was kept outside the database.
    pub kept: Option<&'a Head>,
}

/// Makes every seal again, in order. One that does not fit is named, and those after it are checked all the same, because
/// a bad seal must not hide what was changed later. `progress` is called with the events
/// that have been read, from time to time.
pub async fn verify(
    store: &Store,
    evidence: &Evidence<'_>,
    mut progress: impl FnMut(i64),
) -> Result<Report, StoreError> {
    let conn = store.conn().await?;
    let mut walk = TrailWalk { report: Report::empty(), previous: None, first: None };
    loop {
        let after = walk.newest();
        let seals = checkpoints::list_after(&conn, after, PAGE_SIZE).await?;
        for seal in seals {
            match walk.judge(&conn, &seal, evidence).await? {
                Some(broken) => walk.pass_over(seal, broken),
                None => walk.count(seal),
            }
            progress(walk.report.events);
        }
        let positions = checkpoints::positions(&conn).await?;
        let newest = checkpoints::newest(&conn).await?.map_or(0, |seal| seal.number);
        // As long as others seal meanwhile, there is more to check.
        if newest <= walk.newest() {
            return walk.end(&conn, &positions, evidence.kept).await;
        }
    }
}

impl Report {
    fn empty() -> Self {
        Self {
            seals: 0,
            events: 0,
            old_seals: 0,
            void: 0,
            epochs: Vec::new(),
            head: None,
            last_event: 0,
            unsealed: 0,
            unsealed_seconds: None,
            missing: None,
            broken: None,
            broken_seals: SealRuns::default(),
            hold_after: SealRuns::default(),
        }
    }
}

/// The seals in order, and what has been found so far.
struct TrailWalk {
    report: Report,
    previous: Option<Checkpoint>,
    /// After which position the first seal of the new kind begins, and where the old ones end.
    first: Option<(i64, String)>,
}

impl TrailWalk {
    fn newest(&self) -> i64 {
        self.previous.as_ref().map_or(0, |seal| seal.number)
    }

    fn pass_over(&mut self, seal: Checkpoint, broken: Broken) {
        self.report.broken_seals.push(seal.number);
        self.report.broken.get_or_insert(broken);
        if let Covers::Positions { after_seq, .. } = &seal.covers {
            self.first.get_or_insert_with(|| (*after_seq, old_end(self.previous.as_ref())));
        }
        self.previous = Some(seal);
    }

    fn count(&mut self, seal: Checkpoint) {
        let report = &mut self.report;
        report.seals += 1;
        if !report.broken_seals.is_empty() {
            report.hold_after.push(seal.number);
        }
        report.events += seal.events;
        report.head = Some(Head::of(&seal));
        match &seal.covers {
            Covers::Transactions { .. } => {
                report.old_seals += 1;
                report.last_event = report.last_event.max(seal.last_seq);
            }
            Covers::Positions { epoch, after_seq, up_to, .. } => {
                report.last_event = report.last_event.max(seal.last_seq);
                report.void += up_to - after_seq - seal.events;
                if *epoch > 1 && self.previous.as_ref().and_then(epoch_of).unwrap_or(1) < *epoch {
                    report.epochs.push(EpochStart {
                        epoch: *epoch,
                        seal: seal.number,
                        after: *after_seq,
                        at: seal.sealed_at,
                    });
                }
                self.first.get_or_insert_with(|| (*after_seq, old_end(self.previous.as_ref())));
            }
        }
        self.previous = Some(seal);
    }

    async fn judge(
        &self,
        conn: &Conn,
        seal: &Checkpoint,
        evidence: &Evidence<'_>,
    ) -> Result<Option<Broken>, StoreError> {
        let previous = self.previous.as_ref();
        if !holds(conn, seal, previous).await? {
            let after = previous.map_or(0, |seal| seal.last_seq);
            return Ok(Some(Broken::Seal { number: seal.number, after, last: seal.last_seq }));
        }
        let forged =
            |key: &SealKey| epoch_of(seal).is_some() && !sealing::made_with(key, seal, previous);
        if evidence.key.is_some_and(forged) {
            return Ok(Some(Broken::Forged(seal.number)));
        }
        let other = |kept: &Head| kept.number == seal.number && kept.hash != seal.hash;
        Ok(evidence.kept.is_some_and(other).then_some(Broken::Rewritten(seal.number)))
    }

    async fn end(
        mut self,
        conn: &Conn,
        positions: &Positions,
        kept: Option<&Head>,
    ) -> Result<Report, StoreError> {
        let newest = self.newest();
        let cut_off = kept
            .filter(|kept| kept.number > newest)
            .map(|kept| Broken::CutOff { kept: kept.number, newest });
        self.report.broken = self.report.broken.take().or(cut_off);
        let (begins, old_end) = match self.first.take() {
            Some(first) => first,
            None => (checkpoints::begins_after(conn).await?, old_end(self.previous.as_ref())),
        };
        let uncovered = checkpoints::find_uncovered(conn, begins, &old_end).await?;
        let seen = positions.newest_event.max(positions.sealed_up_to);
        let set_back =
            (positions.drawn < seen).then_some(Broken::SetBack { drawn: positions.drawn, seen });
        let report = &mut self.report;
        report.broken = report.broken.take().or(uncovered.map(Broken::Uncovered)).or(set_back);
        report.missing = (positions.horizon > seen).then_some((seen + 1, positions.horizon));
        report.unsealed = checkpoints::count_unsealed(conn, MAX_COUNTED).await?;
        report.unsealed_seconds = checkpoints::unsealed_seconds(conn).await?;
        Ok(self.report)
    }
}

fn epoch_of(seal: &Checkpoint) -> Option<i64> {
    match seal.covers {
        Covers::Transactions { .. } => None,
        Covers::Positions { epoch, .. } => Some(epoch),
    }
}

fn old_end(last: Option<&Checkpoint>) -> String {
    match last.map(|seal| &seal.covers) {
        Some(Covers::Transactions { to, .. }) => to.clone(),
        Some(Covers::Positions { .. }) | None => "0".to_owned(),
    }
}

/// Whether the events that `seal` covers are what they were when it was made upon `previous`. Of the new kind this
/// is the shape only: the digest is in the row, and the key says whether the row is genuine.
async fn holds(
    conn: &Conn,
    seal: &Checkpoint,
    previous: Option<&Checkpoint>,
) -> Result<bool, StoreError> {
    if seal.number != previous.map_or(0, |seal| seal.number) + 1 {
        return Ok(false);
    }
    match &seal.covers {
        Covers::Transactions { from, to } => {
            let (begins, hash) = match previous.map(|seal| (&seal.covers, &seal.hash)) {
                None => ("0", GENESIS.as_slice()),
                Some((Covers::Transactions { to, .. }, hash)) => (to.as_str(), hash.as_slice()),
                Some((Covers::Positions { .. }, _)) => return Ok(false),
            };
            if from != begins {
                return Ok(false);
            }
            let read = checkpoints::read_transactions(conn, (from, to), hash).await?;
            let fits = read.events == seal.events && read.last_seq == seal.last_seq;
            Ok(fits && read.digest.as_slice() == seal.hash.as_slice())
        }
        Covers::Positions { epoch, after_seq, up_to, digest } => {
            let follows = match previous.map(|seal| &seal.covers) {
                None | Some(Covers::Transactions { .. }) => *epoch >= 1,
                Some(Covers::Positions { epoch: earlier, up_to, .. }) => {
                    after_seq == up_to && (earlier..=&(earlier + 1)).contains(&epoch)
                }
            };
            if !follows || up_to < after_seq {
                return Ok(false);
            }
            let read = checkpoints::read_positions(conn, (*after_seq, *up_to)).await?;
            let last = if read.events == 0 { *after_seq } else { read.last_seq };
            let fits = read.events == seal.events && last == seal.last_seq;
            Ok(fits && read.digest.as_slice() == digest.as_slice())
        }
    }
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
        checkpoints::newest(&conn),
        checkpoints::count_unsealed(&conn, 1_000),
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
