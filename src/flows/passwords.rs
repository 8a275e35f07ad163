//! Password hashing on a bounded pool: at most one hash a core, and a short queue before it.
//!
//! A flood of sign-ins is refused before memory is taken, and the rest of the server keeps its time.
use crate::crypto::password;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a sign-in may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Passwords {
    turns: Arc<Semaphore>,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Passwords {
    pub fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)) }
    }

    /// Whether `password` matches `hash`; somebody unknown costs as much as somebody known.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        self.take_a_turn(move || {
            if let Some(hash) = hash {
                return password::verify(&password, &hash);
            }
            password::verify_nobody(&password);
            false
        })
        .await
    }

    /// A new hash, for a password whose old one has outdated parameters.
    pub async fn hash(&self, password: String) -> Result<Option<String>, Busy> {
        self.take_a_turn(move || password::hash(&password).ok()).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a permit, not for a transaction: dropping it half-way loses nothing"
    )]
    async fn take_a_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn =
            tokio::time::timeout(PATIENCE, turn).await.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| Busy)
    }
}
