//! Proofs of the caller. A handler that takes one of these cannot run without it.
//!
//! [`acting_as`] for whoever may act as somebody by a header; the others here.
pub mod acting_as;
pub mod api_routes;

use super::caller;
use super::edge::BearerClient;
use super::error::ApiError;
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{Client, ClientKind};
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::domain::{OrganizationId, Timestamp};
use crate::flows::tokens::api_access::{ApiRefusal, RefusedCall, carries, note_refused};
use crate::flows::tokens::verify_access_token::{LiveToken, live_token_of};
use crate::flows::{Context, Moment};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use api_routes::scope_of;
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
    token.is_for(ctx.issuer())
}

/// The live token of a request to our own API, which carries the scope that its route asks for.
///
/// Who acts as another user by a header does not come here: impersonations are not managed by impersonations.
async fn api_token(request: &HttpRequest) -> Result<LiveToken, ApiError> {
    let token = live_token(request).await?;
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?;
    if !is_for_us(ctx, &token) {
        return Err(ApiError::invalid_token());
    }
    request.extensions_mut().insert(BearerClient(token.client.id.to_string()));
    let Some(scope) = scope_of(request) else { return Err(ApiError::insufficient_scope()) };
    match acting_as::named(request.headers()) {
        Ok(None) if carries(&token, scope) => Ok(token),
        Ok(_) => {
            let bearer = (&*token.client, token.user.as_ref());
            refuse(request, bearer, (scope, ApiRefusal::Scope)).await
        }
        Err(what) => Err(ApiError::invalid_request(what)),
    }
}

/// Writes the refusal down before it is answered.
async fn refuse<T>(
    request: &HttpRequest,
    bearer: (&Client, Option<&User>),
    (scope, because): (ApiScope, ApiRefusal),
) -> Result<T, ApiError> {
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?;
    let what = format!("{} {}", request.method(), request.path());
    let refused = RefusedCall::of_person(bearer, (scope.as_str(), because, &what));
    note_refused(ctx, &refused, &caller(request)).await?;
    Err(match because {
        ApiRefusal::Scope => ApiError::lacks_scope(scope.as_str()),
        ApiRefusal::Permission => ApiError::insufficient_scope(),
    })
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
            let token = api_token(&request).await?;
            if token.client.kind == ClientKind::Global && token.user.is_none() {
                return Ok(Self { client: token.client, at: token.at });
            }
            let bearer = (&*token.client, token.user.as_ref());
            let scope = ApiScope::ImpersonationsCreate;
            refuse(&request, bearer, (scope, ApiRefusal::Permission)).await
        })
    }
}

/// Who calls our own API: an application that speaks for itself, or a person by a token of an application. The
/// token carries the scope of the route ([`api_routes`]) and acts as no other user.
pub struct ApiCaller {
    client: Arc<Client>,
    person: Option<Box<User>>,
    scopes: Scopes,
    authenticated_at: Option<Timestamp>,
}

impl FromRequest for ApiCaller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = api_token(&request).await?;
            Ok(Self {
                client: token.client,
                person: token.user.map(Box::new),
                scopes: token.scope,
                authenticated_at: token.authenticated_at,
            })
        })
    }
}

impl ApiCaller {
    /// Whether the person of the token may do by their roles what its scope is for. An application that speaks
    /// for itself may do what its token carries.
    pub async fn require(&self, request: &HttpRequest, scope: ApiScope) -> Result<(), ApiError> {
        let holds = |user: &User| scope.permission().is_none_or(|p| user.permissions.holds(p));
        if self.person.as_deref().is_none_or(holds) {
            return Ok(());
        }
        let bearer = (&*self.client, self.person.as_deref());
        refuse(request, bearer, (scope, ApiRefusal::Permission)).await
    }

    /// The person names somebody else as the one who acts.
    pub async fn refuse_other_actor<T>(&self, request: &HttpRequest) -> Result<T, ApiError> {
        let bearer = (&*self.client, self.person.as_deref());
        refuse(request, bearer, (ApiScope::ImpersonationsCreate, ApiRefusal::Permission)).await
    }

    /// The application that the token was given to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn person(&self) -> Option<&User> {
        self.person.as_deref()
    }

    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// When the person of the token signed in.
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.authenticated_at
    }

    /// Only rows of this organization are seen; `None` for the operator, who sees all.
    pub fn organization(&self) -> Option<&OrganizationId> {
        match self.person() {
            None => self.client.organization.as_ref().map(|o| &o.id),
            Some(user) => user.organization_id(),
        }
    }

    /// The name in the audit trail.
    pub fn id(&self) -> &str {
        match self.person() {
            None => self.client.id.as_str(),
            Some(user) => user.id.as_str(),
        }
    }
}
