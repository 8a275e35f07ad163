//! Loads the facts for the decision, always in their current state.
//!
//! They are read in one round trip, or taken from a cache: facts that led to a grant are reused as long as the
//! versions of the organizations that they belong to have not changed. The statement that finds the token or link
//! returns the current versions, so the cache costs no query and is never stale.
use crate::domain::client::Client;
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{ClientId, Timestamp, UserId};
use crate::flows::Context;
use crate::impersonation::{RequestedBy, Requester, RequestingApplication};
use crate::observability::counters;
use crate::store::impersonations::{DecisionFacts, ImpersonationRecord, facts};
use crate::store::{Conn, Moment, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Actor, subject, application and requester: a grant to one requester is not valid for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DecisionParties {
    pub actor: UserId,
    pub subject: UserId,
    pub client: ClientId,
    pub requested_by: RequestedBy,
}

impl DecisionParties {
    pub fn of(record: &ImpersonationRecord) -> Self {
        Self {
            actor: record.actor.clone(),
            subject: record.subject.clone(),
            client: record.client.clone(),
            requested_by: record.requested_by.clone(),
        }
    }

    /// The requesting application, if it is not the one in which the actor acts.
    fn requesting(&self) -> Option<&ClientId> {
        self.requested_by.application().filter(|application| **application != self.client)
    }
}

/// Facts of the most recent granted requests.
#[derive(Clone)]
pub struct InputsCache(moka::future::Cache<DecisionParties, Arc<DecisionFacts>>);

impl Default for InputsCache {
    fn default() -> Self {
        let memory = moka::future::Cache::builder().time_to_live(Duration::from_mins(1));
        Self(memory.max_capacity(2_000).build())
    }
}

/// The facts, and the time at which they are true.
#[derive(Clone)]
pub struct DecisionInputs {
    facts: Arc<DecisionFacts>,
    pub now: Timestamp,
}

impl DecisionInputs {
    pub fn actor(&self) -> Option<&User> {
        self.facts.actor.as_ref()
    }

    pub fn subject(&self) -> Option<&User> {
        self.facts.subject.as_ref()
    }

    pub fn client(&self) -> Option<&Client> {
        self.facts.client.as_ref()
    }

    /// Credentials of these parties that were issued before this time are invalid.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.facts.not_before
    }

    pub fn feature_enabled(&self) -> bool {
        self.facts.feature_enabled
    }

    /// The requester in their current state; `scopes` are those of the token that they used.
    pub(in crate::flows) fn requester(
        &self,
        by: &RequestedBy,
        scopes: Option<&Scopes>,
    ) -> Requester {
        let application = by.application().and_then(|id| match self.client() {
            Some(client) if client.id == *id => Some(RequestingApplication::from(client)),
            Some(_) | None => self.facts.requesting.clone().filter(|asks| asks.id == *id),
        });
        Requester { by: by.clone(), application, scopes: scopes.cloned().unwrap_or_default() }
    }

    /// The organization whose auditors see a refusal ([`Requester::organization_of_refusal`]).
    pub(in crate::flows) fn organization_of_refusal(&self, by: &RequestedBy) -> Option<String> {
        let requester = self.requester(by, None);
        let actor = self.actor().and_then(User::organization_id);
        let subject = self.subject().and_then(User::organization_id);
        requester.organization_of_refusal(actor, subject).map(ToString::to_string)
    }
}

/// Reads the facts from the database.
pub async fn load(conn: &Conn, who: &DecisionParties) -> Result<DecisionInputs, StoreError> {
    let facts = facts(conn, &who.actor, &who.subject, &who.client, who.requesting()).await?;
    Ok(DecisionInputs { now: facts.at.now, facts: Arc::new(facts) })
}

/// The facts at `at`, the moment of this request's first read: from the cache if they are current, else from the
/// database.
pub async fn at(
    ctx: &Context,
    conn: &Conn,
    who: &DecisionParties,
    at: Option<&Moment>,
) -> Result<DecisionInputs, StoreError> {
    if let Some(Moment { now, directory: Some(directory) }) = at
        && let Some(facts) = ctx.shared.facts.0.get(who).await
        && facts.hold_at(directory)
    {
        counters::CACHES.count_in("impersonation_facts", "hit");
        return Ok(DecisionInputs { facts, now: *now });
    }
    counters::CACHES.count_in("impersonation_facts", "miss");
    load(conn, who).await
}

/// Caches the facts of a granted request. Denied requests are not cached, so that their timing does not show
/// whether the subject exists.
pub async fn cache(ctx: &Context, who: DecisionParties, known: &DecisionInputs) {
    let memory = &ctx.shared.facts.0;
    let old = memory.get(&who).await;
    let is_new = old.is_none_or(|old| !Arc::ptr_eq(&old, &known.facts));
    if is_new && known.facts.at.directory.is_some() {
        memory.insert(who, Arc::clone(&known.facts)).await;
    }
}
