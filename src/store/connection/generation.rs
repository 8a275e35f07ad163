//! Pool generation: decides which connections of a pool may still be used.
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// Connections opened up to this instant are discarded when they are checked out.
#[derive(Default)]
pub(in crate::store) struct PoolGeneration(RwLock<Option<Instant>>);

impl PoolGeneration {
    pub(in crate::store) const fn new() -> Self {
        Self(RwLock::new(None))
    }

    /// Retires all open connections.
    pub(in crate::store) fn retire_all(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(in crate::store) fn covers(&self, created: Instant) -> bool {
        let moment = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        moment.is_some_and(|moment| created <= moment)
    }
}
