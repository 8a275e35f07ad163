//! Bodies and answers of the endpoints that applications call directly.
use crate::flows::Failure;
use crate::flows::InternalError;
use crate::http::api::method_not_allowed;
use crate::http::error::{ApiError, RETRY_AFTER, is_outage, log};
use crate::http::extract::Anyone;
use crate::http::reason::with_reason;
use crate::protocols::oauth2::parameters::{OauthParameters, UnreadableParameters};
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::header::HeaderMap;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde_json::json;

const MEDIA_TYPES: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];
/// Of UTF-8 and of both forms of UTF-16.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe"];

/// The largest assertion fits several times.
const LARGEST: usize = 64 * 1024;

/// The parameters of a `POST`, and none in the query, where they would end up in logs (RFC 6749 §3.2).
pub async fn parameters(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<OauthParameters, TokenRefusal> {
    if !request.query_string().is_empty() {
        return Err(TokenRefusal::InvalidRequest("parameters belong in the body"));
    }
    check_media(request.headers())?;
    let body = payload.to_bytes_limited(LARGEST).await.map_err(|_| TokenRefusal::TooLarge)?;
    let body = body.map_err(|_| TokenRefusal::InvalidRequest("the body cannot be read"))?;
    if BYTE_ORDER_MARKS.iter().any(|mark| body.starts_with(mark)) {
        return Err(TokenRefusal::UnsupportedMedia("the body begins with a byte order mark"));
    }
    OauthParameters::of_body(&body).map_err(|problem| {
        TokenRefusal::InvalidRequest(match problem {
            UnreadableParameters::Broken => "the parameters are not readable",
            UnreadableParameters::Twice => "a parameter is given twice",
        })
    })
}

/// A form or a JSON object ([RFC 6749 §3.2]; Auth0's SDKs send JSON), as it is: neither in parts nor compressed
/// ([RFC 9110 §15.5.16]). Programs that name no type are read as before.
///
/// [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
/// [RFC 9110 §15.5.16]: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
fn check_media(headers: &HeaderMap) -> Result<(), TokenRefusal> {
    let unknown = TokenRefusal::UnsupportedMedia(
        "the body is neither application/x-www-form-urlencoded nor application/json",
    );
    for value in headers.get_all(header::CONTENT_TYPE) {
        let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim();
        if !essence.is_empty() && !MEDIA_TYPES.iter().any(|it| essence.eq_ignore_ascii_case(it)) {
            return Err(unknown);
        }
    }
    let coded = headers.get_all(header::CONTENT_ENCODING).any(|value| {
        !value
            .to_str()
            .is_ok_and(|it| it.trim().is_empty() || it.trim().eq_ignore_ascii_case("identity"))
    });
    if coded {
        return Err(TokenRefusal::UnsupportedMedia("the body is compressed"));
    }
    Ok(())
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
        Failure::Internal(cause) => return accident(&cause),
        Failure::Busy => return unavailable(),
    };
    let (error, description) = refusal.words();
    let status = match refusal {
        TokenRefusal::InvalidClient => StatusCode::UNAUTHORIZED,
        TokenRefusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        TokenRefusal::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
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
    match refusal {
        TokenRefusal::TooManyFailures(wait) => {
            answer.insert_header((header::RETRY_AFTER, wait.seconds()));
        }
        // What would have been taken (RFC 9110 §12.5.3).
        TokenRefusal::UnsupportedMedia(_) => {
            answer.insert_header((header::ACCEPT_ENCODING, "identity"));
        }
        TokenRefusal::InvalidRequest(_)
        | TokenRefusal::TooLarge
        | TokenRefusal::InvalidClient
        | TokenRefusal::UnsupportedGrantType
        | TokenRefusal::InvalidScope
        | TokenRefusal::InvalidTarget
        | TokenRefusal::Grant(_) => {}
    }
    with_reason(
        answer.json(json!({ "error": error, "error_description": description })),
        description,
    )
}

/// Never an answer made up because of an outage.
pub fn accident(cause: &InternalError) -> HttpResponse {
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
pub fn accident_page(request: &HttpRequest, cause: InternalError) -> HttpResponse {
    crate::http::ui::message::of(request, &ApiError::from(cause))
}
