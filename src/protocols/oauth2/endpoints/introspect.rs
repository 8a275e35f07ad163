//! `POST /oauth/introspect` ([RFC 7662 §2]).
//!
//! [RFC 7662 §2]: https://www.rfc-editor.org/rfc/rfc7662#section-2
use super::{body, token};
use crate::domain::UserId;
use crate::flows::tokens::introspect::{IntrospectionQuestion, introspect};
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::extract::Anyone;
use crate::http::extract::acting_as::ActingRefusal;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
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
        return body::refuse(&request, Failure::Refused(TokenRefusal::InvalidClient));
    }
    let Some(token) = sent.get("token") else {
        return body::refuse(
            &request,
            Failure::Refused(TokenRefusal::InvalidRequest("token is missing")),
        );
    };
    let Ok(as_user) = sent.get("as_user").map(UserId::parse).transpose() else {
        let refusal = TokenRefusal::InvalidRequest("as_user is no user id");
        return body::refuse(&request, Failure::Refused(refusal));
    };
    let question = IntrospectionQuestion { token, as_user: as_user.as_ref() };
    match introspect(&ctx, &client, &question, &caller(&request)).await {
        Ok(Some(members)) => body::secret(StatusCode::OK).json(members),
        Ok(None) => body::secret(StatusCode::OK).json(json!({ "active": false })),
        Err(Failure::Refused(_)) => ActingRefusal::forbidden(&request).error_response(),
        Err(Failure::Internal(cause)) => body::accident(&cause),
        Err(Failure::Busy) => ApiError::unavailable().error_response(),
    }
}
