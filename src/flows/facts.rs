//! What the heart looks at, loaded in one round trip and always from the database.
use super::Context;
use crate::domain::SessionId;
use crate::domain::client::Client;
use crate::domain::protocol::Channel;
use crate::impersonation::{ActorProof, ImpersonationRequest, Terms};
use crate::store::impersonations::Record;
use crate::store::sessions::Found;
use crate::store::{self, Conn, StoreError};
use futures_util::try_join;

pub use crate::store::impersonations::{Facts, facts as load};

/// The facts about everybody in `record`. Whoever asked for the link has to stand too: once the global
/// client is switched off, impersonation is off for whatever it asked for.
async fn of_record(conn: &Conn, record: &Record) -> Result<Facts, StoreError> {
    let (facts, requester_stands) = try_join!(
        load(conn, &record.actor, &record.subject, &record.client),
        store::impersonations::requester_stands(conn, &record.id),
    )?;
    Ok(Facts { feature_enabled: facts.feature_enabled && requester_stands, ..facts })
}

/// The question whether a running impersonation may go on, with today's facts.
///
/// `None`: it is not running, or somebody it needs is not there any more.
pub async fn of_running(
    conn: &Conn,
    record: &Record,
) -> Result<Option<ImpersonationRequest>, StoreError> {
    let (facts, actor_proof) = try_join!(of_record(conn, record), proof_of_actor(conn, record))?;
    let (Some(starts_at), Some(ends_at), Some(last_seen_at), None) =
        (record.redeemed_at, record.ends_at, record.last_seen_at, record.ended_at)
    else {
        return Ok(None);
    };
    let (Some(actor), Some(subject), Some(client)) = (facts.actor, facts.subject, facts.client)
    else {
        return Ok(None);
    };
    Ok(Some(ImpersonationRequest {
        channel: record.channel,
        protocol: record.protocol,
        actor,
        actor_proof,
        actor_is_impersonated: false,
        subject,
        client,
        return_url: record.link.as_ref().map(|link| link.request.return_url.clone()),
        mode: record.mode,
        feature_enabled: facts.feature_enabled,
        terms: Terms { id: record.id.clone(), starts_at, ends_at, last_seen_at },
        now: facts.now,
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
        Some((token, now)) => !token.ended && !token.inactive && now < token.expires_at,
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
