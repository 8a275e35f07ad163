//! Proofs of the caller. A handler that takes one of these cannot run without it.
//!
//! [`acting_as`] for whoever may act as somebody by a header; the others here.
pub mod acting_as;

use super::caller;
use super::error::ApiError;
use crate::domain::client::{Client, ClientKind};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{ClientId, Timestamp};
use crate::flows::verify_access_token::{LiveToken, live_token_of};
use crate::flows::{Context, Moment};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;

/// Nobody in particular: the route is open on purpose.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

impl FromRequest for Anyone {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

/// The token of `Authorization: Bearer`; the scheme's case does not matter (RFC 9110 §11.1).
pub fn bearer(request: &HttpRequest) -> Result<&str, ApiError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().ok_or_else(ApiError::no_credential)?;
    if values.next().is_some() {
        return Err(ApiError::invalid_request("more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| ApiError::invalid_token())?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::no_credential());
    }
    match token.trim() {
        "" => Err(ApiError::invalid_token()),
        token => Ok(token),
    }
}

async fn live_token(request: &HttpRequest) -> Result<LiveToken, ApiError> {
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?;
    let token = bearer(request)?;
    let live = live_token_of(ctx, token, &caller(request)).await?;
    live.ok_or_else(ApiError::invalid_token)
}

/// Whether a token was minted for an API of ours, and not for somebody else's (A04).
pub fn is_for_us<U>(ctx: &Context, token: &LiveToken<U>) -> bool {
    token.audience.as_deref().is_none_or(|audience| {
        let rest = audience.strip_prefix(ctx.issuer());
        rest.is_some_and(|rest| matches!(rest, "" | "/" | "/api/v2" | "/api/v2/"))
    })
}

/// The live token of the request, if it is for an API of ours.
pub async fn api_token(request: &HttpRequest) -> Result<LiveToken, ApiError> {
    let token = live_token(request).await?;
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?;
    if is_for_us(ctx, &token) { Ok(token) } else { Err(ApiError::invalid_token()) }
}

/// The same for an endpoint where nobody acts as somebody: impersonations are not managed by impersonations.
async fn own_token(request: &HttpRequest) -> Result<LiveToken, ApiError> {
    let token = api_token(request).await?;
    match acting_as::named(request.headers()) {
        Ok(None) => Ok(token),
        Ok(Some(_)) => Err(ApiError::insufficient_scope()),
        Err(what) => Err(ApiError::invalid_request(what)),
    }
}

/// The global client: the only one that may ask for a link on somebody's behalf.
pub struct GlobalClient {
    pub client: Arc<Client>,
    /// When its token was looked up.
    pub at: Moment,
}

impl FromRequest for GlobalClient {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = own_token(&request).await?;
            let is_global = token.client.kind == ClientKind::Global && token.user.is_none();
            let global = is_global.then_some(Self { client: token.client, at: token.at });
            global.ok_or_else(ApiError::insufficient_scope)
        })
    }
}

/// The global client, or a person by their own token. Never an impersonated one.
pub enum ApiCaller {
    Global(Arc<Client>),
    Person(Box<PersonByToken>),
}

/// A person, and the token by which they call.
pub struct PersonByToken {
    pub user: User,
    /// The application that holds the token.
    pub application: ClientId,
    pub scopes: Scopes,
    pub authenticated_at: Option<Timestamp>,
}

impl FromRequest for ApiCaller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = own_token(&request).await?;
            match token.user {
                None if token.client.kind == ClientKind::Global => Ok(Self::Global(token.client)),
                Some(user) if token.impersonation.is_none() => {
                    Ok(Self::Person(Box::new(PersonByToken {
                        user,
                        application: token.client.id.clone(),
                        scopes: token.scope,
                        authenticated_at: token.authenticated_at,
                    })))
                }
                Some(_) | None => Err(ApiError::insufficient_scope()),
            }
        })
    }
}

impl ApiCaller {
    /// What a person may do by their roles; the global client may do everything here.
    pub fn require(&self, permission: &str) -> Result<(), ApiError> {
        match self {
            Self::Global(_) => Ok(()),
            Self::Person(person) if person.user.permissions.holds(permission) => Ok(()),
            Self::Person(_) => Err(ApiError::insufficient_scope()),
        }
    }

    /// Only rows of this organization are seen; `None` for the operator, who sees all.
    pub fn organization(&self) -> Option<&crate::domain::OrganizationId> {
        match self {
            Self::Global(client) => client.organization.as_ref().map(|o| &o.id),
            Self::Person(person) => person.user.organization_id(),
        }
    }

    /// The name in the audit trail.
    pub fn id(&self) -> &str {
        match self {
            Self::Global(client) => client.id.as_str(),
            Self::Person(person) => person.user.id.as_str(),
        }
    }
}
