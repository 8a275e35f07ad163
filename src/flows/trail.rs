//! Events of calls, written before the answer, many with one commit.
//!
//! A busy server would pay a commit for each call. So whoever comes first writes at once, and whoever comes
//! while that is being written waits and goes with all others in the next statement. Nobody is answered
//! before their own event is in the database: no crash loses one, and if it cannot be written there is no
//! call. A request that is dropped in the middle may leave its event twice, never not at all.
use crate::audit::Event;
use crate::store::{self, Conn, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most that go in one statement.
const LARGEST_BATCH: usize = 256;

/// One for all workers of a process.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    /// Somebody has the turn to write.
    busy: bool,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    event: Box<Event>,
    word: oneshot::Sender<Word>,
}

/// What somebody who waits is told.
enum Word {
    Written,
    Failed,
    /// It is their turn.
    Write(Turn),
}

impl Trail {
    /// Returns when `event` is in the database.
    pub async fn append(&self, conn: &Conn, event: Event) -> Result<(), StoreError> {
        match self.enter(event).await? {
            Some(turn) => turn.write(conn).await,
            None => Ok(()),
        }
    }

    /// The turn to write, or `None` once somebody else has written `event` with theirs.
    async fn enter(&self, event: Event) -> Result<Option<Turn>, StoreError> {
        let event = Box::new(event);
        let (word, told) = oneshot::channel();
        {
            let mut line = self.line();
            if !line.busy {
                line.busy = true;
                return Ok(Some(Turn::new(self, event)));
            }
            line.waiting.push_back(Waiting { event, word });
        }
        match told.await {
            Ok(Word::Written) => Ok(None),
            Ok(Word::Write(turn)) => Ok(Some(turn)),
            Ok(Word::Failed) | Err(_) => {
                Err(StoreError::Unavailable("the audit trail could not be written".into()))
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At most so many of those who wait, who do so no longer.
    fn waiting(&self, most: usize) -> Vec<Waiting> {
        let mut line = self.line();
        let behind = line.waiting.len().min(most);
        line.waiting.drain(..behind).collect()
    }

    /// Gives the turn to whoever waits longest and has not gone away.
    fn pass_on(&self) {
        loop {
            let mut line = self.line();
            let Some(Waiting { event, word }) = line.waiting.pop_front() else {
                line.busy = false;
                return;
            };
            drop(line);
            match word.send(Word::Write(Turn::new(self, event))) {
                Err(Word::Write(turn)) => turn.forgo(),
                Ok(()) | Err(Word::Written | Word::Failed) => return,
            }
        }
    }
}

/// The right to write. However it ends, even in the hands of somebody who goes away before they look at it,
/// somebody else gets it.
struct Turn {
    trail: Trail,
    /// None: it is not theirs any more.
    own: Option<Box<Event>>,
    others: Vec<Waiting>,
}

impl Turn {
    fn new(trail: &Trail, own: Box<Event>) -> Self {
        Self { trail: trail.clone(), own: Some(own), others: Vec::new() }
    }

    async fn write(mut self, conn: &Conn) -> Result<(), StoreError> {
        self.others = self.trail.waiting(LARGEST_BATCH - 1);
        let behind = self.others.iter().map(|waiting| &*waiting.event);
        let events: Vec<&Event> = self.own.as_deref().into_iter().chain(behind).collect();
        let written = store::audit::append_all(conn, &events).await;
        for waiting in self.others.drain(..) {
            let word = if written.is_ok() { Word::Written } else { Word::Failed };
            // Whoever has gone away needs no word.
            let _ = waiting.word.send(word);
        }
        written
    }

    /// Ends it without giving it to anybody.
    fn forgo(mut self) {
        self.own = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.own.is_none() {
            return;
        }
        // Dropped while writing: the others were not told, so they go again.
        let mut line = self.trail.line();
        for waiting in self.others.drain(..).rev() {
            line.waiting.push_front(waiting);
        }
        drop(line);
        self.trail.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::EventKind;
    use crate::domain::caller::Caller;
    use futures_util::FutureExt as _;

    fn event() -> Event {
        Event::new(EventKind::ApiCall, &Caller::default())
    }

    #[tokio::test]
    async fn the_turn_of_whoever_goes_away_is_the_next_ones() {
        let trail = Trail::default();
        let first = trail.enter(event()).await.unwrap().unwrap();
        let mut second = Box::pin(trail.enter(event()));
        let mut third = Box::pin(trail.enter(event()));
        let mut fourth = Box::pin(trail.enter(event()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut fourth).now_or_never().is_none());
        // Gone while waiting; gone after it was their turn and before they looked.
        drop(second);
        drop(first);
        drop(third);
        let fourth = fourth.await.unwrap().unwrap();
        let mut fifth = Box::pin(trail.enter(event()));
        assert!((&mut fifth).now_or_never().is_none());
        drop(fourth);
        assert!(fifth.await.unwrap().is_some());
        // Nobody is there: whoever comes does not wait.
        assert!(trail.enter(event()).now_or_never().unwrap().unwrap().is_some());
    }
}
