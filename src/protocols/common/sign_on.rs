//! From a checked request to the answer, by way of the sign-in page if nobody is signed in.
use super::checked::Checked;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::flows::authorize::{AuthorizeRefusal, Secrets, Step, authorize};
use crate::flows::start_impersonation::encode;
use crate::flows::{Accident, Context, Failure, clock};
use crate::http::pages::error::PageError;
use crate::http::pages::headers::redirect;
use crate::http::pages::{self, message};
use crate::http::{caller, cookies};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use std::sync::Arc;

/// Where a checked request comes back to after the sign-in.
pub const PATH: &str = "/continue";

/// How a room words a no that comes after its own checks.
pub type Refused = fn(&HttpRequest, &Context, &Told<'_>) -> HttpResponse;

/// What there is to word a no with.
pub struct Told<'a> {
    pub client: &'a Client,
    pub checked: &'a Checked,
    pub refusal: AuthorizeRefusal,
    pub now: Timestamp,
}

pub async fn sign_on(
    request: &HttpRequest,
    ctx: &Context,
    (client, checked): (&Arc<Client>, &Checked),
    refused: Refused,
) -> HttpResponse {
    let own = cookies::own(request);
    let impersonated = cookies::impersonated(request, &client.id);
    if request.method() == Method::POST && own.is_none() && impersonated.is_none() {
        // Browsers send no `Lax` cookie along with a form from elsewhere, but they do with a redirect.
        return match back(ctx, client, checked) {
            Ok(path) => redirect(request.method(), &path),
            Err(cause) => accident(request, &cause),
        };
    }
    let Some(ask) = checked.ask(client) else { return gone(request) };
    let secrets = Secrets { own: own.as_deref(), impersonated: impersonated.as_deref() };
    match authorize(ctx, &ask, secrets, &caller(request)).await {
        Ok(Step::Answer(answer)) => pages::answer(request, answer),
        Ok(Step::SignIn { after }) => sign_in(request, ctx, client, (checked, after)),
        // Only OAuth 2 asks for consent.
        Ok(Step::Consent { .. }) => gone(request),
        Err(Failure::Refused(refusal)) => match clock::now(ctx).await {
            Ok(now) => refused(request, ctx, &Told { client, checked, refusal, now }),
            Err(cause) => accident(request, &cause),
        },
        Err(Failure::Accident(cause)) => accident(request, &cause),
        Err(Failure::Busy) => accident(request, &Accident::Unavailable("busy".into())),
    }
}

/// To the sign-in page; only a sign-in from now on counts if a fresh one was asked for.
fn sign_in(
    request: &HttpRequest,
    ctx: &Context,
    client: &Client,
    (checked, after): (&Checked, Option<i64>),
) -> HttpResponse {
    let next = Checked { again: false, auth_after: after, ..checked.clone() };
    match back(ctx, client, &next) {
        Ok(path) => {
            let to = format!("/login?return_to={}", encode(&path));
            redirect(request.method(), &to)
        }
        Err(cause) => accident(request, &cause),
    }
}

fn back(ctx: &Context, client: &Client, checked: &Checked) -> Result<String, Accident> {
    let sealed = checked.seal(&ctx.shared.forms);
    let sealed = sealed.map_err(|cause| Accident::Unavailable(cause.into()))?;
    let id = encode(client.id.as_str());
    Ok(format!("{PATH}?client_id={id}&request={sealed}"))
}

/// Nobody is sent anywhere, and nothing of what was sent is shown.
pub fn here(request: &HttpRequest, text: &str) -> HttpResponse {
    let heading = "This sign-in request does not work";
    message::error(request, StatusCode::BAD_REQUEST, heading, text)
}

fn gone(request: &HttpRequest) -> HttpResponse {
    here(request, "The application no longer takes answers there.")
}

pub fn accident(request: &HttpRequest, cause: &Accident) -> HttpResponse {
    PageError::accident(request, cause).error_response()
}
