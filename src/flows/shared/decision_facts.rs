//! What the heart looks at, always as it stands in the database.
//!
//! Read in one round trip, or remembered: facts that led to a yes are used again as long as the database says that
//! the organizations that they are about are still at the versions that they were read at. It says so in the statement by which a request
//! finds its token or its link, so nothing is asked twice and there is no stale yes, not for a moment.
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{ClientId, SessionId, Timestamp, UserId};
use crate::flows::Context;
use crate::flows::impersonation::question::DecisionQuestion;
use crate::impersonation::{
    ActorProof, Given, ImpersonationRequest, Occasion, RequestedBy, Requester,
    RequestingApplication, Terms,
};
use crate::observability::counters;
use crate::store::impersonations::{DecisionFacts, ImpersonationRecord, facts};
use crate::store::sessions::browser_sessions::FoundSession;
use crate::store::{self, Conn, Moment, StoreError};
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

/// The question whether a running impersonation may go on, with today's facts. Whoever asked for it has to stand
/// too: once the global client is switched off, whatever it asked for is over.
///
/// `None`: it is not running, or somebody it needs is not there any more.
pub async fn of_running(
    conn: &Conn,
    record: &ImpersonationRecord,
    known: &DecisionInputs,
) -> Result<Option<ImpersonationRequest>, StoreError> {
    let proof = proof_of_actor(conn, record).await?;
    let (Some(starts_at), Some(ends_at), Some(last_seen_at), None) =
        (record.redeemed_at, record.ends_at, record.last_seen_at, record.ended_at)
    else {
        return Ok(None);
    };
    let link = record.link.as_ref();
    let question = DecisionQuestion {
        occasion: Occasion::Use,
        channel: record.channel,
        protocol: record.protocol,
        requested_by: &record.requested_by,
        scopes: None,
        proof,
        actor_is_impersonated: false,
        return_url: link.map(|link| link.request.return_url.as_str()),
        mode: record.mode,
        redeem: link.map(|link| link.redeem),
        given: given(record),
        step_up: None,
        terms: Terms { id: record.id.clone(), starts_at, ends_at, last_seen_at },
        created_at: Some(record.created_at),
    };
    Ok(question.about(known).ok())
}

/// The question whether a link that waits could still be opened by its actor, as if they had signed in just now: their
/// session is asked about when they open it. A `direct` link is opened without one.
///
/// `None`: somebody it needs is not there any more.
pub fn of_waiting(
    record: &ImpersonationRecord,
    known: &DecisionInputs,
) -> Option<ImpersonationRequest> {
    let link = record.link.as_ref()?;
    let now = known.now;
    let proof = match link.redeem {
        Redeem::Confirm => ActorProof::Session { authenticated_at: now },
        Redeem::Direct => ActorProof::Asserted,
    };
    let duration = chrono::Duration::seconds(link.duration);
    let question = DecisionQuestion {
        occasion: Occasion::Redemption,
        channel: record.channel,
        protocol: record.protocol,
        requested_by: &record.requested_by,
        scopes: None,
        proof,
        actor_is_impersonated: false,
        return_url: Some(&link.request.return_url),
        mode: record.mode,
        redeem: Some(link.redeem),
        given: given(record),
        created_at: Some(record.created_at),
        step_up: None,
        terms: Terms::starting(record.id.clone(), now, duration, None),
    };
    question.about(known).ok()
}

/// What the row says was given for it.
pub(in crate::flows) fn given(record: &ImpersonationRecord) -> Given {
    Given { reason: record.reason.clone(), ticket: record.ticket.clone() }
}

async fn proof_of_actor(
    conn: &Conn,
    record: &ImpersonationRecord,
) -> Result<ActorProof, StoreError> {
    match (&record.actor_session, &record.bearer_hash) {
        (Some(session), _) => proof_by_session(conn, session).await,
        (None, Some(bearer)) => proof_by_token(conn, bearer).await,
        (None, None) if record.channel == Channel::JwtGrant => Ok(ActorProof::Client),
        (None, None) => Ok(ActorProof::Asserted),
    }
}

async fn proof_by_session(conn: &Conn, session: &SessionId) -> Result<ActorProof, StoreError> {
    // Not `resume`: an actor who works in the application leaves their own session idle.
    Ok(match store::sessions::browser_sessions::find_by_id(conn, session).await? {
        Some((FoundSession::Own(session), now))
            if session.ended_at.is_none() && now < session.expires_at =>
        {
            ActorProof::Session { authenticated_at: session.authenticated_at }
        }
        Some((FoundSession::Own(_) | FoundSession::Impersonated { .. }, _)) | None => {
            ActorProof::SessionEnded
        }
    })
}

async fn proof_by_token(conn: &Conn, bearer: &[u8]) -> Result<ActorProof, StoreError> {
    Ok(match store::tokens::access_tokens::find(conn, bearer).await? {
        Some((token, at)) if !token.ended && !token.inactive && at.now < token.expires_at => {
            ActorProof::Token { authenticated_at: token.authenticated_at }
        }
        Some(_) | None => ActorProof::TokenEnded,
    })
}

impl Context {
    /// Where the application goes on after a redemption.
    pub fn onward(client: &Client) -> Option<Onward<'_>> {
        match (&client.initiate_login_uri, client.impersonation.unsolicited) {
            (_, true) => Some(Onward::Unsolicited),
            (Some(uri), false) => Some(Onward::Application(uri)),
            (None, false) => None,
        }
    }
}

/// The two ways on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward<'a> {
    /// The application starts a request of its own (OpenID Connect Core §4), with all its checks.
    Application(&'a str),
    /// The protocol answers at once, although nobody asked.
    Unsolicited,
}
