//! What the heart looks at, always as it stands in the database.
//!
//! Read in one round trip, or remembered: facts that led to a yes are used again as long as the database says that
//! the directory is still at the version that they were read at. It says so in the statement by which a request
//! finds its token or its link, so nothing is asked twice and there is no stale yes, not for a moment.
use super::Context;
use crate::domain::client::Client;
use crate::domain::protocol::Channel;
use crate::domain::user::User;
use crate::domain::{ClientId, SessionId, Timestamp, UserId};
use crate::impersonation::{ActorProof, ImpersonationRequest, Terms};
use crate::store::impersonations::{Facts, Record, facts};
use crate::store::sessions::Found;
use crate::store::{self, Conn, Moment, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Who, as whom, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    pub actor: UserId,
    pub subject: UserId,
    pub client: ClientId,
}

impl Who {
    pub fn of(record: &Record) -> Self {
        Self {
            actor: record.actor.clone(),
            subject: record.subject.clone(),
            client: record.client.clone(),
        }
    }
}

/// What was read for the last few that a yes was said to.
#[derive(Clone)]
pub struct Remembered(moka::future::Cache<Who, Arc<Facts>>);

impl Default for Remembered {
    fn default() -> Self {
        let memory = moka::future::Cache::builder().time_to_live(Duration::from_mins(1));
        Self(memory.max_capacity(2_000).build())
    }
}

/// The facts at a moment.
#[derive(Clone)]
pub struct Known {
    facts: Arc<Facts>,
    pub now: Timestamp,
}

impl Known {
    pub fn actor(&self) -> Option<&User> {
        self.facts.actor.as_ref()
    }

    pub fn subject(&self) -> Option<&User> {
        self.facts.subject.as_ref()
    }

    pub fn client(&self) -> Option<&Client> {
        self.facts.client.as_ref()
    }

    pub fn feature_enabled(&self) -> bool {
        self.facts.feature_enabled
    }
}

/// As they stand now, read anew.
pub async fn load(conn: &Conn, who: &Who) -> Result<Known, StoreError> {
    let facts = facts(conn, &who.actor, &who.subject, &who.client).await?;
    Ok(Known { now: facts.at.now, facts: Arc::new(facts) })
}

/// As they stood at `at`, which is when this request was first read.
pub async fn at(
    ctx: &Context,
    conn: &Conn,
    who: &Who,
    at: Option<Moment>,
) -> Result<Known, StoreError> {
    if let Some(Moment { now, directory: directory @ Some(_) }) = at
        && let Some(facts) = ctx.shared.facts.0.get(who).await
        && facts.at.directory == directory
    {
        return Ok(Known { facts, now });
    }
    load(conn, who).await
}

/// For the next time. Only what led to a yes: a no is looked up each time, so that it takes as long whether there
/// is such a user or not.
pub async fn remember(ctx: &Context, who: Who, known: &Known) {
    let memory = &ctx.shared.facts.0;
    let old = memory.get(&who).await;
    let is_new = old.is_none_or(|old| old.at.directory != known.facts.at.directory);
    if is_new && known.facts.at.directory.is_some() {
        memory.insert(who, Arc::clone(&known.facts)).await;
    }
}

/// The question whether a running impersonation may go on, with today's facts. Whoever asked for the link has to
/// stand too: once the global client is switched off, impersonation is off for whatever it asked for.
///
/// `None`: it is not running, or somebody it needs is not there any more.
pub async fn of_running(
    conn: &Conn,
    (record, requester_stands): (&Record, bool),
    known: &Known,
) -> Result<Option<ImpersonationRequest>, StoreError> {
    let actor_proof = proof_of_actor(conn, record).await?;
    let (Some(starts_at), Some(ends_at), Some(last_seen_at), None) =
        (record.redeemed_at, record.ends_at, record.last_seen_at, record.ended_at)
    else {
        return Ok(None);
    };
    let (Some(actor), Some(subject), Some(client)) =
        (known.actor(), known.subject(), known.client())
    else {
        return Ok(None);
    };
    Ok(Some(ImpersonationRequest {
        channel: record.channel,
        protocol: record.protocol,
        actor: actor.clone(),
        actor_proof,
        actor_is_impersonated: false,
        subject: subject.clone(),
        client: client.clone(),
        return_url: record.link.as_ref().map(|link| link.request.return_url.clone()),
        mode: record.mode,
        feature_enabled: known.feature_enabled() && requester_stands,
        terms: Terms { id: record.id.clone(), starts_at, ends_at, last_seen_at },
        now: known.now,
    }))
}

async fn proof_of_actor(conn: &Conn, record: &Record) -> Result<ActorProof, StoreError> {
    match (&record.actor_session, &record.bearer_hash) {
        (Some(session), _) => proof_by_session(conn, session).await,
        (None, Some(bearer)) => proof_by_token(conn, bearer).await,
        (None, None) if record.channel == Channel::JwtGrant => Ok(ActorProof::Client),
        (None, None) => Ok(ActorProof::Asserted),
    }
}

async fn proof_by_session(conn: &Conn, session: &SessionId) -> Result<ActorProof, StoreError> {
    // Not `resume`: an actor who works in the application leaves their own session idle.
    let live = match store::sessions::find_by_id(conn, session).await? {
        Some((Found::Own(session), now)) => session.ended_at.is_none() && now < session.expires_at,
        Some((Found::Impersonated { .. }, _)) | None => false,
    };
    Ok(if live { ActorProof::Session } else { ActorProof::SessionEnded })
}

async fn proof_by_token(conn: &Conn, bearer: &[u8]) -> Result<ActorProof, StoreError> {
    let live = match store::access_tokens::find(conn, bearer).await? {
        Some((token, at)) => !token.ended && !token.inactive && at.now < token.expires_at,
        None => false,
    };
    Ok(if live { ActorProof::Token } else { ActorProof::TokenEnded })
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
