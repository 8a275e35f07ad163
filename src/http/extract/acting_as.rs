//! Who calls, and as whom: a bearer with or without `As-User` or `On-Behalf-Of`.
//!
//! A header that cannot be read is never taken for none: the call would run as the administrator who sent
//! it. Every refusal of a named user has one body, so that ids cannot be probed.
use super::bearer;
use crate::domain::UserId;
use crate::domain::protocol::Channel;
use crate::domain::user::{TokenSubject, User};
use crate::flows::tokens::act_as_user::{self, Call, CallRefusal, CalledAs, SubjectName};
use crate::flows::tokens::verify_access_token::LiveToken;
use crate::flows::{Context, Failure};
use crate::http::edge::RequestId;
use crate::http::error::ApiError;
use crate::http::header_name::normalized;
use crate::http::{box_error, caller};
use crate::impersonation::Impersonation;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError, web};
use futures_util::future::LocalBoxFuture;
use percent_encoding::percent_decode_str;

const AS_USER: HeaderName = HeaderName::from_static("as-user");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");
/// The longest address ([RFC 5321 §4.5.3.1]).
///
/// [RFC 5321 §4.5.3.1]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
const MAX_ADDRESS_LEN: usize = 254;

/// A caller with a live bearer that is for an API of ours, and the user that the call is made as.
pub struct ActingAs(CalledAs<User>);

impl ActingAs {
    pub fn token(&self) -> &LiveToken {
        &self.0.token
    }

    /// The effective user; `None` for an application that speaks for itself.
    pub fn user(&self) -> Option<&User> {
        self.0.person()
    }

    pub fn impersonation(&self) -> Option<&Impersonation> {
        self.0.impersonation.as_ref()
    }
}

impl FromRequest for ActingAs {
    type Error = ActingRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ActingRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = bearer(&request)?;
            let what = format!("{} {}", request.method(), request.path());
            let ctx = context(&request)?;
            let for_us = |token: &LiveToken<TokenSubject>| super::is_for_us(&ctx, token);
            let called = called(&ctx, &request, (token, &what), for_us).await?;
            let person = called.with_person(&ctx).await.map_err(ApiError::from)?;
            Ok(Self(person.ok_or_else(ApiError::invalid_token)?))
        })
    }
}

fn context(request: &HttpRequest) -> Result<web::Data<Context>, ActingRefusal> {
    Ok(request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?.clone())
}

/// The same for an endpoint that gets its bearer in another way, or takes tokens for others too.
///
/// `what` is done, in the words of the audit trail.
pub async fn called(
    ctx: &Context,
    request: &HttpRequest,
    (token, what): (&str, &str),
    accepts: impl FnOnce(&LiveToken<TokenSubject>) -> bool,
) -> Result<CalledAs, ActingRefusal> {
    request.extensions_mut().insert(Looked);
    let named = named(request.headers()).map_err(ActingRefusal::Malformed)?;
    let from = caller(request);
    let call = Call { token, named: named.as_ref(), what, caller: &from };
    let called = act_as_user::call(ctx, &call, accepts).await.map_err(|failure| match failure {
        Failure::Refused(CallRefusal::InvalidToken) => ApiError::invalid_token().into(),
        Failure::Refused(CallRefusal::Denied(_)) => ActingRefusal::forbidden(request),
        Failure::Internal(cause) => ApiError::from(cause).into(),
        Failure::Busy => ApiError::unavailable().into(),
    })?;
    if let Some(granted) = &called.impersonation {
        mark(request, granted);
    }
    Ok(called)
}

/// Why a call is not made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActingRefusal {
    /// The header is not to be read: 400.
    #[error("{0}")]
    Malformed(&'static str),
    /// The bearer names somebody as whom it may not act, whoever they are: 403, always the same.
    #[error("access denied")]
    Forbidden { request_id: String },
    /// The bearer is none, or something is down.
    #[error("{0}")]
    Other(ApiError),
}

impl ActingRefusal {
    pub fn forbidden(request: &HttpRequest) -> Self {
        let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        Self::Forbidden { request_id: id.unwrap_or_default() }
    }
}

impl From<ApiError> for ActingRefusal {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl ResponseError for ActingRefusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::Other(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Malformed(what) => ApiError::invalid_request(*what).error_response(),
            Self::Forbidden { request_id } => box_error::insufficient_permissions(request_id),
            Self::Other(error) => error.error_response(),
        }
    }
}

/// Whom the headers of a call name, if anybody.
///
/// # Errors
///
/// Both headers, one of them twice, a list, a name written with `_` (which some servers take for `-`), an
/// empty or unreadable value, and a `Connection` header that would make a proxy take the name away.
pub fn named(headers: &HeaderMap) -> Result<Option<(Channel, SubjectName)>, &'static str> {
    let ours = |name: &str| name == AS_USER.as_str() || name == ON_BEHALF_OF.as_str();
    let look_alike = |name: &HeaderName| {
        let normalized = normalized(name.as_str());
        normalized != name.as_str() && ours(&normalized)
    };
    if headers.keys().any(look_alike) {
        return Err("the header is written with hyphens");
    }
    let hop_by_hop = headers
        .get_all(actix_web::http::header::CONNECTION)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| ours(&normalized(name.trim())));
    if hop_by_hop {
        return Err("Connection must not list As-User or On-Behalf-Of");
    }
    match (one(headers, &AS_USER)?, one(headers, &ON_BEHALF_OF)?) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("As-User and On-Behalf-Of are not given together"),
        (Some(id), None) => {
            let id = decoded(id).and_then(|id| UserId::parse(id).ok());
            let id = id.ok_or("As-User is no user id")?;
            Ok(Some((Channel::AsUser, SubjectName::Id(id))))
        }
        (None, Some(address)) => {
            let (local, domain) = address.split_once('@').unwrap_or_default();
            let readable = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
            if !readable || address.len() > MAX_ADDRESS_LEN {
                return Err("On-Behalf-Of is no e-mail address");
            }
            Ok(Some((Channel::OnBehalfOf, SubjectName::Email(address.to_owned()))))
        }
    }
}

/// As `X-Auth-Subject` writes ids: what is not ASCII, `%` and the space are percent-encoded, so an id of any characters
/// can be named, and two different ids are never one header (K-51).
fn decoded(id: &str) -> Option<String> {
    percent_decode_str(id).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// One word of printable ASCII; a comma would make it a list.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("As-User and On-Behalf-Of name one user");
    }
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == ',') {
        return Err("As-User and On-Behalf-Of name one user");
    }
    Ok(Some(text))
}

/// The endpoint looked at the headers, so its answers differ by them.
struct Looked;

/// The call is made by an impersonation.
struct Mark {
    id: HeaderValue,
    deprecated: bool,
}

/// From here on every answer to `request` says that it is acting, whatever it is.
pub fn mark(request: &HttpRequest, granted: &Impersonation) {
    if let Ok(id) = HeaderValue::from_str(granted.id().as_str()) {
        let deprecated = granted.channel() == Channel::OnBehalfOf;
        request.extensions_mut().insert(Mark { id, deprecated });
    }
}

const SUCCESSOR: HeaderValue = HeaderValue::from_static(
    "<https://developer.box.com/guides/authentication/jwt/as-user/>; rel=\"successor-version\"",
);

/// What every answer to a call that looked at the headers carries: kept by nobody for another user.
pub fn finish(request: &HttpRequest, headers: &mut HeaderMap) {
    use actix_web::http::header::{CACHE_CONTROL, LINK, VARY};
    let extensions = request.extensions();
    if extensions.get::<Looked>().is_none() {
        return;
    }
    headers.append(VARY, HeaderValue::from_static("As-User, On-Behalf-Of"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(mark) = extensions.get::<Mark>() else { return };
    headers.insert(HeaderName::from_static("x-impersonation-id"), mark.id.clone());
    if mark.deprecated {
        headers.insert(HeaderName::from_static("deprecation"), HeaderValue::from_static("true"));
        headers.insert(LINK, SUCCESSOR);
    }
}

#[cfg(test)]
#[path = "acting_as_tests.rs"]
mod tests;
