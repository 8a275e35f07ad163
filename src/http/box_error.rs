//! Errors in the envelope of the Box-shaped API.
use super::reason::with_reason;
use actix_web::HttpResponse;
use actix_web::http::header;
use serde_json::json;

/// Where the shape is described.
pub const HELP_URL: &str =
    "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/";

/// Whatever it is that may not be done: one and the same answer.
pub fn insufficient_permissions(request_id: &str) -> HttpResponse {
    let mut answer = HttpResponse::Forbidden();
    let answer = answer.insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "type": "error",
        "status": 403,
        "code": "access_denied_insufficient_permissions",
        "help_url": HELP_URL,
        "message": "Access denied - insufficient permission",
        "request_id": request_id,
    }));
    with_reason(answer, "access denied")
}
