//! `/forward-auth`: a proxy asks who calls, for any API behind it (nginx `auth_request`, Traefik
//! `forwardAuth`, Envoy `ext_authz`).
//!
//! 200 with the headers of [`NAMES`], or 401, or 403. Every header is in every 200, empty where there is
//! nothing to say, so that what the proxy copies covers whatever the client smuggled in. Values are printable
//! ASCII; anything else in a name is percent-encoded.
use crate::domain::UserId;
use crate::domain::protocol::Mode;
use crate::domain::user::{Holder, UserKind};
use crate::flows::Context;
use crate::flows::act_as_user::{Called, Shown, note_blocked};
use crate::flows::forwarded_token::{check_audience, forwarded_token};
use crate::flows::verify_access_token::LiveToken;
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::extract::acting_as::{self, ActingRefusal};
use crate::http::extract::{Anyone, bearer, is_for_us};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

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

/// Where the proxy says what it was asked. Any of them may be there.
const METHODS: [&str; 2] = ["x-forwarded-method", "x-original-method"];
const TARGETS: [&str; 2] = ["x-forwarded-uri", "x-original-uri"];
/// An API may take these for the method, whatever the method is.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// Of a path as much is kept in the trail.
const LONGEST_TARGET: usize = 512;

/// What the proxy is configured to ask for, in the query of its own URL.
#[derive(Default)]
struct Wanted {
    /// Bearers for this API are taken too, and not only those for our own.
    audience: Option<String>,
    /// `X-Auth-Token` for this API, which is the audience then.
    token: Option<String>,
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
    answer(&request, &ctx, &Wanted::default()).await
}

fn wanted(query: &str) -> Result<Wanted, ApiError> {
    let mut wanted = Wanted::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let field = match name.as_ref() {
            "audience" => &mut wanted.audience,
            "token" => &mut wanted.token,
            _ => return Err(ApiError::invalid_request("the query holds what is not known here")),
        };
        if value.is_empty() || field.replace(value.into_owned()).is_some() {
            return Err(ApiError::invalid_request("an audience is given twice or not at all"));
        }
    }
    Ok(wanted)
}

async fn answer(request: &HttpRequest, ctx: &Context, wanted: &Wanted) -> HttpResponse {
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
    wanted: &Wanted,
) -> Result<HttpResponse, ActingRefusal> {
    let named = [wanted.audience.as_deref(), wanted.token.as_deref()];
    let accepts = |token: &LiveToken<Holder>| {
        let audience = token.audience.as_deref();
        is_for_us(ctx, token) || (audience.is_some() && named.contains(&audience))
    };
    if request.headers().keys().any(looks_like_ours) {
        return Err(ActingRefusal::Malformed("a header of ours is written with hyphens"));
    }
    let what = what(request);
    let called = acting_as::called(ctx, request, (bearer(request)?, &what), accepts).await?;
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

/// `x_auth_subject`, which some APIs read as `x-auth-subject`, and which not every proxy takes away.
fn looks_like_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.contains('_') && NAMES.contains(&name.replace('_', "-").as_str())
}

fn token_for(ctx: &Context, called: &Called, audience: &str) -> Result<String, ActingRefusal> {
    check_audience(ctx, called, audience).map_err(|_| ApiError::insufficient_scope())?;
    Ok(forwarded_token(ctx, called, audience).map_err(ApiError::from)?)
}

/// Read-only lets safe methods through ([RFC 9110 §9.2.1]); one that nobody names is none.
///
/// [RFC 9110 §9.2.1]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
async fn check_mode(
    request: &HttpRequest,
    ctx: &Context,
    (called, what): (&Called, &str),
) -> Result<(), ActingRefusal> {
    let read_only = called.impersonation.as_ref().filter(|by| by.mode() == Mode::ReadOnly);
    let Some(by) = read_only.filter(|_| !is_safe(request)) else { return Ok(()) };
    note_blocked(ctx, by, what, &caller(request)).await.map_err(ApiError::from)?;
    let text = "the impersonation is read-only";
    Err(ApiError::new(StatusCode::FORBIDDEN, "access_denied", text).into())
}

/// The method of the question itself counts too: there are proxies that ask with the client's.
fn is_safe(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let overridden = OVERRIDES.iter().any(|name| headers.contains_key(*name));
    let mut methods = METHODS.iter().flat_map(|name| headers.get_all(*name)).peekable();
    let safe = |method: &[u8]| matches!(method, b"GET" | b"HEAD" | b"OPTIONS");
    let asked = safe(request.method().as_str().as_bytes());
    asked
        && !overridden
        && methods.peek().is_some()
        && methods.all(|value: &HeaderValue| safe(value.as_bytes()))
}

/// What is asked for, as the proxy says: for the trail, and for nothing else.
fn what(request: &HttpRequest) -> String {
    let first = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| request.headers().get(*name))?.to_str().ok()?;
        // A query may hold secrets.
        Some(value.split('?').next().unwrap_or_default())
    };
    let method = first(METHODS).unwrap_or(request.method().as_str());
    let path = request.path();
    let target = first(TARGETS).unwrap_or(path.strip_prefix("/forward-auth").unwrap_or(path));
    format!("{method} {target}").chars().take(LONGEST_TARGET).collect()
}

/// In the order of [`NAMES`].
fn values(called: &Called, token: Option<String>) -> [String; 9] {
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
fn proven_address(user: Shown<'_>) -> Option<&str> {
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
    use actix_web::test::TestRequest;

    fn safe(headers: &[(&'static str, &'static str)]) -> bool {
        let request = headers.iter().fold(TestRequest::get(), |r, h| r.append_header(*h));
        is_safe(&request.to_http_request())
    }

    #[test]
    fn a_method_that_nobody_names_or_that_two_name_differently_is_not_safe() {
        assert!(safe(&[("x-original-method", "GET")]));
        assert!(safe(&[("x-forwarded-method", "HEAD"), ("x-original-method", "GET")]));
        assert!(!safe(&[]));
        assert!(!safe(&[("x-original-method", "POST")]));
        assert!(!safe(&[("x-original-method", "get")]));
        assert!(!safe(&[("x-original-method", "GET"), ("x-forwarded-method", "DELETE")]));
        assert!(!safe(&[("x-original-method", "GET"), ("x-original-method", "DELETE")]));
        assert!(!safe(&[("x-original-method", "GET"), ("x-http-method-override", "DELETE")]));
    }

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
        for query in ["x=1", "token=", "token=a&token=b", "audience=a&audience=a"] {
            assert!(wanted(query).is_err(), "{query}");
        }
    }
}
