//! `POST /oauth/token` ([RFC 6749 §3.2]).
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
use super::{body, client, cors};
use crate::domain::client::Client;
use crate::flows::tokens::issue_tokens::IssuedTokens;
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::http::extract::Anyone;
use crate::observability::counters;
use crate::protocols::oauth2::grants;
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;

/// RFC 6749 §5.1; written straight into the body.
#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    let sent = match body::parameters(&request, payload).await {
        Ok(sent) => sent,
        Err(refusal) => return body::refuse(&request, Failure::Refused(refusal)),
    };
    let authenticated = client::authenticated(&ctx, &request, &sent).await;
    if authenticated.is_err() {
        count(&sent, &authenticated);
    }
    let authenticated = match authenticated {
        Ok(authenticated) => authenticated,
        Err(failure) => return body::refuse(&request, failure),
    };
    let outcome = grants::run(&ctx, &authenticated, &sent, &caller(&request)).await;
    count(&sent, &outcome);
    let answer = match outcome {
        Ok(tokens) => given(&tokens),
        Err(failure) => body::refuse(&request, failure),
    };
    readable(&request, authenticated.client(), answer)
}

/// For this endpoint and the Box-shaped one: by grant, whose names are ours ([`counters::TOKENS`]).
pub(super) fn count<T, R>(sent: &OauthParameters, outcome: &Result<T, Failure<R>>) {
    let grant = sent.get("grant_type").unwrap_or_default();
    let grant = grant.strip_prefix("urn:ietf:params:oauth:grant-type:").unwrap_or(grant);
    let outcome = match outcome {
        Ok(_) => "issued",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::Internal(_) | Failure::Busy) => "error",
    };
    counters::TOKENS.count_in(&grant.replace('-', "_"), outcome);
}

fn readable(request: &HttpRequest, client: &Arc<Client>, mut answer: HttpResponse) -> HttpResponse {
    cors::allow(request, client, &mut answer);
    answer
}

fn given(tokens: &IssuedTokens) -> HttpResponse {
    body::secret(StatusCode::OK).json(TokenBody {
        access_token: &tokens.access_token,
        token_type: "Bearer",
        expires_in: tokens.expires_in,
        scope: &tokens.scope.to_string(),
        id_token: tokens.id_token.as_deref(),
        refresh_token: tokens.refresh_token.as_deref(),
        issued_token_type: tokens.issued_token_type,
    })
}

/// For its neighbours: the caller, proven, with what it sent.
pub(super) async fn proven(
    ctx: &Context,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<
    (crate::flows::tokens::authenticate_client::AuthenticatedClient, OauthParameters),
    HttpResponse,
> {
    let refused = |refusal: TokenRefusal| body::refuse(request, Failure::Refused(refusal));
    let sent = body::parameters(request, payload).await.map_err(refused)?;
    let client = client::authenticated(ctx, request, &sent).await;
    let client = client.map_err(|failure| body::refuse(request, failure))?;
    Ok((client, sent))
}
