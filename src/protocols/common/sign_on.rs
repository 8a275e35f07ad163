//! From a checked request to the answer, by way of the sign-in page if nobody is signed in.
use super::checked::{Checked, SealedRequest};
use crate::crypto::random;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::authorize::{AuthorizeRefusal, AuthorizeStep, Secrets, authorize};
use crate::flows::login::use_once::{URL_TTL, is_used, use_once};
use crate::flows::{Context, Failure, InternalError, shared::clock};
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::headers::redirect;
use crate::http::{caller, cookies};
use crate::http::{pages, ui::message};
use crate::login::Answer;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use std::sync::Arc;

/// Where a checked request comes back to after the sign-in.
pub const PATH: &str = "/continue";
/// The kind under which answered requests are remembered.
const USED: &str = "checked request";
/// How long a browser may take from a redirect to its target.
const REDIRECT_SECONDS: i64 = 300;

/// How a room words a no that comes after its own checks.
pub type RefusedBy = fn(&HttpRequest, &Context, &RefusalContext<'_>) -> HttpResponse;

/// What there is to word a no with.
pub struct RefusalContext<'a> {
    pub client: &'a Client,
    pub checked: &'a Checked,
    pub refusal: AuthorizeRefusal,
    pub now: Timestamp,
}

/// What [`answer_to`] answers.
struct WaitingSignOn<'a> {
    origin: Origin,
    client: &'a Arc<Client>,
    sealed: SealedRequest,
    refused: RefusedBy,
    now: Timestamp,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From the application, just now: no URL of ours holds it.
    Application,
    /// From a URL of ours, which may be shown once.
    Sealed,
}

/// A request that an application has just made.
pub async fn sign_on(
    request: &HttpRequest,
    ctx: &Context,
    (client, checked): (&Arc<Client>, &Checked),
    refused: RefusedBy,
) -> HttpResponse {
    let now = match clock::now(ctx).await {
        Ok(now) => now,
        Err(cause) => return accident(request, &cause),
    };
    let sealed = SealedRequest::new(checked.clone(), client, now);
    let impersonated = cookies::impersonated(request, &client.id);
    if request.method() == Method::POST && cookies::own(request).is_none() && impersonated.is_none()
    {
        return by_get(request, ctx, &sealed);
    }
    let origin = Origin::Application;
    answer_to(request, ctx, &WaitingSignOn { origin, client, sealed, refused, now }).await
}

/// Browsers send no `Lax` cookie along with a form from elsewhere, but they do with a redirect. The browser is known
/// again by a cookie of this request alone.
fn by_get(request: &HttpRequest, ctx: &Context, sealed: &SealedRequest) -> HttpResponse {
    let secure = cookies::is_secure(request);
    let secret = random::secret();
    match back(ctx, sealed, &secret) {
        Ok(path) => {
            let name = cookies::posted_request_name(&sealed.id, secure);
            let cookie = cookies::made(name, secret, secure, Some(REDIRECT_SECONDS));
            with_cookies(redirect(request.method(), &path), [cookie])
        }
        Err(cause) => accident(request, &cause),
    }
}

/// A request that comes back from the sign-in page, or by [`by_get`].
pub async fn go_on(
    request: &HttpRequest,
    ctx: &Context,
    (client, sealed): (&Arc<Client>, SealedRequest),
    refused: RefusedBy,
) -> HttpResponse {
    let now = match clock::now(ctx).await {
        Ok(now) => now,
        Err(cause) => return accident(request, &cause),
    };
    if !sealed.stands(client, now) {
        let text =
            "It is too old, or the application has changed. Start again from the application.";
        return here(request, text);
    }
    match is_used(ctx, USED, &sealed.id).await {
        Ok(false) => {}
        Ok(true) => return answered_already(request),
        Err(cause) => return accident(request, &cause),
    }
    let name = cookies::posted_request(request, &sealed.id).map(|_| {
        let secure = cookies::is_secure(request);
        cookies::removed(cookies::posted_request_name(&sealed.id, secure), secure)
    });
    let origin = Origin::Sealed;
    let answer =
        answer_to(request, ctx, &WaitingSignOn { origin, client, sealed, refused, now }).await;
    with_cookies(answer, name)
}

fn answered_already(request: &HttpRequest) -> HttpResponse {
    here(request, "It has been answered already. Start again from the application.")
}

async fn answer_to(
    request: &HttpRequest,
    ctx: &Context,
    waiting: &WaitingSignOn<'_>,
) -> HttpResponse {
    let WaitingSignOn { client, sealed, refused, now, .. } = waiting;
    let checked = &sealed.checked;
    let own = cookies::own(request);
    let impersonated = cookies::impersonated(request, &client.id);
    let Some(ask) = checked.ask(client) else { return gone(request) };
    let secrets = Secrets { own: own.as_deref(), impersonated: impersonated.as_deref() };
    let over = || cookies::remove_impersonated(request, &client.id);
    match authorize(ctx, &ask, secrets, &caller(request)).await {
        Ok(AuthorizeStep::AnswerAsActor(answer)) => give(request, ctx, waiting, answer).await,
        Ok(AuthorizeStep::Answer(answer)) => {
            // Whoever is answered for now acts as nobody here any more.
            let answer = give(request, ctx, waiting, answer).await;
            with_cookies(answer, impersonated.map(|_| over()))
        }
        Ok(AuthorizeStep::SignIn { after }) => sign_in(request, ctx, sealed, after),
        // Only OAuth 2 asks for consent.
        Ok(AuthorizeStep::Consent { .. }) => gone(request),
        Err(Failure::Refused(refusal)) => {
            let ended = refusal == AuthorizeRefusal::ImpersonationEnded;
            let told = RefusalContext { client, checked, refusal, now: *now };
            with_cookies(refused(request, ctx, &told), ended.then(over))
        }
        Err(Failure::Internal(cause)) => accident(request, &cause),
        Err(Failure::Busy) => accident(request, &InternalError::Unavailable("busy".into())),
    }
}

/// The answer uses up a request that a URL holds.
async fn give(
    request: &HttpRequest,
    ctx: &Context,
    waiting: &WaitingSignOn<'_>,
    answer: Answer,
) -> HttpResponse {
    if waiting.origin == Origin::Application {
        return pages::answer(request, answer);
    }
    match use_once(ctx, USED, &waiting.sealed.id, waiting.now + URL_TTL + URL_TTL).await {
        Ok(true) => pages::answer(request, answer),
        Ok(false) => answered_already(request),
        Err(cause) => accident(request, &cause),
    }
}

/// To the sign-in page; only a sign-in from now on counts if a fresh one was asked for. The form of that page and the
/// request are of the same browser.
fn sign_in(
    request: &HttpRequest,
    ctx: &Context,
    sealed: &SealedRequest,
    after: Option<i64>,
) -> HttpResponse {
    let secure = cookies::is_secure(request);
    let known = cookies::sign_in(request, secure);
    let secret = known.clone().unwrap_or_else(random::secret);
    let checked = Checked { again: false, auth_after: after, ..sealed.checked.clone() };
    match back(ctx, &sealed.with(checked), &secret) {
        Ok(path) => {
            let to = format!("/login?return_to={}", encode(&path));
            let cookie = cookies::made(cookies::sign_in_name(secure), secret, secure, None);
            with_cookies(redirect(request.method(), &to), known.is_none().then_some(cookie))
        }
        Err(cause) => accident(request, &cause),
    }
}

fn back(ctx: &Context, sealed: &SealedRequest, browser: &str) -> Result<String, InternalError> {
    let text = sealed.seal(&ctx.shared.forms, browser);
    let text = text.map_err(|cause| InternalError::Unavailable(cause.into()))?;
    let id = encode(sealed.checked.request.client.as_str());
    Ok(format!("{PATH}?client_id={id}&request={text}"))
}

/// The request that a URL of ours carries, if it was made for this browser.
pub fn read(request: &HttpRequest, ctx: &Context, text: &str) -> Option<SealedRequest> {
    SealedRequest::open(&ctx.shared.forms, text, |id| {
        let form = cookies::sign_in(request, cookies::is_secure(request));
        form.into_iter().chain(cookies::posted_request(request, id)).collect()
    })
}

/// Nobody is sent anywhere, and nothing of what was sent is shown.
pub fn here(request: &HttpRequest, text: &str) -> HttpResponse {
    let heading = "This sign-in request does not work";
    message::error(request, StatusCode::BAD_REQUEST, heading, text)
}

fn gone(request: &HttpRequest) -> HttpResponse {
    here(request, "The application no longer takes answers there.")
}

pub fn accident(request: &HttpRequest, cause: &InternalError) -> HttpResponse {
    PageError::accident(request, cause).error_response()
}
