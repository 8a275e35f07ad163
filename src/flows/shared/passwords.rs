//! Hashes passwords on a bounded pool: at most one hash for each core, and a short queue.
//!
//! A flood of sign-ins is refused before it takes memory, and other requests keep their time. Known devices have a
//! queue of their own, so that anonymous attempts do not block them (J21).
use crate::crypto::password;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Maximum time in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Passwords {
    anonymous: Arc<Semaphore>,
    known_device: Arc<Semaphore>,
    limit: usize,
    waiting: AtomicUsize,
}

/// How busy password hashing is.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashingLoad {
    pub running: usize,
    /// Sign-ins in the queue.
    pub waiting: usize,
    pub limit: usize,
}

/// Counts a waiting request until it is dropped, also when the request is cancelled.
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

/// The queue of a password check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordQueue {
    Anonymous,
    /// For users who are known: by this browser, or because they are signed in.
    KnownDevice,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Passwords {
    /// `at_once` hashes for anonymous callers, and half as many for known devices.
    pub fn new(at_once: usize) -> Self {
        let known_device = at_once.div_ceil(2);
        Self {
            anonymous: Arc::new(Semaphore::new(at_once)),
            known_device: Arc::new(Semaphore::new(known_device)),
            limit: at_once + known_device,
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn load(&self) -> HashingLoad {
        let free = self.anonymous.available_permits() + self.known_device.available_permits();
        HashingLoad {
            running: self.limit.saturating_sub(free),
            waiting: self.waiting.load(Ordering::Relaxed),
            limit: self.limit,
        }
    }

    /// Whether `password` matches `hash`. Without a hash it takes as long, so that the timing does not show whether
    /// the user exists.
    pub async fn verify(
        &self,
        line: PasswordQueue,
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

    /// Hashes a new password, for a user who is already authenticated.
    pub async fn hash(&self, password: String) -> Result<Option<String>, Busy> {
        self.take_a_turn(PasswordQueue::KnownDevice, move || password::hash(&password).ok()).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a permit, not for a transaction: dropping it half-way loses nothing"
    )]
    async fn take_a_turn<T: Send + 'static>(
        &self,
        line: PasswordQueue,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turns = match line {
            PasswordQueue::Anonymous => &self.anonymous,
            PasswordQueue::KnownDevice => &self.known_device,
        };
        let turn = Arc::clone(turns).acquire_owned();
        let waiting = WaitingCaller::new(&self.waiting);
        let turn =
            tokio::time::timeout(QUEUE_TIMEOUT, turn).await.map_err(|_| Busy)?.map_err(|_| Busy)?;
        drop(waiting);
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| Busy)
    }
}
