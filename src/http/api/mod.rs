//! The JSON API: impersonation, and the health of the server.
//!
//! Start at [`impersonate`], Auth0's endpoint; [`link`] opens what it hands out; [`impersonations`] is
//! the same as a resource of ours.
pub mod health;
pub mod impersonate;
pub mod impersonations;
pub mod link;
pub mod parameters;

use actix_web::web;

pub fn routes(cfg: &mut web::ServiceConfig) {
    for path in ["/users/{user_id}/impersonate", "/api/users/{user_id}/impersonate"] {
        cfg.service(link::resource(path));
    }
    cfg.service(
        web::resource("/api/impersonations")
            .route(web::get().to(impersonations::list))
            .route(web::post().to(impersonations::create))
            .default_service(web::to(method_not_allowed_get_post)),
    )
    .service(
        web::resource("/api/impersonations/end-all")
            .route(web::post().to(impersonations::end_all))
            .default_service(web::to(method_not_allowed_post)),
    )
    .service(
        web::resource("/api/impersonations/{id}")
            .route(web::get().to(impersonations::read_impersonation))
            .route(web::delete().to(impersonations::end))
            .default_service(web::to(method_not_allowed_get_delete)),
    )
    .service(
        web::resource("/health/live")
            .route(web::get().to(health::live))
            .default_service(web::to(method_not_allowed_get)),
    )
    .service(
        web::resource("/health/ready")
            .route(web::get().to(health::ready))
            .default_service(web::to(method_not_allowed_get)),
    );
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
    method_not_allowed("GET")
}

async fn method_not_allowed_get_post(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("GET, POST")
}

async fn method_not_allowed_post(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("POST")
}

async fn method_not_allowed_get_delete(_: super::extract::Anyone) -> actix_web::HttpResponse {
    method_not_allowed("GET, DELETE")
}
