//! `/userinfo` (OpenID Connect Core §5.3), by `GET` and by `POST`.
use super::{body, cors};
use crate::flows::Context;
use crate::flows::tokens::userinfo::{NotOpenid, userinfo};
use crate::http::error::ApiError;
use crate::http::extract::{Anyone, acting_as, bearer};
use crate::protocols::oauth2::parameters::OauthParameters;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde_json::json;

const LARGEST: usize = 16 * 1024;

pub async fn get(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    match bearer(&request) {
        Ok(token) => answer(&request, &ctx, token).await,
        Err(refused) => refused.error_response(),
    }
}

/// In the header or in a form, never in both ([RFC 6750 §2]).
///
/// [RFC 6750 §2]: https://www.rfc-editor.org/rfc/rfc6750#section-2
pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    let malformed = || ApiError::invalid_request("the body is no form").error_response();
    let Ok(Ok(sent)) = payload.to_bytes_limited(LARGEST).await else { return malformed() };
    let Ok(sent) = OauthParameters::of_form(&sent) else { return malformed() };
    match (request.headers().contains_key(header::AUTHORIZATION), sent.get("access_token")) {
        (false, Some(token)) => answer(&request, &ctx, token).await,
        (true, Some(_)) => ApiError::invalid_request("the token is given twice").error_response(),
        (_, None) => match bearer(&request) {
            Ok(token) => answer(&request, &ctx, token).await,
            Err(refused) => refused.error_response(),
        },
    }
}

async fn answer(request: &HttpRequest, ctx: &Context, token: &str) -> HttpResponse {
    let what = format!("{} {}", request.method(), request.path());
    // A token for another API may sign in too.
    let called = match acting_as::called(ctx, request, (token, &what), |_| true).await {
        Ok(called) => called,
        Err(refused) => return refused.error_response(),
    };
    match userinfo(ctx, &called) {
        Ok(claims) => {
            let mut answer = body::secret(StatusCode::OK).json(claims);
            cors::allow(request, &called.token.client, &mut answer);
            answer
        }
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: NotOpenid) -> HttpResponse {
    body::secret(StatusCode::FORBIDDEN)
        .insert_header((header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\""))
        .json(json!({ "error": "insufficient_scope", "error_description": refusal.to_string() }))
}
