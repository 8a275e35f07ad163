//! Exchanges an actor's token for one with which they act as a subject ([RFC 8693]).
//!
//! Delegation only: the actor presents their own fresh token, and the new token names them in `act`. An
//! impersonated token cannot be exchanged, neither as subject nor as actor, so that a token never loses its `act`
//! and there are no chains.
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693
use super::act_as_user::{self, ActedCall, SubjectName};
use super::authenticate_client::AuthenticatedClient;
use super::issue_tokens::{self, IssuedTokens, TokenRequest};
use super::refusal::GrantRefusal;
use super::verify_access_token::{LiveToken, verify};
use crate::audit::{Event, EventKind};
use crate::domain::api_scope::ApiScope;
use crate::domain::caller::Caller;
use crate::domain::client::{Client, GrantType};
use crate::domain::protocol::Channel;
use crate::domain::scope::{OFFLINE_ACCESS, STANDARD, Scopes};
use crate::domain::user::TokenSubject;
use crate::domain::{Timestamp, UserId};
use crate::flows::{Context, Failure};
use crate::impersonation::{Denial, Impersonation, RequestedBy};
use crate::login::Principal;
use crate::store::tokens::box_tokens::{self, NewToken};
use crate::store::{self, Conn, Transactional as _};
use chrono::Duration;

pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Maximum lifetime of the new token.
const MAX_LIFETIME: Duration = Duration::minutes(30);

/// The subject of the request.
pub enum SubjectGiven {
    User(UserId),
    /// An access token of the subject's own.
    Token(String),
}

pub struct ExchangeToken<'a> {
    pub subject: SubjectGiven,
    pub actor_token: &'a str,
    pub scope: Option<&'a Scopes>,
    /// All requested resources and audiences.
    pub targets: &'a [&'a str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeRefusal {
    /// The token of the subject or of the actor will not do ([RFC 8693 §2.2.2]).
    ///
    /// [RFC 8693 §2.2.2]: https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2
    #[error("{0}")]
    Token(&'static str),
    /// The actor signed in too long ago for what is asked ([RFC 9470 §3]).
    ///
    /// [RFC 9470 §3]: https://www.rfc-editor.org/rfc/rfc9470#section-3
    #[error("the actor signed in too long ago: have them sign in again")]
    StepUp,
    #[error("{0}")]
    Grant(GrantRefusal),
}

impl ExchangeRefusal {
    /// Whether the decision has recorded the refusal already.
    fn is_of_decision(self) -> bool {
        matches!(self, Self::StepUp | Self::Grant(GrantRefusal::MayNotAct))
    }
}

type ExchangeRefused = Failure<ExchangeRefusal>;

fn no(refusal: GrantRefusal) -> ExchangeRefused {
    Failure::Refused(ExchangeRefusal::Grant(refusal))
}

fn bad(token: &'static str) -> ExchangeRefused {
    Failure::Refused(ExchangeRefusal::Token(token))
}

const BAD_ACTOR: &str = "the actor token cannot be used";
const BAD_SUBJECT: &str = "the subject token cannot be used";

pub async fn exchange_token(
    ctx: &Context,
    client: &AuthenticatedClient,
    exchange: &ExchangeToken<'_>,
    caller: &Caller,
) -> Result<IssuedTokens, Failure<ExchangeRefusal>> {
    let client = client.client();
    if !client.may_use(GrantType::TokenExchange) {
        return Err(no(GrantRefusal::NotAllowed));
    }
    let mut conn = ctx.store.conn().await?;
    let actor = verify(ctx, &conn, exchange.actor_token, caller).await?;
    let outcome = match read(ctx, &conn, (client, exchange, actor.as_ref()), caller).await {
        Ok(asked) => issue(ctx, &mut conn, (client, &asked), caller).await,
        Err(refused) => Err(refused),
    };
    if let Err(Failure::Refused(refusal)) = &outcome
        && !refusal.is_of_decision()
    {
        let event = refused(client, (exchange, actor.as_ref()), caller);
        store::trail::append::append(&conn, &event.because(refusal.to_string())).await?;
    }
    outcome
}

/// Records a refusal for the auditors of the actor if they are known, else of the application.
fn refused(
    client: &Client,
    (exchange, actor): (&ExchangeToken<'_>, Option<&LiveToken<TokenSubject>>),
    caller: &Caller,
) -> Event {
    let event = Event::by_client(EventKind::ImpersonationRefused, client, caller);
    let holder = actor.and_then(|token| token.user.as_ref());
    let home = holder.and_then(|holder| holder.organization.as_ref()).map(ToString::to_string);
    let requested_by = match holder {
        Some(holder) => {
            RequestedBy::Token { person: holder.id.clone(), application: Some(client.id.clone()) }
        }
        None => RequestedBy::Application(client.id.clone()),
    };
    let subject = match &exchange.subject {
        SubjectGiven::User(id) => Some(id.to_string()),
        SubjectGiven::Token(_) => None,
    };
    Event {
        actor: holder.map(|holder| holder.id.to_string()).or(event.actor),
        subject,
        organization: home.or(event.organization),
        channel: Some(Channel::TokenExchange.as_str()),
        ..Event::by_client(EventKind::ImpersonationRefused, client, caller)
    }
    .requested(&requested_by)
}

/// The request with verified tokens.
struct ExchangeRequest<'a> {
    actor: &'a LiveToken<TokenSubject>,
    subject: SubjectName,
    scope: Scopes,
    audience: Option<String>,
    /// No later than either token.
    until: Timestamp,
}

async fn read<'a>(
    ctx: &Context,
    conn: &Conn,
    (client, exchange, actor): (&Client, &ExchangeToken<'_>, Option<&'a LiveToken<TokenSubject>>),
    caller: &Caller,
) -> Result<ExchangeRequest<'a>, ExchangeRefused> {
    let actor = actor.filter(|actor| is_own(client, actor)).ok_or(bad(BAD_ACTOR))?;
    let own = match &exchange.subject {
        SubjectGiven::User(_) => None,
        SubjectGiven::Token(token) => {
            let live = verify(ctx, conn, token, caller).await?.ok_or(bad(BAD_SUBJECT))?;
            Some(live)
        }
    };
    let subject = match (&exchange.subject, &own) {
        (SubjectGiven::User(id), _) => id.clone(),
        (SubjectGiven::Token(_), own) => {
            let named = own.as_ref().and_then(|own| named_by(client, own, actor));
            named.ok_or(bad(BAD_SUBJECT))?
        }
    };
    let ceiling = own.as_ref().unwrap_or(actor);
    let until = ceiling.expires_at.min(actor.expires_at).min(actor.at.now + MAX_LIFETIME);
    let audience = target(ctx, client, (ceiling.audience.as_deref(), exchange.targets))?;
    let most = ApiScope::within(&ceiling.scope, audience.as_deref());
    let scope = scope(client, &most, exchange.scope)?;
    Ok(ExchangeRequest { actor, subject: SubjectName::Id(subject), scope, audience, until })
}

/// Whether the actor's token was issued to this application for a person. The decision checks the age of the
/// sign-in.
fn is_own(client: &Client, actor: &LiveToken<TokenSubject>) -> bool {
    actor.client.id == client.id && actor.user.is_some()
}

/// The subject of a token: an own token of the user, issued to this application, and usable by this actor. A token
/// of another application is not accepted ([RFC 9700 §2.3]).
///
/// [RFC 9700 §2.3]: https://www.rfc-editor.org/rfc/rfc9700#section-2.3
fn named_by(
    client: &Client,
    own: &LiveToken<TokenSubject>,
    actor: &LiveToken<TokenSubject>,
) -> Option<UserId> {
    let actor = actor.user.as_ref()?;
    let for_this_actor = own.may_act.as_ref().is_none_or(|named| named == actor.id.as_str());
    let acts_already = own.impersonation.is_some();
    let user = own.user.as_ref().filter(|_| for_this_actor && !acts_already);
    user.filter(|_| own.client.id == client.id).map(|user| user.id.clone())
}

/// The scope: at most that of the subject's token, or of the actor's if the subject was only named, and what the
/// application may have.
fn scope(
    client: &Client,
    most: &Scopes,
    asked: Option<&Scopes>,
) -> Result<Scopes, ExchangeRefused> {
    let allowed = |scope: &str| {
        // An impersonated token manages no impersonations.
        let acting = ApiScope::parse(scope).is_none_or(ApiScope::is_for_impersonated);
        let own = acting && (STANDARD.contains(&scope) || client.may_ask_for(scope));
        own && scope != OFFLINE_ACCESS && most.contains(scope)
    };
    match asked {
        None => Ok(most.filter(allowed)),
        Some(asked) if asked.iter().all(allowed) => Ok(asked.clone()),
        Some(_) => Err(no(GrantRefusal::Scope)),
    }
}

/// The audience: registered for the application, and equal to that of the token if it has one.
fn target(
    ctx: &Context,
    client: &Client,
    (before, asked): (Option<&str>, &[&str]),
) -> Result<Option<String>, ExchangeRefused> {
    let known = |target: &&str| issue_tokens::audience(ctx.issuer(), client, Some(target));
    let known: Result<Vec<Option<&str>>, _> = asked.iter().map(known).collect();
    match (known.map_err(|_| no(GrantRefusal::Audience))?.as_slice(), before) {
        ([], None) => Ok(None),
        ([audience], None) => Ok(audience.map(str::to_owned)),
        ([Some(audience)], Some(before)) if *audience == before => Ok(Some(before.to_owned())),
        _ => Err(no(GrantRefusal::Audience)),
    }
}

/// Starts the impersonation and issues its token, in one transaction.
async fn issue(
    ctx: &Context,
    conn: &mut Conn,
    (client, asked): (&Client, &ExchangeRequest<'_>),
    caller: &Caller,
) -> Result<IssuedTokens, ExchangeRefused> {
    let channel = Channel::TokenExchange;
    conn.transaction(async |tx| {
        let acting = ActedCall { channel, bearer: asked.actor, subject: &asked.subject };
        // `Ok`, so that the event of a refusal is kept.
        match act_as_user::act(ctx, tx, &acting, caller).await {
            Ok(granted) => write(ctx, tx, (client, asked, granted), caller).await.map(Ok),
            Err(Failure::Refused(Denial::StepUpRequired)) => {
                Ok(Err(Failure::Refused(ExchangeRefusal::StepUp)))
            }
            Err(Failure::Refused(_)) => Ok(Err(no(GrantRefusal::MayNotAct))),
            Err(Failure::Internal(cause)) => Err(cause),
            Err(Failure::Busy) => Ok(Err(Failure::Busy)),
        }
    })
    .await?
}

async fn write(
    ctx: &Context,
    tx: &Conn,
    (client, asked, granted): (&Client, &ExchangeRequest<'_>, Impersonation),
    caller: &Caller,
) -> Result<IssuedTokens, store::StoreError> {
    let now = asked.actor.at.now;
    let text = asked.scope.to_string();
    let event = Event::under(EventKind::TokenIssued, &granted, caller)
        .with("grant", "token_exchange")
        .with("scope", text.as_str());
    let principal = Principal::from(granted);
    let mint = TokenRequest {
        client,
        principal: &principal,
        session: None,
        scope: &asked.scope,
        nonce: None,
        audience: asked.audience.as_deref(),
        now,
    };
    let mut prepared = issue_tokens::prepare(&mint);
    prepared.expires_at = prepared.expires_at.min(asked.until);
    let expires_at = prepared.expires_at;
    let token = NewToken {
        token_hash: &prepared.access_hash,
        client: &client.id,
        user: &principal.subject().id,
        impersonation: principal.impersonation().map(Impersonation::id),
        scope: &text,
        audience: asked.audience.as_deref(),
        now,
        expires_at,
    };
    box_tokens::insert(tx, None, &token, &event).await?;
    Ok(IssuedTokens {
        access_token: issue_tokens::access_token(ctx, &mint, prepared)?,
        expires_in: (expires_at - now).num_seconds(),
        scope: asked.scope.clone(),
        id_token: None,
        refresh_token: None,
        issued_token_type: Some(ACCESS_TOKEN),
    })
}
