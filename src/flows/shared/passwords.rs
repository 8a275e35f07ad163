//! Password hashing on a bounded pool: at most one hash a core, and a short queue before it.
//!
//! A flood of sign-ins is refused before memory is taken, and the rest of the server keeps its time. People who
//! come from a browser that they have signed in with before wait in a line of their own, so that a flood of
//! strangers does not keep them out (J21).
use crate::crypto::password;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a sign-in may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Passwords {
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    limit: usize,
    waiting: AtomicUsize,
}

/// How busy password hashing is.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashingLoad {
    pub running: usize,
    /// Sign-ins that wait for their turn.
    pub waiting: usize,
    pub limit: usize,
}

/// Counts one who waits for as long as it lives, also when the request goes away.
struct WaitingCaller<'a>(&'a AtomicUsize);

impl<'a> WaitingCaller<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for WaitingCaller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a password waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Strangers,
    /// For whoever has shown before who they are: by this browser, or by being signed in.
    Known,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Passwords {
    /// `at_once` for strangers, and half as many more for people who are known.
    pub fn new(at_once: usize) -> Self {
        let known = at_once.div_ceil(2);
        Self {
            strangers: Arc::new(Semaphore::new(at_once)),
            known: Arc::new(Semaphore::new(known)),
            limit: at_once + known,
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn load(&self) -> HashingLoad {
        let free = self.strangers.available_permits() + self.known.available_permits();
        HashingLoad {
            running: self.limit.saturating_sub(free),
            waiting: self.waiting.load(Ordering::Relaxed),
            limit: self.limit,
        }
    }

    /// Whether `password` matches `hash`; somebody unknown costs as much as somebody known.
    pub async fn verify(
        &self,
        line: Line,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Busy> {
        self.take_a_turn(line, move || {
            if let Some(hash) = hash {
                return password::verify(&password, &hash);
            }
            password::verify_nobody(&password);
            false
        })
        .await
    }

    /// A new hash, for somebody who may have one: nobody else gets as far.
    pub async fn hash(&self, password: String) -> Result<Option<String>, Busy> {
        self.take_a_turn(Line::Known, move || password::hash(&password).ok()).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a permit, not for a transaction: dropping it half-way loses nothing"
    )]
    async fn take_a_turn<T: Send + 'static>(
        &self,
        line: Line,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turns = match line {
            Line::Strangers => &self.strangers,
            Line::Known => &self.known,
        };
        let turn = Arc::clone(turns).acquire_owned();
        let waiting = WaitingCaller::new(&self.waiting);
        let turn =
            tokio::time::timeout(PATIENCE, turn).await.map_err(|_| Busy)?.map_err(|_| Busy)?;
        drop(waiting);
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| Busy)
    }
}
