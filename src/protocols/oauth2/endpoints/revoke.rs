//! `POST /oauth/revoke` ([RFC 7009 §2]).
//!
//! [RFC 7009 §2]: https://www.rfc-editor.org/rfc/rfc7009#section-2
use super::{body, cors, token};
use crate::flows::tokens::revoke::revoke;
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::http::extract::Anyone;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

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
    let mut answer = match sent.get("token") {
        None => body::refuse(
            &request,
            Failure::Refused(TokenRefusal::InvalidRequest("token is missing")),
        ),
        Some(token) => match revoke(&ctx, &client, token, &caller(&request)).await {
            // Some clients read an answer of any other type as a fault, however empty it is.
            Ok(()) => body::secret(StatusCode::OK).content_type("application/json").finish(),
            Err(cause) => body::accident(&cause),
        },
    };
    cors::allow(&request, client.client(), &mut answer);
    answer
}
