//! Somebody asks for a link that signs an actor in as a subject.
mod opened_by;

use super::question::{DecisionQuestion, MissingParty};
use crate::audit::{Event, EventKind};
use crate::crypto::{bewit, hash, random};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::{ClientId, ImpersonationId, Timestamp, UserId};
use crate::flows::shared::decision_facts::{self, DecisionInputs, Onward, Who};
use crate::flows::{Context, Failure};
use crate::impersonation::grant::{DEFAULT_DURATION, LONGEST_DURATION, SHORTEST_DURATION};
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

/// What the caller wants, read from any encoding.
#[derive(Debug, Clone)]
pub struct Start {
    pub channel: Channel,
    pub requested_by: RequestedBy,
    /// Of the token by which it is asked, if one says.
    pub scopes: Option<Scopes>,
    /// When that was looked up, if just now.
    pub at: Option<Moment>,
    pub actor: UserId,
    pub proof: ActorProof,
    pub subject: UserId,
    pub client: ClientId,
    pub protocol: ProtocolName,
    pub parameters: Parameters,
    pub mode: Mode,
    /// Seconds that the link lives.
    pub ttl: Option<i64>,
    /// Seconds that the impersonation lasts at most.
    pub duration: Option<i64>,
    pub target_link_uri: Option<String>,
    pub reason: Option<String>,
    pub reason_code: Option<String>,
    pub ticket: Option<String>,
    /// Names that the request carried and nobody read.
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

/// A link that was handed out. Its URL is seen once, here.
pub struct Issued {
    pub id: ImpersonationId,
    pub url: String,
    pub actor_email: Option<String>,
    pub mode: Mode,
    pub redeem: Redeem,
    pub link_expires_at: Timestamp,
    pub ends_at_latest: Timestamp,
}

/// Checks the request, asks the heart, writes the link with its event, and returns the URL.
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

/// The same for a link that `opened_by` opens.
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

/// The verdict; a refusal is in the audit trail before it is returned.
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
            decision_facts::remember(ctx, who, &known).await;
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
    /// How the application has its links redeemed.
    pub redeem: Redeem,
    /// The hard end, if it began now.
    pub ends_at: Timestamp,
}

/// Says what would be said now if the actor opened it at once, by the same facts and the same heart; but for the age
/// of their sign-in, which they are asked about when they press the button.
///
/// Nothing is handed out and nothing is written: while a form is filled in, the question is asked at every
/// letter, and it is no attempt to act as anybody. The attempt is written down, whatever its verdict.
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

/// A request that passed everything, the heart too.
pub(in crate::flows) struct Prepared {
    pub(in crate::flows) granted: Impersonation,
    redeem: Redeem,
    request: LoginRequest,
    link_expires_at: Timestamp,
    duration: Duration,
    /// What the link redeems.
    pub(in crate::flows) secret: String,
}

fn who(start: &Start) -> Who {
    Who {
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
        Redeem::Confirm => Some(now + LONGEST_DURATION),
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
        // An unknown actor holds no permission, and is not told apart from one who holds none.
        MissingParty::Actor => StartRefusal::Denied(Denial::NotPermitted),
    })?;
    let granted = decide(&ask).map_err(StartRefusal::Denied)?;
    check_name(ctx, &ask)?;
    check_the_way_on(&ask.client, &request)?;
    check_destination(&ask.client, start.target_link_uri.as_deref())?;
    let secret = random::secret();
    Ok(Prepared { granted, redeem, request, link_expires_at, duration, secret })
}

/// An application of one organization is not told whether there is such a user in another.
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
    let range = SHORTEST_DURATION.num_seconds()..=LONGEST_DURATION.num_seconds();
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
    let room = ctx.room(start.protocol).ok_or_else(closed)?;
    Ok(room.unsolicited(client, &start.parameters)?)
}

/// Some protocols know people only by something that not everybody has.
fn check_name(ctx: &Context, ask: &ImpersonationRequest) -> Result<(), StartRefusal> {
    if ctx.room(ask.protocol).is_some_and(|room| room.can_name(&ask.subject)) {
        return Ok(());
    }
    Err(bad("protocol", "the user has no e-mail address to be named by in it"))
}

/// An application that is answered although it did not ask must be able to keep a code to itself.
fn check_the_way_on(client: &Client, request: &LoginRequest) -> Result<(), StartRefusal> {
    match Context::onward(client) {
        Some(Onward::Application(_)) => Ok(()),
        Some(Onward::Unsolicited) => {
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

/// Where to land has to lie in the application: at an origin that it has registered.
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
            ticket::MOST_WAITING,
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

/// The link about `subject` that redeems the ticket `secret` until the second `expires`.
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

/// What an event about a request says beside who and whom.
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
