//! `/forward-auth`: a proxy asks who calls, for any API behind it (nginx `auth_request`, Traefik
//! `forwardAuth`, Envoy `ext_authz`).
//!
//! 200 with the headers of [`NAMES`], or 401, or 403. Every header is in every 200, empty where there is
//! nothing to say, so that what the proxy copies covers whatever the client smuggled in. Values are printable
//! ASCII; anything else in a name is percent-encoded.
use super::forwarded_request::{describe, is_safe};
use crate::domain::UserId;
use crate::domain::protocol::Mode;
use crate::domain::scope::Scopes;
use crate::domain::user::{TokenSubject, UserKind};
use crate::flows::Context;
use crate::flows::tokens::act_as_user::{CalledAs, ShownAction, note_blocked};
use crate::flows::tokens::api_access::{ApiRefusal, RefusedCall, note_refused};
use crate::flows::tokens::forwarded_token::{
    ForwardPurpose, NotMeant, check_audience, forwarded_token,
};
use crate::flows::tokens::verify_access_token::LiveToken;
use crate::http::caller;
use crate::http::edge::BearerClient;
use crate::http::error::ApiError;
use crate::http::extract::acting_as::{self, ActingRefusal};
use crate::http::extract::{Anyone, bearer};
use crate::http::header_name::normalized;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _, web};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::cell::RefCell;

/// Of the form with parameters in the path.
const PREFIX: &str = "/forward-auth-for/";

/// What goes out: the user id (empty for an application that speaks for itself), their name and proven
/// e-mail address, the scopes and the application of the bearer, who really acts, and the impersonation.
pub const NAMES: [&str; 9] = [
    "x-auth-subject",
    "x-auth-name",
    "x-auth-email",
    "x-auth-scopes",
    "x-auth-client",
    "x-auth-actor",
    "x-impersonation-id",
    "x-impersonation-mode",
    "x-auth-token",
];

/// What the proxy is configured to ask for, in its own URL: never in what the client sends.
#[derive(Debug, Default)]
struct WantedToken {
    /// Only bearers for this API are taken.
    audience: Option<String>,
    /// `X-Auth-Token` for this API, which is the audience then.
    token: Option<String>,
    /// The bearer carries all of them, and its application lists them.
    scope: Option<Scopes>,
}

pub async fn ask(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    match wanted(request.query_string()) {
        Ok(wanted) => answer(&request, &ctx, &wanted).await,
        Err(refused) => refuse(&refused.into()),
    }
}

/// For Envoy, which puts its prefix before the path of the client, with the client's own query: which asks
/// for nothing here.
pub async fn ask_with_path(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    answer(&request, &ctx, &WantedToken::default()).await
}

/// The same with parameters: `/forward-auth-for/scope=root_readwrite/the/path`. They are the first segment below
/// the prefix and nothing else, so neither a path nor a query of the client is taken for them.
pub async fn ask_for_path(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    let path = request.uri().path();
    let below = path.strip_prefix(PREFIX).unwrap_or_default();
    match wanted(below.split('/').next().unwrap_or_default()) {
        Ok(wanted) => answer(&request, &ctx, &wanted).await,
        Err(refused) => refuse(&refused.into()),
    }
}

fn wanted(query: &str) -> Result<WantedToken, ApiError> {
    let (mut audience, mut token, mut scope) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let field = match name.as_ref() {
            "audience" => &mut audience,
            "token" => &mut token,
            "scope" => &mut scope,
            _ => return Err(ApiError::invalid_request("the query holds what is not known here")),
        };
        if value.is_empty() || field.replace(value.into_owned()).is_some() {
            let text = "an audience or a scope is given twice or not at all";
            return Err(ApiError::invalid_request(text));
        }
    }
    let scope = scope.map(|scope: String| Scopes::parse(&scope)).transpose();
    let scope = scope.map_err(|problem| ApiError::invalid_request(problem.to_string()))?;
    if scope.as_ref().is_some_and(Scopes::is_empty) {
        return Err(ApiError::invalid_request("the scope is empty"));
    }
    Ok(WantedToken { audience, token, scope })
}

async fn answer(request: &HttpRequest, ctx: &Context, wanted: &WantedToken) -> HttpResponse {
    match decide(request, ctx, wanted).await {
        Ok(allowed) => allowed,
        Err(refused) => refuse(&refused),
    }
}

/// nginx knows 401 and 403, and takes anything else for a failure of ours.
fn refuse(refused: &ActingRefusal) -> HttpResponse {
    let mut answer = refused.error_response();
    if answer.status() == StatusCode::BAD_REQUEST {
        *answer.status_mut() = StatusCode::FORBIDDEN;
    }
    answer
}

async fn decide(
    request: &HttpRequest,
    ctx: &Context,
    wanted: &WantedToken,
) -> Result<HttpResponse, ActingRefusal> {
    if request.headers().keys().any(looks_like_ours) {
        return Err(ActingRefusal::Malformed("a header of ours is written with hyphens"));
    }
    let what = describe(request, path_of_client(request));
    let called = bearer_meant(request, ctx, (wanted, &what)).await?;
    check_mode(request, ctx, (&called, &what)).await?;
    let token = match wanted.token.as_deref() {
        Some(audience) => Some(token_for(ctx, &called, audience)?),
        None => None,
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    for (name, value) in NAMES.iter().zip(values(&called, token)) {
        let value = HeaderValue::from_str(&value).map_err(|_| ApiError::unavailable())?;
        answer.insert_header((HeaderName::from_static(name), value));
    }
    Ok(answer.finish())
}

/// What the client asked of a proxy that puts a prefix before it.
fn path_of_client(request: &HttpRequest) -> &str {
    let path = request.path();
    match path.strip_prefix(PREFIX) {
        Some(below) => below.find('/').map_or("", |at| below.get(at..).unwrap_or_default()),
        None => path.strip_prefix("/forward-auth").unwrap_or(path),
    }
}

/// The call, if its bearer was made for the API behind the proxy. A bearer that was not is written down with its
/// application, before anybody is acted as.
async fn bearer_meant(
    request: &HttpRequest,
    ctx: &Context,
    (wanted, what): (&WantedToken, &str),
) -> Result<CalledAs, ActingRefusal> {
    let purpose = ForwardPurpose {
        audience: wanted.audience.as_deref(),
        internal: wanted.token.as_deref(),
        scope: wanted.scope.as_ref(),
    };
    let lacking = RefCell::new(None);
    let noted = |token: &LiveToken<TokenSubject>| {
        request.extensions_mut().insert(BearerClient(token.client.id.to_string()));
    };
    let accepts = |token: &LiveToken<TokenSubject>| {
        noted(token);
        match purpose.check(ctx.issuer(), token) {
            Ok(()) => true,
            Err(NotMeant::Audience) => false,
            Err(NotMeant::Scope(scope)) => {
                *lacking.borrow_mut() = Some((scope, token.client.clone(), token.user.clone()));
                false
            }
        }
    };
    let called = acting_as::called(ctx, request, (bearer(request)?, what), accepts).await;
    let Some((scope, client, user)) = lacking.into_inner() else { return called };
    let bearer = (&*client, user.as_ref());
    let refused = RefusedCall::of_holder(bearer, (&scope, ApiRefusal::Scope, what));
    note_refused(ctx, &refused, &caller(request)).await.map_err(ApiError::from)?;
    Err(ApiError::lacks_scope(scope).into())
}

/// `x_auth_subject`, which some APIs read as `x-auth-subject`, and which not every proxy takes away.
fn looks_like_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    let normalized = normalized(name);
    normalized != name && NAMES.contains(&normalized.as_str())
}

fn token_for(ctx: &Context, called: &CalledAs, audience: &str) -> Result<String, ActingRefusal> {
    check_audience(ctx, called, audience).map_err(|_| ApiError::insufficient_scope())?;
    Ok(forwarded_token(ctx, called, audience).map_err(ApiError::from)?)
}

/// Read-only lets through what only reads ([`super::forwarded_request`]).
async fn check_mode(
    request: &HttpRequest,
    ctx: &Context,
    (called, what): (&CalledAs, &str),
) -> Result<(), ActingRefusal> {
    let read_only = called.impersonation.as_ref().filter(|by| by.mode() == Mode::ReadOnly);
    let Some(by) = read_only.filter(|_| !is_safe(request)) else { return Ok(()) };
    note_blocked(ctx, by, what, &caller(request)).await.map_err(ApiError::from)?;
    let text = "the impersonation is read-only";
    Err(ApiError::new(StatusCode::FORBIDDEN, "access_denied", text).into())
}

/// In the order of [`NAMES`].
fn values(called: &CalledAs, token: Option<String>) -> [String; 9] {
    let user = called.user();
    let by = called.impersonation.as_ref();
    let id = |id: &UserId| encode(id.as_str(), ID);
    [
        user.map(|user| id(user.id)).unwrap_or_default(),
        encode(user.and_then(|user| user.profile.name.as_deref()).unwrap_or_default(), TEXT),
        encode(user.and_then(proven_address).unwrap_or_default(), ID),
        called.token.scope.to_string(),
        encode(called.token.client.id.as_str(), ID),
        by.map(|by| id(&by.actor().id)).unwrap_or_default(),
        by.map(|by| by.id().to_string()).unwrap_or_default(),
        by.map(|by| by.mode().as_str().to_owned()).unwrap_or_default(),
        token.unwrap_or_default(),
    ]
}

/// An API may know people by their address, so one that nobody has shown to be theirs is not told. That of
/// an app user is made up here.
fn proven_address(user: ShownAction<'_>) -> Option<&str> {
    let proven = user.profile.email_verified || user.kind == UserKind::AppUser;
    user.profile.email.as_deref().filter(|_| proven)
}

/// Two different ids are never one header: `%` is encoded, and the spaces that a header would lose.
const ID: &AsciiSet = &CONTROLS.add(b'%').add(b' ');
const TEXT: &AsciiSet = &CONTROLS.add(b'%');

fn encode(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_are_never_one_header() {
        for (id, value) in
            [("auth0|1", "auth0|1"), (" a", "%20a"), ("%20a", "%2520a"), ("ü", "%C3%BC")]
        {
            assert_eq!(encode(id, ID), value);
        }
    }

    #[test]
    fn a_proxy_asks_for_what_is_known() {
        let read = wanted("token=https%3A%2F%2Fapi.example").ok().unwrap();
        assert_eq!(read.token.as_deref(), Some("https://api.example"));
        for query in [
            "x=1",
            "token=",
            "token=a&token=b",
            "audience=a&audience=a",
            "scope=",
            "scope=+",
            "scope=a&scope=b",
            "scope=%22",
        ] {
            assert!(wanted(query).is_err(), "{query}");
        }
    }
}
