//! `POST /oauth/introspect` ([RFC 7662 §2]).
//!
//! [RFC 7662 §2]: https://www.rfc-editor.org/rfc/rfc7662#section-2
use super::{body, token};
use crate::flows::introspect::introspect;
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::http::extract::Anyone;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    let (client, sent) = match token::proven(&ctx, &request, payload).await {
        Ok(proven) => proven,
        Err(refused) => return refused,
    };
    // A name alone proves nothing, and a token tells about people (§2.1).
    if !client.client().kind.is_confidential() {
        return body::refuse(Failure::Refused(TokenRefusal::InvalidClient));
    }
    let Some(token) = sent.get("token") else {
        return body::refuse(Failure::Refused(TokenRefusal::InvalidRequest("token is missing")));
    };
    match introspect(&ctx, &client, token, &caller(&request)).await {
        Ok(Some(members)) => body::secret(StatusCode::OK).json(members),
        Ok(None) => body::secret(StatusCode::OK).json(json!({ "active": false })),
        Err(cause) => body::accident(&cause),
    }
}
