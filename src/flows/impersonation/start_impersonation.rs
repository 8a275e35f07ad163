//! Issues an impersonation link, which signs an actor in as a subject.
mod opened_by;

use super::after_redemption::AfterRedemption;
use super::question::{DecisionQuestion, MissingParty};
use crate::audit::{Event, EventKind};
use crate::crypto::{bewit, hash, random};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, ImpersonationId, Timestamp, UserId};
use crate::flows::shared::decision_facts::{self, DecisionInputs, DecisionParties};
use crate::flows::{Context, Failure};
use crate::impersonation::grant::{DEFAULT_DURATION, MAX_DURATION, MIN_DURATION};
use crate::impersonation::{
    ActorProof, Denial, Given, Impersonation, ImpersonationRequest, Occasion, RequestedBy, Terms,
    decide, ticket,
};
use crate::login::{BadParameter, LoginRequest, Parameters};
use crate::store::impersonations::NewLink;
use crate::store::{self, Conn, Moment, StoreError};
use chrono::Duration;
pub(in crate::flows) use opened_by::OpenedBy;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A request for a link, parsed from any encoding.
#[derive(Debug, Clone)]
pub struct Start {
    pub channel: Channel,
    pub requested_by: RequestedBy,
    /// The scopes of the caller's token, if it has any.
    pub scopes: Option<Scopes>,
    /// When the caller's token was looked up, if in this request.
    pub at: Option<Moment>,
    pub actor: UserId,
    pub proof: ActorProof,
    pub subject: UserId,
    pub client: ClientId,
    pub protocol: ProtocolName,
    pub parameters: Parameters,
    pub mode: Mode,
    /// Lifetime of the link, in seconds.
    pub ttl: Option<i64>,
    /// Maximum duration of the impersonation, in seconds.
    pub duration: Option<i64>,
    pub target_link_uri: Option<String>,
    pub reason: Option<String>,
    pub reason_code: Option<String>,
    pub ticket: Option<String>,
    /// Unknown parameters of the request.
    pub ignored: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    #[error("the user is unknown")]
    NoSuchUser,
    #[error("the application is unknown")]
    NoSuchClient,
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    #[error("{0}")]
    Denied(Denial),
}

/// An issued link. Its URL is not stored and cannot be shown again.
pub struct Issued {
    pub id: ImpersonationId,
    pub url: String,
    pub actor_email: Option<String>,
    pub mode: Mode,
    pub redeem: Redeem,
    pub link_expires_at: Timestamp,
    pub ends_at_latest: Timestamp,
}

/// Checks the request, decides, writes the link with its event, and returns the URL.
///
/// # Errors
///
/// A refusal is in the audit trail before it is returned.
pub async fn start_impersonation(
    ctx: &Context,
    start: &Start,
    caller: &Caller,
) -> Result<Issued, Failure<StartRefusal>> {
    start_for(ctx, start, OpenedBy::AsRegistered, caller).await
}

/// As [`start_impersonation`], for a link that `opened_by` opens.
pub(in crate::flows) async fn start_for(
    ctx: &Context,
    start: &Start,
    opened_by: OpenedBy,
    caller: &Caller,
) -> Result<Issued, Failure<StartRefusal>> {
    let conn = ctx.store.conn().await?;
    let prepared = judge(ctx, &conn, (start, opened_by), caller).await?;
    issue(ctx, &conn, start, prepared, caller).await
}

/// Decides; a refusal is in the audit trail before it is returned.
pub(in crate::flows) async fn judge(
    ctx: &Context,
    conn: &Conn,
    (start, opened_by): (&Start, OpenedBy),
    caller: &Caller,
) -> Result<Prepared, Failure<StartRefusal>> {
    let who = who(start);
    let known = decision_facts::at(ctx, conn, &who, start.at.as_ref()).await?;
    let now = known.now;
    match prepare(ctx, (start, opened_by, ctx.shared.step_up), &known) {
        Ok(prepared) => {
            decision_facts::cache(ctx, who, &known).await;
            Ok(prepared)
        }
        Err(refusal) => {
            let event = Event {
                organization: known.organization_of_refusal(&start.requested_by),
                ..refused(start, &refusal, random::id("imp", now), caller)
            };
            store::trail::append::append(conn, &event).await?;
            Err(Failure::Refused(refusal))
        }
    }
}

/// A request that would be granted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// How links of this application are redeemed.
    pub redeem: Redeem,
    /// The hard end of an impersonation that began now.
    pub ends_at: Timestamp,
}

/// Decides as if the actor opened the link at once, except for the age of their sign-in, which is checked when they
/// submit the form.
///
/// Nothing is issued or written, because a form asks this at every key press, and that is no attempt to
/// impersonate. The attempt that follows is recorded, granted or refused.
pub async fn check_impersonation(
    ctx: &Context,
    start: &Start,
) -> Result<Allowed, Failure<StartRefusal>> {
    let conn = ctx.store.conn().await?;
    let known = decision_facts::load(&conn, &who(start)).await?;
    let asked = (start, OpenedBy::ItsActor, None);
    let prepared = prepare(ctx, asked, &known).map_err(Failure::Refused)?;
    let return_url = &prepared.request.return_url;
    let redeem =
        known.client().map_or(prepared.redeem, |client| opened_by::registered(client, return_url));
    Ok(Allowed { redeem, ends_at: prepared.granted.terms().ends_at })
}

/// A request that the decision has granted.
pub(in crate::flows) struct Prepared {
    pub(in crate::flows) granted: Impersonation,
    redeem: Redeem,
    request: LoginRequest,
    link_expires_at: Timestamp,
    duration: Duration,
    /// The ticket's secret.
    pub(in crate::flows) secret: String,
}

fn who(start: &Start) -> DecisionParties {
    DecisionParties {
        actor: start.actor.clone(),
        subject: start.subject.clone(),
        client: start.client.clone(),
        requested_by: start.requested_by.clone(),
    }
}

fn prepare(
    ctx: &Context,
    (start, opened_by, step_up): (&Start, OpenedBy, Option<Duration>),
    known: &DecisionInputs,
) -> Result<Prepared, StartRefusal> {
    let now = known.now;
    known.subject().ok_or_else(|| no_such_user(start, known))?;
    let client = known.client().ok_or(StartRefusal::NoSuchClient)?;
    let id =
        ImpersonationId::parse(random::id("imp", now)).map_err(|_| StartRefusal::NoSuchUser)?;
    let request = login_request(ctx, start, client)?;
    let redeem = opened_by.redeem(start, (client, &request.return_url));
    let link_expires_at = ticket::expires_at(start.ttl, redeem, now)
        .map_err(|problem| bad("ttl", problem.to_string()))?;
    let duration = duration(start.duration)?;
    let longest = match redeem {
        Redeem::Confirm => Some(now + MAX_DURATION),
        Redeem::Direct => None,
    };
    let question = DecisionQuestion {
        occasion: Occasion::Request,
        channel: start.channel,
        protocol: start.protocol,
        requested_by: &start.requested_by,
        scopes: start.scopes.as_ref(),
        proof: start.proof,
        actor_is_impersonated: false,
        return_url: Some(&request.return_url),
        mode: start.mode,
        redeem: Some(redeem),
        given: Given { reason: start.reason.clone(), ticket: start.ticket.clone() },
        step_up,
        terms: Terms::starting(id, now, duration, longest),
        created_at: None,
    };
    let ask = question.about(known).map_err(|missing| match missing {
        MissingParty::Subject => no_such_user(start, known),
        MissingParty::Client => StartRefusal::NoSuchClient,
        // An unknown actor gets the same answer as one without the permission, so that ids cannot be probed.
        MissingParty::Actor => StartRefusal::Denied(Denial::NotPermitted),
    })?;
    let granted = decide(&ask).map_err(StartRefusal::Denied)?;
    check_name(ctx, &ask)?;
    check_after_redemption(&ask.client, &request)?;
    check_destination(&ask.client, start.target_link_uri.as_deref())?;
    let secret = random::secret();
    Ok(Prepared { granted, redeem, request, link_expires_at, duration, secret })
}

/// An application of one organization may not learn whether a user exists in another.
fn no_such_user(start: &Start, known: &DecisionInputs) -> StartRefusal {
    match known.requester(&start.requested_by, None).organization() {
        Some(_) => StartRefusal::Denied(Denial::RequesterOfOtherOrganization),
        None => StartRefusal::NoSuchUser,
    }
}

fn bad(field: &'static str, problem: impl Into<String>) -> StartRefusal {
    StartRefusal::Parameter(BadParameter { field, problem: problem.into() })
}

fn duration(seconds: Option<i64>) -> Result<Duration, StartRefusal> {
    let Some(seconds) = seconds else { return Ok(DEFAULT_DURATION) };
    let range = MIN_DURATION.num_seconds()..=MAX_DURATION.num_seconds();
    if range.contains(&seconds) {
        Ok(Duration::seconds(seconds))
    } else {
        Err(bad("duration", "a number of seconds from 60 to 3600"))
    }
}

fn login_request(
    ctx: &Context,
    start: &Start,
    client: &Client,
) -> Result<LoginRequest, StartRefusal> {
    if !client.kind.speaks(start.protocol) {
        return Err(StartRefusal::Denied(Denial::ProtocolMismatch));
    }
    let closed = || bad("protocol", format!("`{}` is not served here", start.protocol.as_str()));
    let protocol = ctx.protocol(start.protocol).ok_or_else(closed)?;
    Ok(protocol.unsolicited(client, &start.parameters)?)
}

/// Some protocols need a user name (such as an e-mail address) that not every user has.
fn check_name(ctx: &Context, ask: &ImpersonationRequest) -> Result<(), StartRefusal> {
    if ctx.protocol(ask.protocol).is_some_and(|protocol| protocol.can_name(&ask.subject)) {
        return Ok(());
    }
    Err(bad("protocol", "the user has no e-mail address to be named by in it"))
}

/// An application that accepts unsolicited responses must be able to protect a code: it has a secret, or uses PKCE.
fn check_after_redemption(client: &Client, request: &LoginRequest) -> Result<(), StartRefusal> {
    match AfterRedemption::of(client) {
        Some(AfterRedemption::InitiateLogin(_)) => Ok(()),
        Some(AfterRedemption::UnsolicitedResponse) => {
            let keeps_a_secret = client.kind.is_confidential()
                || request.protocol != ProtocolName::Oauth2
                || request.code_challenge.is_some();
            if keeps_a_secret {
                return Ok(());
            }
            Err(bad("code_challenge", "a public application gets a code only with a challenge"))
        }
        None => Err(StartRefusal::Denied(Denial::ClientNotEnabled)),
    }
}

/// The destination must be at an origin that the application has registered.
fn check_destination(client: &Client, destination: Option<&str>) -> Result<(), StartRefusal> {
    let Some(destination) = destination else { return Ok(()) };
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
    let wanted = origin(destination).filter(url::Origin::is_tuple);
    let mut registered = client.redirect_uris.iter().chain(&client.initiate_login_uri);
    if wanted.is_some() && registered.any(|uri| origin(uri) == wanted) {
        return Ok(());
    }
    Err(bad("target_link_uri", "is not a URL of the application"))
}

pub(in crate::flows) async fn issue(
    ctx: &Context,
    conn: &Conn,
    start: &Start,
    prepared: Prepared,
    caller: &Caller,
) -> Result<Issued, Failure<StartRefusal>> {
    let Prepared { granted, redeem, request, link_expires_at, duration, secret } = prepared;
    let expires = link_expires_at.timestamp();
    let url = url_of(ctx, &start.subject, expires, &secret)?;

    let link = NewLink {
        granted: &granted,
        request: &request,
        reason: start.reason.as_deref(),
        reason_code: start.reason_code.as_deref(),
        ticket: start.ticket.as_deref(),
        target_link_uri: start.target_link_uri.as_deref(),
        redeem,
        duration: i32::try_from(duration.num_seconds()).unwrap_or(i32::MAX),
        ticket_hash: &hash::hash_secret(&secret),
        link_expires_at: Timestamp::from_timestamp(expires, 0).unwrap_or(link_expires_at),
    };
    let mut event = noted(Event::under(EventKind::LinkIssued, &granted, caller), start);
    event = event.with("redeem", redeem.as_str());
    store::impersonations::insert(conn, &link, &event).await?;
    if ctx.shared.rate_limits {
        store::impersonations::revoke_waiting(
            conn,
            &start.actor,
            ticket::MAX_WAITING,
            granted.terms().starts_at,
        )
        .await?;
    }
    Ok(Issued {
        id: granted.id().clone(),
        url,
        actor_email: granted.actor().profile.email.clone(),
        mode: granted.mode(),
        redeem,
        link_expires_at: link.link_expires_at,
        ends_at_latest: link_expires_at + (granted.terms().ends_at - granted.terms().starts_at),
    })
}

/// The URL of the link for `subject` that redeems the ticket `secret` until the second `expires`.
pub(in crate::flows) fn url_of(
    ctx: &Context,
    subject: &UserId,
    expires: i64,
    secret: &str,
) -> Result<String, StoreError> {
    let ring = ctx.shared.keys.ring()?;
    let path = format!("/users/{}/impersonate?", encode(subject.as_str()));
    let bewit = bewit::make(ring.link_signer(), &ctx.shared.canonical, &path, expires, secret);
    Ok(format!("{}{path}&bewit={bewit}", ctx.issuer()))
}

/// Adds reason, ticket and requested lifetimes to an event.
pub(in crate::flows) fn noted(event: Event, start: &Start) -> Event {
    let mut event = event.requested(&start.requested_by);
    event.reason.clone_from(&start.reason);
    event.ticket.clone_from(&start.ticket);
    if let Some(code) = &start.reason_code {
        event = event.with("reason_code", code.as_str());
    }
    if !start.ignored.is_empty() {
        event = event.with("ignored", serde_json::json!(start.ignored));
    }
    event
}

fn refused(start: &Start, refusal: &StartRefusal, id: String, caller: &Caller) -> Event {
    let because = match refusal {
        StartRefusal::NoSuchUser => "no_such_user",
        StartRefusal::NoSuchClient => "no_such_client",
        StartRefusal::Parameter(parameter) => parameter.field,
        StartRefusal::Denied(denial) => denial.code(),
    };
    let event = Event {
        actor: Some(start.actor.to_string()),
        subject: Some(start.subject.to_string()),
        impersonation: Some(id),
        client: Some(start.client.to_string()),
        channel: Some(start.channel.as_str()),
        protocol: Some(start.protocol.as_str()),
        ..Event::new(EventKind::ImpersonationRefused, caller)
    };
    noted(event, start).because(because)
}

/// The unreserved characters of [RFC 3986 §2.3] stay; everything else is encoded, because some clients
/// encode a link again, and that must not change it.
///
/// [RFC 3986 §2.3]: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
