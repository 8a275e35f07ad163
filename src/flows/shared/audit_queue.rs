//! Appends the audit events of calls before the calls are answered, many in one commit.
//!
//! A commit for each call would cost more than the call. So calls of a worker that wait at the same moment share
//! one: while a commit runs, new events wait for the next one; there is no timer. A call is answered only after the
//! commit of its event, and fails if the commit fails. So a killed server has answered no call whose event is
//! missing, and a stopping one answers the waiting calls first.
//!
//! The writer has its own connection, so that it never waits for one that a waiting caller holds. It belongs to no
//! request, so a cancelled call loses no event.
use crate::audit::Event;
use crate::store::{self, Conn, Store, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most that go in one statement.
const BATCH_SIZE: usize = 512;
/// A write that fails after a longer time is not tried again: callers are answered within a few seconds.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// One for each worker thread.
#[derive(Clone)]
pub struct Trail(Arc<Queue>);

struct Queue {
    store: Store,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<QueuedEvent>,
    /// A writer is running and will take the queue.
    writing: bool,
}

struct QueuedEvent {
    event: Event,
    caller: oneshot::Sender<Result<(), StoreError>>,
}

impl Trail {
    /// `store` is the writer's own.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Queue { store, state: Mutex::default() }))
    }

    /// Returns when the event is in the trail.
    ///
    /// # Errors
    ///
    /// Nothing vouches for the event being in the trail: the call must not be answered.
    pub async fn append(&self, event: Event) -> Result<(), StoreError> {
        let (caller, written) = oneshot::channel();
        if self.enqueue(QueuedEvent { event, caller }) {
            start(Writer { queue: Arc::clone(&self.0), ended: false });
        }
        written.await.unwrap_or_else(|_| Err(lost()))
    }

    /// True when the caller has to start a writer.
    fn enqueue(&self, waiting: QueuedEvent) -> bool {
        let mut state = self.0.state();
        state.waiting.push_back(waiting);
        !std::mem::replace(&mut state.writing, true)
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("the audit trail took no event".into())
}

#[expect(clippy::disallowed_methods, reason = "the queue owns the writer, and no request does")]
fn start(writer: Writer) {
    drop(tokio::spawn(writer.run()));
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits, at most [`BATCH_SIZE`]; when nothing does, the writer is at its end.
    fn next_batch(&self) -> Vec<QueuedEvent> {
        let mut state = self.state();
        let size = state.waiting.len().min(BATCH_SIZE);
        state.writing = size > 0;
        state.waiting.drain(..size).collect()
    }
}

/// Runs until the queue is empty.
struct Writer {
    queue: Arc<Queue>,
    /// It has found nothing more; another one may be at work already.
    ended: bool,
}

impl Drop for Writer {
    /// Also runs when its thread ends or panics: waiting callers get an error, and the next caller starts another
    /// writer.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.queue.state();
        state.writing = false;
        state.waiting.clear();
    }
}

impl Writer {
    async fn run(mut self) {
        loop {
            let batch = self.queue.next_batch();
            if batch.is_empty() {
                self.ended = true;
                return;
            }
            if write(&self.queue.store, batch).await == WriteOutcome::Stuck {
                // They have waited as long, and would wait as long again.
                let waiting: Vec<QueuedEvent> = self.queue.state().waiting.drain(..).collect();
                refuse(waiting, lost());
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteOutcome {
    Answered,
    /// The database cannot be reached, or does not answer.
    Stuck,
}

/// Writes the events of `batch` and tells each caller.
async fn write(store: &Store, batch: Vec<QueuedEvent>) -> WriteOutcome {
    let begun = Instant::now();
    let conn = match store.conn().await {
        Ok(conn) => conn,
        Err(error) => return stuck(batch, error),
    };
    let events: Vec<&Event> = batch.iter().map(|waiting| &waiting.event).collect();
    let written = match events.as_slice() {
        [event] => store::trail::append::append(&conn, event).await,
        events => store::trail::append::append_all(&conn, events).await,
    };
    match written {
        Ok(()) => batch.into_iter().for_each(|waiting| tell(waiting, Ok(()))),
        Err(error) if begun.elapsed() > WRITE_TIMEOUT => return stuck(batch, error),
        // An event that the database does not take must not keep out those of others.
        Err(_) if batch.len() > 1 => return write_each(&conn, batch).await,
        Err(error) => refuse(batch, error),
    }
    WriteOutcome::Answered
}

async fn write_each(conn: &Conn, batch: Vec<QueuedEvent>) -> WriteOutcome {
    let begun = Instant::now();
    let mut batch = VecDeque::from(batch);
    while let Some(waiting) = batch.pop_front() {
        let written = store::trail::append::append(conn, &waiting.event).await;
        tell(waiting, written);
        if begun.elapsed() > WRITE_TIMEOUT {
            return stuck(batch.into(), lost());
        }
    }
    WriteOutcome::Answered
}

fn stuck(batch: Vec<QueuedEvent>, error: StoreError) -> WriteOutcome {
    refuse(batch, error);
    WriteOutcome::Stuck
}

/// Rejects a batch; the first caller gets the error.
fn refuse(batch: Vec<QueuedEvent>, error: StoreError) {
    let others = std::iter::repeat_with(lost);
    for (waiting, error) in batch.into_iter().zip(std::iter::once(error).chain(others)) {
        tell(waiting, Err(error));
    }
}

fn tell(waiting: QueuedEvent, written: Result<(), StoreError>) {
    // A cancelled caller has dropped its receiver.
    let _ = waiting.caller.send(written);
}
