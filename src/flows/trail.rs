//! Events of calls, written before the answer, many with one commit.
//!
//! A busy server would pay a commit for each call. So whoever comes first writes at once, and whoever comes
//! while that is being written waits and goes with all others in the next statement. Nobody is answered
//! before their own event is in the database: no crash loses one, and if it cannot be written there is no
//! call. A request that is dropped in the middle may leave its event twice, never not at all.
use crate::audit::Event;
use crate::store::{self, Conn, StoreError};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most that go in one statement.
const LARGEST_BATCH: usize = 256;

/// One for all workers of a process.
#[derive(Default)]
pub struct Trail(Mutex<Line>);

#[derive(Default)]
struct Line {
    /// Somebody is writing.
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
    /// It is their turn to write: their own event, and those that wait with them.
    Write(Box<Event>, Vec<Waiting>),
}

impl Trail {
    /// Returns when `event` is in the database.
    pub async fn append(&self, conn: &Conn, event: Event) -> Result<(), StoreError> {
        let event = Box::new(event);
        let turn = {
            let mut line = self.line();
            if line.busy {
                let (word, told) = oneshot::channel();
                line.waiting.push_back(Waiting { event, word });
                Err(told)
            } else {
                line.busy = true;
                Ok(event)
            }
        };
        match turn {
            Ok(event) => Turn::new(self, event, Vec::new()).write(conn).await,
            Err(told) => match told.await {
                Ok(Word::Written) => Ok(()),
                Ok(Word::Write(event, others)) => Turn::new(self, event, others).write(conn).await,
                Ok(Word::Failed) | Err(_) => Err(lost()),
            },
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turn to whoever waits longest, with everybody who waits behind them.
    fn pass_on(&self) {
        let mut line = self.line();
        while let Some(next) = line.waiting.pop_front() {
            let behind = line.waiting.len().min(LARGEST_BATCH - 1);
            let others = line.waiting.drain(..behind).collect();
            match next.word.send(Word::Write(next.event, others)) {
                Ok(()) => return,
                // Has gone away meanwhile; the others have not.
                Err(Word::Write(_, others)) => {
                    for waiting in others.into_iter().rev() {
                        line.waiting.push_front(waiting);
                    }
                }
                Err(Word::Written | Word::Failed) => {}
            }
        }
        line.busy = false;
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("the audit trail could not be written".into())
}

/// The right to write. However it ends, somebody else gets it.
struct Turn<'a> {
    trail: &'a Trail,
    own: Box<Event>,
    others: Vec<Waiting>,
}

impl<'a> Turn<'a> {
    fn new(trail: &'a Trail, own: Box<Event>, others: Vec<Waiting>) -> Self {
        Self { trail, own, others }
    }

    async fn write(mut self, conn: &Conn) -> Result<(), StoreError> {
        let events: Vec<&Event> = std::iter::once(&*self.own)
            .chain(self.others.iter().map(|waiting| &*waiting.event))
            .collect();
        let written = store::audit::append_all(conn, &events).await;
        for waiting in self.others.drain(..) {
            let word = if written.is_ok() { Word::Written } else { Word::Failed };
            // Whoever has gone away needs no word.
            let _ = waiting.word.send(word);
        }
        written
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Dropped while writing: the others were not told, so they go again.
        let mut line = self.trail.line();
        for waiting in self.others.drain(..).rev() {
            line.waiting.push_front(waiting);
        }
        drop(line);
        self.trail.pass_on();
    }
}
