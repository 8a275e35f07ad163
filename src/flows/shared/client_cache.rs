//! Caches applications for a second.
//!
//! One second is how long a change may take to be seen everywhere; what decides about an
//! impersonation reads the database itself ([`super::decision_facts`]).
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::flows::tokens::read_assertion::AssertionKeys;
use crate::observability::counters;
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct ClientCache {
    known: moka::future::Cache<ClientId, Arc<Client>>,
    /// The keys with which they sign assertions.
    pub(in crate::flows) assertion_keys: AssertionKeys,
}

impl Default for ClientCache {
    fn default() -> Self {
        let known = moka::future::Cache::builder().time_to_live(Duration::from_secs(1));
        Self { known: known.max_capacity(10_000).build(), assertion_keys: AssertionKeys::default() }
    }
}

impl ClientCache {
    /// From memory, if it is fresh.
    pub async fn remembered(&self, id: &ClientId) -> Option<Arc<Client>> {
        let known = self.known.get(id).await;
        // A miss is counted by `find`, which follows it.
        if known.is_some() {
            counters::CACHES.count_in("applications", "hit");
        }
        known
    }

    /// From memory, else from the database. An unknown one is not remembered.
    pub async fn find(
        &self,
        conn: &Conn,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.known.get(id).await {
            counters::CACHES.count_in("applications", "hit");
            return Ok(Some(client));
        }
        counters::CACHES.count_in("applications", "miss");
        let Some(client) = store::applications::clients::find(conn, id).await? else {
            return Ok(None);
        };
        let client = Arc::new(client);
        self.known.insert(id.clone(), Arc::clone(&client)).await;
        Ok(Some(client))
    }

    /// Removes a changed application, so that this process sees the change at once; others within a second.
    pub async fn forget(&self, id: &ClientId) {
        self.known.invalidate(id).await;
    }
}
