//! Events of calls: written before the answer, or on a busy server a moment after it.
//!
//! A commit for each call would cost more than the call. So while the trail is known to take events, because it
//! took one within the last second, whoever calls is answered and their event goes with all others of the same
//! quarter of a second. After a pause, and whenever the trail did not take the last ones, each event is written
//! before its call is answered, and if it cannot be written there is no call. What could not be written late is
//! kept and tried again, and a server that stops writes it first. A server that is killed loses the events of its
//! last quarter of a second; one whose connection breaks at the wrong moment may write some twice.
use crate::audit::Event;
use crate::domain::Timestamp;
use crate::store::{self, Conn, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a trail that took events is trusted to take the next ones.
const TRUST: Duration = Duration::from_secs(1);
/// The most that may wait; whoever comes then writes their own.
const MOST: usize = 8_192;
/// The most that go in one statement.
const LARGEST_BATCH: usize = 1_024;

/// One for all workers of a process.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    waiting: VecDeque<Late>,
    /// When it last took events; `None` if it did not, the last time.
    took: Option<Instant>,
}

struct Late {
    event: Event,
    /// When the call was made, by the clock of the database.
    at: Timestamp,
}

impl Trail {
    /// Returns when a call may be answered whose event this is.
    ///
    /// # Errors
    ///
    /// The event is not in the trail, and will not be.
    pub async fn append(&self, conn: &Conn, event: Event, at: Timestamp) -> Result<(), StoreError> {
        let Some(event) = self.leave(Late { event, at }) else { return Ok(()) };
        let written = write(conn, &[&event]).await;
        self.line().took = written.is_ok().then(Instant::now);
        written
    }

    /// Writes what waits.
    ///
    /// # Errors
    ///
    /// What could not be written waits for the next time.
    pub async fn write_down(&self, conn: &Conn) -> Result<(), StoreError> {
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return Ok(());
            }
            let written = write(conn, &batch.iter().collect::<Vec<_>>()).await;
            let mut line = self.line();
            line.took = written.is_ok().then(Instant::now);
            if let Err(error) = written {
                batch.into_iter().rev().for_each(|late| line.waiting.push_front(late));
                return Err(error);
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.line().waiting.len()
    }

    /// Leaves it to the next [`Self::write_down`]; gives it back if that would not be safe.
    fn leave(&self, late: Late) -> Option<Late> {
        let mut line = self.line();
        let trusted = line.took.is_some_and(|took| took.elapsed() < TRUST);
        if !trusted || line.waiting.len() >= MOST {
            return Some(late);
        }
        line.waiting.push_back(late);
        None
    }

    fn next_batch(&self) -> Vec<Late> {
        let mut line = self.line();
        let size = line.waiting.len().min(LARGEST_BATCH);
        line.waiting.drain(..size).collect()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(conn: &Conn, batch: &[&Late]) -> Result<(), StoreError> {
    let events: Vec<_> = batch.iter().map(|late| (&late.event, late.at)).collect();
    store::audit::append_all(conn, &events).await
}
