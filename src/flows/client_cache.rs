//! Applications, remembered for a second, so that a busy one is not read for every request.
//!
//! One second is how long a change may take to be seen everywhere; what decides about an
//! impersonation reads the database itself ([`super::facts`]).
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct ClientCache(moka::future::Cache<ClientId, Arc<Client>>);

impl Default for ClientCache {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self(moka::future::Cache::builder().max_capacity(10_000).time_to_live(second).build())
    }
}

impl ClientCache {
    /// From memory, if it is fresh.
    pub async fn remembered(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.0.get(id).await
    }

    /// From memory, else from the database. An unknown one is not remembered.
    pub async fn find(
        &self,
        conn: &Conn,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.0.get(id).await {
            return Ok(Some(client));
        }
        let Some(client) = store::clients::find(conn, id).await? else { return Ok(None) };
        let client = Arc::new(client);
        self.0.insert(id.clone(), Arc::clone(&client)).await;
        Ok(Some(client))
    }
}
