//! Applications, remembered for a second, so that a busy one is not read for every request.
//!
//! One second is how long a change may take to be seen everywhere; what decides about an
//! impersonation reads the database itself ([`super::facts`]).
use super::read_assertion::AssertionKeys;
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Clone)]
pub struct ClientCache {
    known: moka::future::Cache<ClientId, Arc<Client>>,
    /// Failed authentications in the last minute, by application and address.
    failures: moka::future::Cache<(ClientId, String), Arc<AtomicU32>>,
    /// The keys with which they sign assertions.
    pub(super) assertion_keys: AssertionKeys,
}

/// Guesses a minute at the secret of one application from one address, on one worker.
const MOST_FAILURES: u32 = 100;

impl Default for ClientCache {
    fn default() -> Self {
        let known = moka::future::Cache::builder().time_to_live(Duration::from_secs(1));
        let failures = moka::future::Cache::builder().time_to_live(Duration::from_mins(1));
        Self {
            known: known.max_capacity(10_000).build(),
            failures: failures.max_capacity(10_000).build(),
            assertion_keys: AssertionKeys::default(),
        }
    }
}

impl ClientCache {
    /// From memory, if it is fresh.
    pub async fn remembered(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.known.get(id).await
    }

    /// From memory, else from the database. An unknown one is not remembered.
    pub async fn find(
        &self,
        conn: &Conn,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.known.get(id).await {
            return Ok(Some(client));
        }
        let Some(client) = store::clients::find(conn, id).await? else { return Ok(None) };
        let client = Arc::new(client);
        self.known.insert(id.clone(), Arc::clone(&client)).await;
        Ok(Some(client))
    }

    /// Whoever wrote it here sees it at once; everywhere else it takes its second.
    pub async fn forget(&self, id: &ClientId) {
        self.known.invalidate(id).await;
    }

    /// Somebody guesses, and has to wait.
    pub(super) async fn must_wait(&self, id: &ClientId, address: &str) -> bool {
        let failures = self.failures.get(&(id.clone(), address.to_owned())).await;
        failures.is_some_and(|failures| failures.load(Ordering::Relaxed) >= MOST_FAILURES)
    }

    pub(super) async fn note_failure(&self, id: &ClientId, address: &str) {
        let key = (id.clone(), address.to_owned());
        let failures = self.failures.get_with(key, async { Arc::default() }).await;
        failures.fetch_add(1, Ordering::Relaxed);
    }
}
