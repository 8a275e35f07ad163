//! Bodies and answers of the endpoints that applications call directly.
use crate::flows::Accident;
use crate::flows::Failure;
use crate::http::api::method_not_allowed;
use crate::http::error::{ApiError, RETRY_AFTER, is_outage, log};
use crate::http::extract::Anyone;
use crate::protocols::oauth2::parameters::{Parameters, Unreadable};
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde_json::json;

/// The largest assertion fits several times.
const LARGEST: usize = 64 * 1024;

/// The parameters of a `POST`, and none in the query, where they would end up in logs (RFC 6749 §3.2).
pub async fn parameters(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Parameters, TokenRefusal> {
    if !request.query_string().is_empty() {
        return Err(TokenRefusal::InvalidRequest("parameters belong in the body"));
    }
    let body = payload.to_bytes_limited(LARGEST).await.map_err(|_| TokenRefusal::TooLarge)?;
    let body = body.map_err(|_| TokenRefusal::InvalidRequest("the body cannot be read"))?;
    Parameters::of_body(&body).map_err(|problem| {
        TokenRefusal::InvalidRequest(match problem {
            Unreadable::Broken => "the parameters are not readable",
            Unreadable::Twice => "a parameter is given twice",
        })
    })
}

/// Secrets are in it: kept by nobody (RFC 6749 §5.1).
pub fn secret(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"));
    answer
}

/// RFC 6749 §5.2. Only an application that tried HTTP authentication is challenged to it, with the one scheme that
/// there is: others read the challenge and not the error.
pub fn refuse(request: &HttpRequest, failure: Failure<TokenRefusal>) -> HttpResponse {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Accident(cause) => return accident(&cause),
        Failure::Busy => return unavailable(),
    };
    let (error, description) = refusal.words();
    let status = match refusal {
        TokenRefusal::InvalidClient => StatusCode::UNAUTHORIZED,
        TokenRefusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        TokenRefusal::TooManyFailures(_) => StatusCode::TOO_MANY_REQUESTS,
        TokenRefusal::InvalidRequest(_)
        | TokenRefusal::UnsupportedGrantType
        | TokenRefusal::InvalidScope
        | TokenRefusal::InvalidTarget
        | TokenRefusal::Grant(_) => StatusCode::BAD_REQUEST,
    };
    let mut answer = secret(status);
    let tried = request.headers().contains_key(header::AUTHORIZATION);
    if status == StatusCode::UNAUTHORIZED && tried {
        answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"Understudy\""));
    }
    if let TokenRefusal::TooManyFailures(wait) = refusal {
        answer.insert_header((header::RETRY_AFTER, wait.seconds()));
    }
    answer.json(json!({ "error": error, "error_description": description }))
}

/// Never an answer made up because of an outage.
pub fn accident(cause: &Accident) -> HttpResponse {
    log(cause);
    if is_outage(cause) {
        return unavailable();
    }
    secret(StatusCode::INTERNAL_SERVER_ERROR)
        .json(json!({ "error": "server_error", "error_description": "something went wrong here" }))
}

pub fn unavailable() -> HttpResponse {
    let words = json!({
        "error": "temporarily_unavailable",
        "error_description": "try again in a moment",
    });
    secret(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((header::RETRY_AFTER, RETRY_AFTER))
        .json(words)
}

pub async fn only_post(_: Anyone) -> HttpResponse {
    method_not_allowed("POST")
}

pub async fn only_get(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD")
}

pub async fn only_get_and_post(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD, POST")
}

/// For a person, who has come by a link of an application.
pub fn accident_page(request: &HttpRequest, cause: Accident) -> HttpResponse {
    crate::http::pages::message::of(request, &ApiError::from(cause))
}
