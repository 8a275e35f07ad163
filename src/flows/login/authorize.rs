//! Handles authorization requests ([OpenID Connect Core §3.1.2]).
//!
//! An impersonated session of the application takes precedence over the user's own. A request for a fresh sign-in
//! ends it, and the user signs in.
//!
//! [OpenID Connect Core §3.1.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
use super::complete_login::{
    Completed, CompletedLogin, asked_scope, complete_login, granted_scope,
};
use super::use_once::URL_TTL;
use super::{native, sign_in};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::protocol::{EndReason, ProtocolName};
use crate::domain::user::User;
use crate::domain::{ImpersonationId, SessionId, Timestamp};
use crate::flows::impersonation::end_impersonation::{EndedBy, end_by_id};
use crate::flows::impersonation::held_impersonation::{self, HeldStanding};
use crate::flows::tokens::issue_tokens::read_id_token;
use crate::flows::{Context, Failure, tokens::claims};
use crate::login::{Answer, LoginRequest, Principal};
use crate::store::{self, Conn, StoreError};
use std::sync::Arc;

/// A checked request: the application is known, its redirect URI registered, every parameter read.
pub struct Ask {
    pub client: Arc<Client>,
    pub request: LoginRequest,
    pub prompt: Prompt,
    /// Maximum age of the sign-in, in seconds.
    pub max_age: Option<i64>,
    /// When the browser was sent to sign in, in milliseconds; the sign-in must be later.
    pub auth_after: Option<i64>,
    /// When the consent page was shown.
    pub consent_after: Option<i64>,
    pub consent_denied: bool,
    /// The raw parameters, to which a confirmation is bound.
    pub query: String,
    pub id_token_hint: Option<String>,
    /// Every authentication context class that was asked for.
    pub acr_values: Vec<String>,
    pub acr: Acr,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
}

/// Whether [`Ask::acr_values`] are a wish or a condition (OpenID Connect Core §5.5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acr {
    Voluntary,
    Essential,
}

/// The secrets of the browser's cookies.
#[derive(Clone, Copy)]
pub struct Secrets<'a> {
    pub own: Option<&'a str>,
    /// The impersonated session for this application.
    pub impersonated: Option<&'a str>,
}

/// What happens next in the browser.
pub enum AuthorizeStep {
    /// About the impersonated user.
    AnswerAsActor(Answer),
    /// About the person that the browser's own session is of.
    Answer(Answer),
    /// `after`: only a sign-in from this moment on counts, in milliseconds.
    SignIn {
        after: Option<i64>,
    },
    Consent {
        after: Option<i64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeRefusal {
    #[error("the user has to sign in")]
    LoginRequired,
    /// A silent request after an impersonation has ended: the application is notified of the end before it receives
    /// the actor's own account.
    #[error("the impersonation has ended")]
    ImpersonationEnded,
    #[error("the user has to consent")]
    ConsentRequired,
    /// A native application is never answered silently, see [`native`].
    #[error("the user has to confirm")]
    InteractionRequired,
    #[error("access was denied")]
    AccessDenied,
    #[error("the authentication that was asked for cannot be had")]
    UnmetRequirements,
    #[error("the id_token_hint is not ours")]
    ForgedHint,
    /// The user lacks the attribute by which the application names users.
    #[error("the user cannot be named to the application")]
    NoName,
}

type AuthorizeRefused = Failure<AuthorizeRefusal>;

/// The authentication contexts that a password satisfies.
const PASSWORD_OR_LESS: &[&str] = &[
    "0",
    claims::PASSWORD_ACR,
    "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
];

pub async fn authorize(
    ctx: &Context,
    ask: &Ask,
    secrets: Secrets<'_>,
    caller: &Caller,
) -> Result<AuthorizeStep, AuthorizeRefused> {
    let expected = ask.id_token_hint.as_deref().map(|hint| hinted(ctx, ask, hint)).transpose()?;
    let conn = ctx.store.conn().await?;
    let mut ended = false;
    if let Some(impersonated) = secrets.impersonated {
        let asked = AuthorizeRequest { ask, expected: expected.as_deref(), secrets };
        match as_impersonated(ctx, &conn, &asked, impersonated, caller).await? {
            Some(step) => return Ok(step),
            None => ended = true,
        }
    }
    as_own(ctx, &conn, ask, (secrets.own, expected.as_deref(), ended), caller).await
}

/// A request, with what came along.
struct AuthorizeRequest<'a> {
    ask: &'a Ask,
    /// The user that the application's ID token speaks of.
    expected: Option<&'a str>,
    secrets: Secrets<'a>,
}

/// The user that an ID token of ours for this application speaks of, expired or not.
fn hinted(ctx: &Context, ask: &Ask, hint: &str) -> Result<String, AuthorizeRefused> {
    let claims = read_id_token(ctx, hint)?;
    let text = |name: &str| claims.as_ref().and_then(|claims| claims.get(name)?.as_str());
    match (text("sub"), text("aud")) {
        (Some(sub), Some(aud)) if aud == ask.client.id.as_str() => Ok(sub.to_owned()),
        _ => Err(Failure::Refused(AuthorizeRefusal::ForgedHint)),
    }
}

/// `None`: no running impersonation for this application in this browser.
async fn as_impersonated(
    ctx: &Context,
    conn: &Conn,
    &AuthorizeRequest { ask, expected, secrets }: &AuthorizeRequest<'_>,
    secret: &str,
    caller: &Caller,
) -> Result<Option<AuthorizeStep>, AuthorizeRefused> {
    let own = held_impersonation::own_session(conn, secrets.own).await?;
    let carried = held_impersonation::find(ctx, conn, (secret, own.as_ref()), caller).await?;
    let Some(carried) = carried.filter(|carried| carried.client == ask.client.id) else {
        return Ok(None);
    };
    let (session, impersonation) = (carried.session, carried.impersonation);
    let HeldStanding::Running(granted, now) = carried.standing else { return Ok(None) };
    if ask.prompt.login || ask.max_age.is_some() || ask.auth_after.is_some() {
        return sign_in_instead(conn, ask, (&impersonation, now), caller).await.map(Some);
    }
    let wanted = &ask.acr_values;
    let weak = wanted.is_empty() || wanted.iter().any(|acr| PASSWORD_OR_LESS.contains(&&**acr));
    if !weak || ask.acr == Acr::Essential {
        return Err(Failure::Refused(AuthorizeRefusal::UnmetRequirements));
    }
    check_expected(granted.subject(), expected)?;
    // No consent is requested or stored, because staff cannot consent for the user.
    let principal = Principal::from(*granted);
    if let Some(step) = native_step(ctx, ask, &session, now).await? {
        return Ok(Some(step));
    }
    let answer = answer(ctx, conn, ask, (&principal, &session, now, caller)).await?;
    Ok(Some(AuthorizeStep::AnswerAsActor(answer)))
}

async fn sign_in_instead(
    conn: &Conn,
    ask: &Ask,
    (impersonation, now): (&ImpersonationId, Timestamp),
    caller: &Caller,
) -> Result<AuthorizeStep, AuthorizeRefused> {
    if ask.prompt.none {
        return Err(Failure::Refused(AuthorizeRefusal::LoginRequired));
    }
    let by = EndedBy { actor: None, reason: EndReason::Superseded };
    end_by_id(conn, impersonation, by, caller).await?;
    Ok(AuthorizeStep::SignIn { after: Some(now.timestamp_millis()) })
}

async fn as_own(
    ctx: &Context,
    conn: &Conn,
    ask: &Ask,
    (secret, expected, ended): (Option<&str>, Option<&str>, bool),
    caller: &Caller,
) -> Result<AuthorizeStep, AuthorizeRefused> {
    let own = match secret {
        Some(secret) => sign_in::resume_with_clock(conn, secret).await?,
        None => None,
    };
    let now = match &own {
        Some((_, _, now)) => *now,
        None => store::installation::settings::now(conn).await?,
    };
    let Some((session, proof, _)) = own.filter(|(_, proof, _)| is_fresh(ask, proof.at(), now))
    else {
        if ask.prompt.none {
            return Err(Failure::Refused(AuthorizeRefusal::LoginRequired));
        }
        return Ok(AuthorizeStep::SignIn { after: after(ask, now) });
    };
    if ended && ask.prompt.none && expected != Some(proof.user().id.as_str()) {
        return Err(Failure::Refused(AuthorizeRefusal::ImpersonationEnded));
    }
    check_expected(proof.user(), expected)?;
    let known = ask.acr_values.iter().any(|acr| PASSWORD_OR_LESS.contains(&&**acr));
    if ask.acr == Acr::Essential && !ask.acr_values.is_empty() && !known {
        return Err(Failure::Refused(AuthorizeRefusal::UnmetRequirements));
    }
    if !serves(&ask.client, proof.user()) {
        return Err(Failure::Refused(AuthorizeRefusal::AccessDenied));
    }
    let principal = Principal::from(proof);
    if let Some(step) = consent(conn, ask, (&principal, now)).await? {
        return Ok(step);
    }
    if let Some(step) = native_step(ctx, ask, &session.id, now).await? {
        return Ok(step);
    }
    let answer = answer(ctx, conn, ask, (&principal, &session.id, now, caller)).await?;
    Ok(AuthorizeStep::Answer(answer))
}

/// A sign-in at `at` is as fresh as it was asked for.
fn is_fresh(ask: &Ask, at: Timestamp, now: Timestamp) -> bool {
    let since = since(ask.auth_after, at, now);
    let young = ask.max_age.is_none_or(|seconds| (now - at).num_seconds() <= seconds);
    since && young && !demands_login(ask)
}

/// Whether `at` is after `after`, and `after` is recent and not in the future, so that a stored URL or a forged
/// time does not count.
fn since(after: Option<i64>, at: Timestamp, now: Timestamp) -> bool {
    let after = after.filter(|after| *after <= now.timestamp_millis());
    after.is_none_or(|after| at.timestamp_millis() >= after && now - at < URL_TTL)
}

/// `max_age=0` is equal to `prompt=login`.
fn demands_login(ask: &Ask) -> bool {
    ask.prompt.login || ask.max_age == Some(0)
}

fn after(ask: &Ask, now: Timestamp) -> Option<i64> {
    let again = demands_login(ask) || ask.max_age.is_some() || ask.auth_after.is_some();
    again.then(|| now.timestamp_millis())
}

fn check_expected(user: &User, expected: Option<&str>) -> Result<(), AuthorizeRefused> {
    if expected.is_none_or(|expected| expected == user.id.as_str()) {
        Ok(())
    } else {
        Err(Failure::Refused(AuthorizeRefusal::LoginRequired))
    }
}

/// Whether the user's organization may use the application.
pub(in crate::flows) fn serves(client: &Client, user: &User) -> bool {
    let its = client.organization.as_ref().map(|organization| &organization.id);
    its.is_none() || its == user.organization_id()
}

/// Third-party applications need consent, once for each scope; first-party ones do not.
async fn consent(
    conn: &Conn,
    ask: &Ask,
    (principal, now): (&Principal, Timestamp),
) -> Result<Option<AuthorizeStep>, AuthorizeRefused> {
    let asked_for = ask.prompt.consent || ask.consent_after.is_some();
    // Scopes are what is consented to, and only OAuth 2 has them.
    let asks = ask.request.protocol == ProtocolName::Oauth2;
    if !asks || (ask.client.first_party && !asked_for) {
        return Ok(None);
    }
    if ask.consent_denied {
        return Err(Failure::Refused(AuthorizeRefusal::AccessDenied));
    }
    let user = &principal.subject().id;
    let wanted = granted_scope(principal, &ask.client, &asked_scope(&ask.request));
    let given = store::applications::consents::find(conn, user, &ask.client.id).await?;
    let enough = given.is_some_and(|(scope, at)| {
        since(ask.consent_after, at, now) && wanted.is_subset_of(&scope)
    });
    if enough && !ask.prompt.consent {
        return Ok(None);
    }
    if ask.prompt.none {
        return Err(Failure::Refused(AuthorizeRefusal::ConsentRequired));
    }
    let again = ask.prompt.consent.then(|| now.timestamp_millis());
    Ok(Some(AuthorizeStep::Consent { after: again.or(ask.consent_after) }))
}

/// Asks the user to confirm a request of a native application, because its address is not exclusively its own.
async fn native_step(
    ctx: &Context,
    ask: &Ask,
    session: &SessionId,
    now: Timestamp,
) -> Result<Option<AuthorizeStep>, AuthorizeRefused> {
    if !native::needs_yes(&ask.client, &ask.request.return_url) {
        return Ok(None);
    }
    if ask.prompt.none {
        return Err(Failure::Refused(AuthorizeRefusal::InteractionRequired));
    }
    if ask.consent_denied {
        return Err(Failure::Refused(AuthorizeRefusal::AccessDenied));
    }
    if native::takes_yes(ctx, session, &ask.query, now).await? {
        return Ok(None);
    }
    Ok(Some(AuthorizeStep::Consent { after: ask.consent_after }))
}

/// The code is stored before the answer leaves.
async fn answer(
    ctx: &Context,
    conn: &Conn,
    ask: &Ask,
    (principal, session, now, caller): (&Principal, &SessionId, Timestamp, &Caller),
) -> Result<Answer, AuthorizeRefused> {
    let request = &ask.request;
    let unknown_protocol =
        || StoreError::Corrupt { table: "clients", what: "no such protocol".into() };
    let protocol = ctx.protocol(request.protocol).ok_or_else(unknown_protocol)?;
    if !protocol.can_name(principal.subject()) {
        return Err(Failure::Refused(AuthorizeRefusal::NoName));
    }
    let signed_in = CompletedLogin { principal, client: &ask.client, request, session, now };
    let Completed { answer, stored } = complete_login(ctx, protocol, signed_in)?;
    if stored.store(conn, principal, caller).await? {
        Ok(answer)
    } else {
        // The session has just ended elsewhere.
        Err(Failure::Refused(AuthorizeRefusal::LoginRequired))
    }
}
