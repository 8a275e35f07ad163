//! Which scope each route of our own API asks for.
//!
//! The extractors look here, so a route that is not in the table answers nobody. `docs/api-scopes.md` is compared
//! with it.
use crate::domain::api_scope::ApiScope;
use actix_web::HttpRequest;

/// A route, as it is mounted, and what a token needs for it.
#[derive(Debug, Clone, Copy)]
pub struct ApiRoute {
    pub method: &'static str,
    pub path: &'static str,
    pub scope: ApiScope,
}

const fn route(method: &'static str, path: &'static str, scope: ApiScope) -> ApiRoute {
    ApiRoute { method, path, scope }
}

pub const API_ROUTES: [ApiRoute; 8] = [
    route("POST", "/users/{user_id}/impersonate", ApiScope::ImpersonationsCreate),
    route("POST", "/api/users/{user_id}/impersonate", ApiScope::ImpersonationsCreate),
    route("POST", "/api/impersonations", ApiScope::ImpersonationsCreate),
    route("GET", "/api/impersonations", ApiScope::ImpersonationsRead),
    route("GET", "/api/impersonations/{id}", ApiScope::ImpersonationsRead),
    route("DELETE", "/api/impersonations/{id}", ApiScope::ImpersonationsEnd),
    route("POST", "/api/impersonations/end-all", ApiScope::ImpersonationsEnd),
    route("POST", "/api/sessions/end-all", ApiScope::SessionsEnd),
];

/// What the route of `request` asks for.
pub(super) fn scope_of(request: &HttpRequest) -> Option<ApiScope> {
    let path = request.match_pattern()?;
    let method = if request.method() == "HEAD" { "GET" } else { request.method().as_str() };
    let own = API_ROUTES.iter().find(|route| route.path == path && route.method == method);
    own.map(|route| route.scope)
}
