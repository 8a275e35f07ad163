//! Throttles wrong client secrets by network, and reports them in the audit trail.
//!
//! A correct secret costs no query, unless a wrong one was used for that application lately.
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::{
    CLIENT_AND_NETWORK, CLIENT_BRAKE, CLIENT_STREAK_KEPT, CLIENT_SUSPICION, CLIENT_WINDOW,
    RetryAfter,
};
use crate::crypto::hash;
use crate::domain::ClientId;
use crate::domain::caller::{Caller, CallerAddress};
use crate::domain::network::SITE_FACTOR;
use crate::flows::Context;
use crate::store::sessions::login_failures::{self, FailureLimit, KeptKey};
use crate::store::{Conn, StoreError, Transactional as _};
use std::time::Duration;

/// Applications with a recent wrong secret or assertion, shared by all workers; other nodes' findings arrive within
/// a second.
#[derive(Clone)]
pub struct SuspectedClients(moka::future::Cache<String, ()>);

impl Default for SuspectedClients {
    fn default() -> Self {
        let lately = Duration::from_secs(CLIENT_STREAK_KEPT.num_seconds().unsigned_abs());
        let cache = moka::future::Cache::builder().time_to_live(lately);
        Self(cache.max_capacity(100_000).build())
    }
}

/// How a failure is recorded in the audit trail.
#[derive(Clone, Copy)]
enum FailureReport<'a> {
    /// Once a minute, with the address they came from.
    Counted(Option<&'a CallerAddress>),
    /// Each by an event of its own.
    OneByOne,
}

/// The keys by which wrong secrets are counted.
pub(in crate::flows) struct ClientAttempts<'a> {
    client: &'a ClientId,
    told: FailureReport<'a>,
    /// By network; the first one says whether this network has failed before.
    limits: Vec<FailureLimit>,
    /// Over all networks.
    streak: Option<Vec<u8>>,
    suspicion: String,
}

fn limit(key: &str, factor: u16) -> FailureLimit {
    FailureLimit {
        key: hash::hash_secret(key),
        most: CLIENT_AND_NETWORK * factor,
        window: CLIENT_WINDOW,
    }
}

impl<'a> ClientAttempts<'a> {
    /// For secrets, and for assertions used instead, of a caller that claims to be `client`.
    pub(in crate::flows) fn at_secrets(client: &'a ClientId, caller: &'a Caller) -> Self {
        let by_network =
            |network: &str, factor| limit(&format!("client\0{client}\0{network}"), factor);
        let limits = match caller.throttle_key() {
            Some(key) => {
                let site = key.site.map(|site| by_network(&site, SITE_FACTOR));
                std::iter::once(by_network(&key.network, 1)).chain(site).collect()
            }
            None => Vec::new(),
        };
        Self {
            client,
            told: FailureReport::Counted(caller.ip.as_ref()),
            limits,
            streak: Some(hash::hash_secret(&format!("client in a row\0\0{client}"))),
            suspicion: client.to_string(),
        }
    }

    /// For assertions of an authenticated `client`.
    pub(in crate::flows) fn at_assertions(client: &'a ClientId) -> Self {
        let limits = vec![limit(&format!("client assertions\0{client}"), 1)];
        Self {
            client,
            told: FailureReport::OneByOne,
            limits,
            streak: None,
            suspicion: format!("assertions {client}"),
        }
    }

    /// The delay before the next attempt. Queries the database only for an application with recent failures.
    pub(in crate::flows) async fn retry_after(
        &self,
        ctx: &Context,
    ) -> Result<Option<RetryAfter>, StoreError> {
        if !ctx.shared.rate_limits || !ctx.shared.suspected_clients.0.contains_key(&self.suspicion)
        {
            return Ok(None);
        }
        self.waits(&*ctx.store.conn().await?).await
    }

    async fn waits(&self, conn: &Conn) -> Result<Option<RetryAfter>, StoreError> {
        let count = login_failures::count(conn, &self.limits, self.streak.as_deref()).await?;
        let mut until = count.full_until;
        if let (Some(last), true) = (count.last, self.guesses(conn).await?) {
            until = until.max(Some(CLIENT_BRAKE.releases(count.in_a_row, last)));
        }
        Ok(until.and_then(|until| RetryAfter::until(until, count.now)))
    }

    /// Whether this network has sent wrong secrets, or is unknown; other networks are not delayed.
    async fn guesses(&self, conn: &Conn) -> Result<bool, StoreError> {
        let Some(network) = self.limits.first() else { return Ok(true) };
        let one = FailureLimit { most: 1, window: CLIENT_SUSPICION, ..network.clone() };
        Ok(login_failures::count(conn, &[one], None).await?.full_until.is_some())
    }

    /// Counts a wrong attempt, or refuses it because it came too early, which a node without knowledge of failures
    /// elsewhere learns only here.
    pub(in crate::flows) async fn failed(
        &self,
        ctx: &Context,
    ) -> Result<Option<RetryAfter>, StoreError> {
        ctx.shared.suspected_clients.0.insert(self.suspicion.clone(), ()).await;
        let mut conn = ctx.store.conn().await?;
        let limits = self.limits.iter().map(|limit| (limit.key.as_slice(), CLIENT_STREAK_KEPT));
        let streak = self.streak.iter().map(|key| (key.as_slice(), CLIENT_STREAK_KEPT));
        let keys: Vec<KeptKey<'_>> = limits.chain(streak).collect();
        conn.transaction::<_, StoreError, _>(async |tx| {
            if let Some((key, _)) = keys.first() {
                login_failures::lock(tx, key).await?;
            }
            let wait = if ctx.shared.rate_limits { self.waits(tx).await? } else { None };
            if wait.is_some() {
                return Ok(wait);
            }
            match self.told {
                FailureReport::Counted(ip) => {
                    let ip = ip.map(|ip| &**ip);
                    login_failures::insert_of_client(tx, (self.client, ip), &keys).await?;
                }
                FailureReport::OneByOne => login_failures::insert(tx, &keys).await?,
            }
            Ok(None)
        })
        .await
    }
}

/// Loads the applications with failures on other nodes.
pub async fn follow(ctx: &Context) -> Result<(), StoreError> {
    let conn = ctx.store.conn().await?;
    for client in login_failures::list_suspected_clients(&conn).await? {
        ctx.shared.suspected_clients.0.insert(client, ()).await;
    }
    Ok(())
}

/// Writes one event a minute for each application and address with wrong secrets; returns the number of events.
pub async fn report(ctx: &Context) -> Result<usize, StoreError> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, StoreError, _>(async |tx| {
        let taken = login_failures::take_unreported(tx).await?;
        for wrong in &taken {
            let event = Event {
                client: Some(wrong.client.clone()),
                organization: wrong.organization.clone(),
                ..Event::new(EventKind::LoginFailed, &wrong.caller())
            };
            let plural = if wrong.count == 1 { "" } else { "s" };
            let event = event
                .because(format!("{} wrong secret{plural} or assertion{plural}", wrong.count))
                .with("failures", wrong.count);
            crate::store::trail::append::append(tx, &event).await?;
        }
        Ok(taken.len())
    })
    .await
}
