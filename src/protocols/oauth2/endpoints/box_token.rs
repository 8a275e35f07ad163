//! `POST /oauth2/token` and `POST /oauth2/revoke`, as Box's SDKs call them.
//!
//! Three grants: the JWT grant ([RFC 7523 §2.1]) with `box_sub_type`, client credentials with
//! `box_subject_type`, and the exchange of a token for a narrower one. No refresh tokens, and no answer
//! but 400 to what is wrong.
//!
//! [RFC 7523 §2.1]: https://www.rfc-editor.org/rfc/rfc7523#section-2.1
use super::{body, client, token};
use crate::domain::scope::Scopes;
use crate::flows::tokens::authenticate_client::AuthenticatedClient;
use crate::flows::tokens::issue_box_token::{
    BoxRefusal, BoxToken, BoxTokenRequest, by_assertion, by_name,
};
use crate::flows::tokens::narrow_token::narrow_token;
use crate::flows::tokens::read_assertion::Subject;
use crate::flows::tokens::revoke::revoke;
use crate::flows::{Context, Failure};
use crate::http::caller;
use crate::http::extract::{self, Anyone};
use crate::http::reason::with_reason;
use crate::protocols::oauth2::box_refusal::BoxTokenRefusal;
use crate::protocols::oauth2::parameters::OauthParameters;
use crate::protocols::oauth2::refusal::TokenRefusal;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_CREDENTIALS: &str = "client_credentials";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// In the order in which Box writes it.
#[derive(Serialize)]
struct BoxTokenBody<'a> {
    access_token: &'a str,
    expires_in: i64,
    restricted_to: [(); 0],
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

type BoxTokenOutcome = Result<HttpResponse, Failure<BoxTokenRefusal>>;

pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    answered(granted(&request, &ctx, payload).await)
}

pub async fn post_revoke(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    answered(revoked(&request, &ctx, payload).await)
}

async fn granted(request: &HttpRequest, ctx: &Context, payload: web::Payload) -> BoxTokenOutcome {
    let sent = body::parameters(request, payload).await.map_err(request_refused)?;
    let outcome = granted_to(request, ctx, &sent).await;
    token::count(&sent, &outcome);
    outcome
}

async fn granted_to(
    request: &HttpRequest,
    ctx: &Context,
    sent: &OauthParameters,
) -> BoxTokenOutcome {
    match sent.get("grant_type") {
        Some(JWT_BEARER) => {
            let client = authenticated(ctx, request, sent).await?;
            let assertion = sent.get("assertion").ok_or(missing("assertion is missing"))?;
            let scope = scope(sent)?;
            let caller = caller(request);
            let asking =
                BoxTokenRequest { client: &client, scope: scope.as_ref(), caller: &caller };
            given(by_assertion(ctx, asking, assertion).await)
        }
        Some(CLIENT_CREDENTIALS) => {
            let client = authenticated(ctx, request, sent).await?;
            let subject = named(sent)?;
            let scope = scope(sent)?;
            let caller = caller(request);
            let asking =
                BoxTokenRequest { client: &client, scope: scope.as_ref(), caller: &caller };
            given(by_name(ctx, asking, &subject).await)
        }
        Some(TOKEN_EXCHANGE) => narrowed(request, ctx, sent).await,
        Some(_) => Err(request_refused(TokenRefusal::UnsupportedGrantType)),
        None => Err(missing("grant_type is missing")),
    }
}

/// SDKs send the token as the bearer too, and no client credentials: whoever holds it gets no more by it.
/// Credentials that are sent have to be right.
async fn narrowed(request: &HttpRequest, ctx: &Context, sent: &OauthParameters) -> BoxTokenOutcome {
    let as_bearer = extract::bearer(request).is_ok();
    let nothing = !request.headers().contains_key(header::AUTHORIZATION);
    let client = if !sent.has("client_id") && (as_bearer || nothing) {
        None
    } else {
        Some(authenticated(ctx, request, sent).await?)
    };
    let Some(token) = sent.get("subject_token") else {
        return Err(missing("subject_token is missing"));
    };
    if sent.get("subject_token_type") != Some(ACCESS_TOKEN) {
        return Err(missing("subject_token_type is not supported"));
    }
    // Ignored, it would leave a token that may do more than was asked for.
    if ["resource", "box_shared_link", "actor_token", "audience"].iter().any(|name| sent.has(name))
    {
        return Err(missing("a token is narrowed by its scope only"));
    }
    let scope = scope(sent)?.unwrap_or_default();
    let narrowed = narrow_token(ctx, client.as_ref(), (token, &scope), &caller(request)).await;
    let narrowed = narrowed.map_err(|failure| failure.map(BoxTokenRefusal::Narrow));
    narrowed.map(|token| answer(&token, Some(ACCESS_TOKEN)))
}

async fn revoked(request: &HttpRequest, ctx: &Context, payload: web::Payload) -> BoxTokenOutcome {
    let sent = body::parameters(request, payload).await.map_err(request_refused)?;
    let client = authenticated(ctx, request, &sent).await?;
    let token = sent.get("token").ok_or(missing("token is missing"))?;
    revoke(ctx, &client, token, &caller(request)).await?;
    Ok(body::secret(StatusCode::OK).finish())
}

async fn authenticated(
    ctx: &Context,
    request: &HttpRequest,
    sent: &OauthParameters,
) -> Result<AuthenticatedClient, Failure<BoxTokenRefusal>> {
    let proven = client::authenticated(ctx, request, sent).await;
    proven.map_err(|failure| failure.map(BoxTokenRefusal::Request))
}

fn named(sent: &OauthParameters) -> Result<Subject, Failure<BoxTokenRefusal>> {
    let kind = sent.get("box_subject_type").ok_or(missing("box_subject_type is missing"))?;
    let id = sent.get("box_subject_id").ok_or(missing("box_subject_id is missing"))?;
    let unknown = missing("box_subject_type is neither enterprise nor user");
    Subject::parse(kind, id).ok_or(unknown)
}

fn scope(sent: &OauthParameters) -> Result<Option<Scopes>, Failure<BoxTokenRefusal>> {
    let malformed = |_| request_refused(TokenRefusal::InvalidScope);
    sent.get("scope").map(|text| Scopes::parse(text).map_err(malformed)).transpose()
}

fn given(outcome: Result<BoxToken, Failure<BoxRefusal>>) -> BoxTokenOutcome {
    let token = outcome.map_err(|failure| failure.map(BoxTokenRefusal::Grant))?;
    Ok(answer(&token, None))
}

fn answer(token: &BoxToken, issued_token_type: Option<&'static str>) -> HttpResponse {
    body::secret(StatusCode::OK).json(BoxTokenBody {
        access_token: &token.access_token,
        expires_in: token.expires_in,
        restricted_to: [],
        token_type: "bearer",
        issued_token_type,
    })
}

fn request_refused(refusal: TokenRefusal) -> Failure<BoxTokenRefusal> {
    Failure::Refused(BoxTokenRefusal::Request(refusal))
}

fn missing(what: &'static str) -> Failure<BoxTokenRefusal> {
    request_refused(TokenRefusal::InvalidRequest(what))
}

/// The server's clock goes with every answer (`Date`): SDKs set theirs by it.
fn answered(outcome: BoxTokenOutcome) -> HttpResponse {
    let refusal = match outcome {
        Ok(answer) => return answer,
        Err(Failure::Refused(refusal)) => refusal,
        Err(Failure::Internal(cause)) => return body::accident(&cause),
        Err(Failure::Busy) => return body::unavailable(),
    };
    let (error, description) = refusal.words();
    let mut answer = body::secret(refusal.status());
    if let Some(wait) = refusal.retry_after() {
        answer.insert_header((header::RETRY_AFTER, wait.seconds()));
    }
    with_reason(
        answer.json(json!({ "error": error, "error_description": description })),
        description,
    )
}
