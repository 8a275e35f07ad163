//! The JSON API: impersonation, and the health of the server.
//!
//! Start at [`impersonate`], Auth0's endpoint; [`link`] opens what it hands out; [`impersonations`] is
//! the same as a resource of ours; [`box_`] is the Box-shaped API, and [`forward_auth`] is asked by proxies,
//! for APIs of others.
pub mod box_;
pub mod forward_auth;
mod forwarded_request;
pub mod health;
pub mod impersonate;
pub mod impersonations;
pub mod link;
pub mod parameters;
mod sessions;

use super::error::ApiError;
use actix_web::error::QueryPayloadError;
use actix_web::http::StatusCode;
use actix_web::{Route, guard, web};

/// A request for a link fits many times.
const MAX_BODY_SIZE: usize = 64 * 1024;

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.app_data(
        web::QueryConfig::default().error_handler(|problem, _| unreadable(&problem).into()),
    );
    cfg.configure(box_::routes);
    for path in ["/users/{user_id}/impersonate", "/api/users/{user_id}/impersonate"] {
        cfg.service(link::resource(path));
    }
    cfg.service(
        web::resource("/api/impersonations")
            .route(read().to(impersonations::list))
            .route(web::post().to(impersonations::create))
            .default_service(web::to(method_not_allowed_get_post)),
    )
    .service(
        web::resource("/api/impersonations/end-all")
            .route(web::post().to(impersonations::end_all))
            .default_service(web::to(method_not_allowed_post)),
    )
    .service(
        web::resource("/api/sessions/end-all")
            .route(web::post().to(sessions::end_all))
            .default_service(web::to(method_not_allowed_post)),
    )
    .service(
        web::resource("/api/impersonations/{id}")
            .route(read().to(impersonations::read_impersonation))
            .route(web::delete().to(impersonations::end))
            .default_service(web::to(method_not_allowed_get_delete)),
    )
    .service(web::resource("/forward-auth").to(forward_auth::ask))
    .service(web::resource("/forward-auth/{path:.*}").to(forward_auth::ask_with_path))
    .service(web::resource("/forward-auth-for/{path:.*}").to(forward_auth::ask_for_path))
    .service(
        web::resource("/health/live")
            .route(read().to(health::live))
            .default_service(web::to(method_not_allowed_get)),
    )
    .service(
        web::resource("/health/ready")
            .route(read().to(health::ready))
            .default_service(web::to(method_not_allowed_get)),
    );
}

/// `GET` and `HEAD` are always taken together ([RFC 9110 §9.1]); the server leaves the body of the second away.
///
/// [RFC 9110 §9.1]: https://www.rfc-editor.org/rfc/rfc9110#section-9.1
pub fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// `HEAD` where a `GET` may change something: it changes nothing, and says that there is something.
pub async fn head_of_what_changes(_: super::extract::Anyone) -> actix_web::HttpResponse {
    actix_web::HttpResponse::Ok()
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .insert_header((actix_web::http::header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .finish()
}

fn unreadable(problem: &QueryPayloadError) -> ApiError {
    match problem {
        QueryPayloadError::Deserialize(problem) => ApiError::invalid_request(problem.to_string()),
        _ => ApiError::invalid_request("the query cannot be read"),
    }
}

/// The body of a request, whole.
async fn body(payload: web::Payload) -> Result<web::Bytes, ApiError> {
    let status = StatusCode::PAYLOAD_TOO_LARGE;
    let too_large = ApiError::new(status, "invalid_request", "the body is larger than 64 KiB");
    let body = payload.to_bytes_limited(MAX_BODY_SIZE).await.map_err(|_| too_large)?;
    body.map_err(|_| ApiError::invalid_request("the body did not arrive whole"))
}

/// 405 with `Allow` ([RFC 9110 §15.5.6]).
///
/// [RFC 9110 §15.5.6]: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
pub fn method_not_allowed(allow: &'static str) -> actix_web::HttpResponse {
    actix_web::HttpResponse::MethodNotAllowed()
        .insert_header((actix_web::http::header::ALLOW, allow))
        .json(serde_json::json!({
            "error": "invalid_request",
            "error_description": "this method is not allowed here",
        }))
}

pub async fn method_not_allowed_get(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("GET, HEAD")
}

async fn method_not_allowed_get_post(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("GET, HEAD, POST")
}

async fn method_not_allowed_post(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("POST")
}

async fn method_not_allowed_get_delete(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("GET, HEAD, DELETE")
}
