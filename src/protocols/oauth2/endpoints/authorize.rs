//! `/authorize` ([RFC 6749 §3.1], OpenID Connect Core §3.1.2), by `GET` and by `POST`.
//!
//! [RFC 6749 §3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-3.1
use super::body::accident_page;
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::authorize::{Ask, AuthorizeRefusal, AuthorizeStep, Secrets, authorize};
use crate::flows::login::browser::find_application;
use crate::flows::login::consent::DENIED;
use crate::flows::login::native::CONFIRMED;
use crate::flows::{Context, Failure};
use crate::http::extract::Anyone;
use crate::http::reason::with_reason;
use crate::http::ui::browser::with_cookies;
use crate::http::ui::headers::redirect;
use crate::http::{caller, cookies};
use crate::http::{pages, ui::message};
use crate::protocols::oauth2::answer::with_refusal;
use crate::protocols::oauth2::parameters::{OauthParameters, UnreadableParameters};
use crate::protocols::oauth2::refusal::OauthRefusal;
use crate::protocols::oauth2::request::{self, AUTH_AFTER, BadAuthorizeRequest, CONSENT_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use std::sync::Arc;

/// A `state` of 8 KiB fits, with everything escaped.
const LONGEST: usize = 32 * 1024;

pub async fn get(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let query = request.query_string().as_bytes().to_vec();
    serve(&request, &ctx, &query).await
}

pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    if !request.query_string().is_empty() {
        return here(&request, "The request has parameters in two places.");
    }
    match payload.to_bytes_limited(LONGEST).await {
        Ok(Ok(body)) => serve(&request, &ctx, &body).await,
        Ok(Err(_)) => here(&request, "The request cannot be read."),
        Err(_) => here(&request, "The request is too long."),
    }
}

async fn serve(request: &HttpRequest, ctx: &Context, sent: &[u8]) -> HttpResponse {
    if sent.len() > LONGEST {
        return here(request, "The request is too long.");
    }
    let sent = match OauthParameters::of_authorization(sent) {
        Ok(sent) => sent,
        Err(UnreadableParameters::Broken) => return here(request, "The request cannot be read."),
        Err(UnreadableParameters::Twice) => return here(request, "A parameter is given twice."),
    };
    if sent.is_repeated("client_id") || sent.is_repeated("redirect_uri") {
        return here(request, "A parameter is given twice.");
    }
    let client = match application(ctx, &sent).await {
        Ok(Some(client)) => client,
        Ok(None) => return here(request, "The application is unknown."),
        Err(cause) => return accident_page(request, cause),
    };
    match request::read(&client, &sent, ctx.issuer()) {
        Ok(ask) => step(request, ctx, (&ask, &sent)).await,
        Err(BadAuthorizeRequest::Here(text)) => here(request, text),
        Err(BadAuthorizeRequest::There(reply, refusal)) => {
            let answer = pages::answer(request, with_refusal(&reply, refusal, ctx.issuer()));
            with_reason(answer, refusal.words().1)
        }
    }
}

/// Nobody is redirected, and nothing of what was sent is shown.
fn here(request: &HttpRequest, text: &str) -> HttpResponse {
    let heading = "This sign-in request does not work";
    message::error(request, StatusCode::BAD_REQUEST, heading, text)
}

async fn application(
    ctx: &Context,
    sent: &OauthParameters,
) -> Result<Option<Arc<Client>>, crate::flows::InternalError> {
    let id = sent.get("client_id").and_then(|id| ClientId::parse(id).ok());
    match id {
        Some(id) => find_application(ctx, &id).await,
        None => Ok(None),
    }
}

async fn step(
    request: &HttpRequest,
    ctx: &Context,
    (ask, sent): (&Ask, &OauthParameters),
) -> HttpResponse {
    let own = cookies::own(request);
    let impersonated = cookies::impersonated(request, &ask.client.id);
    if request.method() == Method::POST && own.is_none() && impersonated.is_none() {
        // Browsers send no `Lax` cookie along with a form from elsewhere, but they do with a redirect.
        return redirect(request.method(), &format!("/authorize?{}", sent.query_with(&[])));
    }
    let secrets = Secrets { own: own.as_deref(), impersonated: impersonated.as_deref() };
    match authorize(ctx, ask, secrets, &caller(request)).await {
        Ok(AuthorizeStep::AnswerAsActor(answer)) => pages::answer(request, answer),
        Ok(AuthorizeStep::Answer(answer)) => {
            // Whoever is answered for now acts as nobody here any more.
            let over = impersonated.map(|_| cookies::remove_impersonated(request, &ask.client.id));
            with_cookies(pages::answer(request, answer), over)
        }
        Ok(AuthorizeStep::SignIn { after }) => {
            to_page(request, "/login", &back_from_login(sent, after))
        }
        Ok(AuthorizeStep::Consent { after }) => {
            to_page(request, "/consent", &back_from_consent(sent, after))
        }
        Err(Failure::Refused(refusal)) => refused(request, ctx, (ask, sent), refusal),
        Err(Failure::Internal(cause)) => accident_page(request, cause),
        Err(Failure::Busy) => {
            accident_page(request, crate::flows::InternalError::Unavailable("busy".into()))
        }
    }
}

fn refused(
    request: &HttpRequest,
    ctx: &Context,
    (ask, sent): (&Ask, &OauthParameters),
    refusal: AuthorizeRefusal,
) -> HttpResponse {
    let Some(words) = OauthRefusal::of_flow(refusal) else {
        return here(request, "The application sent an ID token that is not its own.");
    };
    let Ok(reply) = request::reply(&ask.client, sent) else {
        return here(request, "The request cannot be answered.");
    };
    let answer = pages::answer(request, with_refusal(&reply, words, ctx.issuer()));
    let answer = with_reason(answer, words.words().1);
    // It has been told, and the next question is answered for the person who is really there.
    let ended = refusal == AuthorizeRefusal::ImpersonationEnded;
    with_cookies(answer, ended.then(|| cookies::remove_impersonated(request, &ask.client.id)))
}

fn to_page(request: &HttpRequest, path: &str, query: &str) -> HttpResponse {
    let return_to = encode(&format!("/authorize?{query}"));
    redirect(request.method(), &format!("{path}?return_to={return_to}"))
}

/// The same request again, but asking for a sign-in that is no older than now.
fn back_from_login(sent: &OauthParameters, after: Option<i64>) -> String {
    let max_age = sent.owned("max_age").filter(|age| !age.trim_start_matches('0').is_empty());
    sent.query_with(&[
        ("prompt", without(sent, &["login", "select_account"])),
        ("max_age", max_age),
        (AUTH_AFTER, after.map(|after| after.to_string())),
        (DENIED.0, None),
        (CONFIRMED, None),
    ])
}

fn back_from_consent(sent: &OauthParameters, after: Option<i64>) -> String {
    sent.query_with(&[
        ("prompt", without(sent, &["consent"])),
        (CONSENT_AFTER, after.map(|after| after.to_string())),
        (DENIED.0, None),
        (CONFIRMED, None),
    ])
}

/// The words of `prompt` that are still to be done.
fn without(sent: &OauthParameters, done: &[&str]) -> Option<String> {
    let words = sent.get("prompt")?.split(' ').filter(|word| !done.contains(word));
    let rest = words.collect::<Vec<_>>().join(" ");
    (!rest.is_empty()).then_some(rest)
}
