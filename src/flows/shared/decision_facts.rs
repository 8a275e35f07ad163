//! What the heart looks at, always as it stands in the database.
//!
//! Read in one round trip, or remembered: facts that led to a yes are used again as long as the database says that
//! the organizations that they are about are still at the versions that they were read at. It says so in the statement by which a request
//! finds its token or its link, so nothing is asked twice and there is no stale yes, not for a moment.
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

/// Who, as whom, where, and at whose request: a yes to one requester is no yes to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    pub actor: UserId,
    pub subject: UserId,
    pub client: ClientId,
    pub requested_by: RequestedBy,
}

impl Who {
    pub fn of(record: &ImpersonationRecord) -> Self {
        Self {
            actor: record.actor.clone(),
            subject: record.subject.clone(),
            client: record.client.clone(),
            requested_by: record.requested_by.clone(),
        }
    }

    /// The application that asks, where it is not the one in which somebody acts.
    fn requesting(&self) -> Option<&ClientId> {
        self.requested_by.application().filter(|application| **application != self.client)
    }
}

/// What was read for the last few that a yes was said to.
#[derive(Clone)]
pub struct InputsCache(moka::future::Cache<Who, Arc<DecisionFacts>>);

impl Default for InputsCache {
    fn default() -> Self {
        let memory = moka::future::Cache::builder().time_to_live(Duration::from_mins(1));
        Self(memory.max_capacity(2_000).build())
    }
}

/// The facts at a moment.
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

    /// Until when what was made for these is dead.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.facts.not_before
    }

    pub fn feature_enabled(&self) -> bool {
        self.facts.feature_enabled
    }

    /// Whoever asks, as they stand; `scopes` are those of the token by which they ask.
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

    /// Whose auditors see a refusal ([`Requester::organization_of_refusal`]).
    pub(in crate::flows) fn organization_of_refusal(&self, by: &RequestedBy) -> Option<String> {
        let requester = self.requester(by, None);
        let actor = self.actor().and_then(User::organization_id);
        let subject = self.subject().and_then(User::organization_id);
        requester.organization_of_refusal(actor, subject).map(ToString::to_string)
    }
}

/// As they stand now, read anew.
pub async fn load(conn: &Conn, who: &Who) -> Result<DecisionInputs, StoreError> {
    let facts = facts(conn, &who.actor, &who.subject, &who.client, who.requesting()).await?;
    Ok(DecisionInputs { now: facts.at.now, facts: Arc::new(facts) })
}

/// As they stood at `at`, which is when this request was first read.
pub async fn at(
    ctx: &Context,
    conn: &Conn,
    who: &Who,
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

/// For the next time. Only what led to a yes: a no is looked up each time, so that it takes as long whether there
/// is such a user or not.
pub async fn remember(ctx: &Context, who: Who, known: &DecisionInputs) {
    let memory = &ctx.shared.facts.0;
    let old = memory.get(&who).await;
    let is_new = old.is_none_or(|old| !Arc::ptr_eq(&old, &known.facts));
    if is_new && known.facts.at.directory.is_some() {
        memory.insert(who, Arc::clone(&known.facts)).await;
    }
}
