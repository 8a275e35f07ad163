//! How many connections to the database a node opens, and which worker threads share them.
//!
//! All of them together are at most what the settings say, whatever the number of cores: that is what an operator
//! multiplies by the number of nodes. Each worker has a pool of its own where there are enough; otherwise neighbours
//! share one, because a request may need a second connection while it holds its first.
use super::ServerParts;
use crate::flows::Context;
use crate::store::StoreError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of the threads in [`super::watch`].
const WATCH_CONNECTIONS: usize = 4;
/// Three for requests, and one for the audit trail.
const MIN_GROUP_CONNECTIONS: usize = 4;

/// The contexts of the worker threads.
pub struct WorkerContexts {
    contexts: Vec<Context>,
    next: AtomicUsize,
}

impl WorkerContexts {
    pub(super) fn new(parts: &ServerParts, workers: usize) -> Result<Self, StoreError> {
        let (groups, connections) = split(parts.connections, workers);
        let contexts = (0..groups).map(|_| parts.context(connections));
        Ok(Self { contexts: contexts.collect::<Result<_, _>>()?, next: AtomicUsize::new(0) })
    }

    /// The context of a worker that is alone.
    pub(super) fn of_one(parts: &ServerParts) -> Result<Context, StoreError> {
        parts.context(split(parts.connections, 1).1)
    }

    /// For one more worker; `None` never comes, because there is one group at least.
    pub(super) fn next(&self) -> Option<Context> {
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        self.contexts.get(nth % self.contexts.len().max(1)).cloned()
    }
}

/// The number of groups of workers, and how many connections each has for requests, beside the one for its events.
fn split(connections: usize, workers: usize) -> (usize, usize) {
    let for_workers = connections.saturating_sub(WATCH_CONNECTIONS);
    let groups = (for_workers / MIN_GROUP_CONNECTIONS).clamp(1, workers.max(1));
    (groups, (for_workers / groups).saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DEFAULT_CONNECTIONS, MIN_CONNECTIONS};

    #[test]
    fn l22_a_node_opens_no_more_connections_than_the_setting_says() {
        for connections in MIN_CONNECTIONS..200 {
            for workers in 1..130 {
                let (groups, each) = split(connections, workers);
                let all = WATCH_CONNECTIONS + groups * (each + 1);
                assert!(all <= connections, "{connections} for {workers}: {groups} × {each}");
                assert!(groups <= workers && each >= 3, "{connections} for {workers}");
            }
        }
    }

    #[test]
    fn l22_ten_nodes_of_eight_cores_fit_a_postgres_of_two_hundred_connections() {
        const KEPT_FOR_SUPERUSERS: usize = 3;
        const { assert!(10 * DEFAULT_CONNECTIONS <= 200 - KEPT_FOR_SUPERUSERS) };
        assert_eq!(split(DEFAULT_CONNECTIONS, 8), (3, 3));
        // Where there are few cores, each has its own.
        assert_eq!(split(DEFAULT_CONNECTIONS, 2), (2, 6));
    }
}
