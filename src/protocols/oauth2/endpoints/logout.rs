//! `/oidc/logout` (OpenID Connect RP-Initiated Logout) and Auth0's `/v2/logout`.
//!
//! Without proof of who asks nothing ends silently: the person is asked on our own page.
use super::body::accident_page;
use crate::flows::logout::end_session::{
    Done, EndSessionRequest, LogoutRequest, end_session, registered_return,
};
use crate::flows::{Context, InternalError};
use crate::http::extract::Anyone;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::headers::{FormTargets, redirect};
use crate::http::{caller, cookies};
use crate::http::{
    pages::{farewell, sign_out, stop},
    ui::message,
};
use crate::protocols::oauth2::parameters::OauthParameters;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

const LARGEST: usize = 32 * 1024;
/// Asks whether to sign out, or says that nobody is signed in.
const QUESTION: &str = "/logout";

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
    let Ok(Ok(body)) = payload.to_bytes_limited(LARGEST).await else {
        return here(&request, "The request cannot be read.");
    };
    let is_nobody = cookies::own(&request).is_none()
        && cookies::all_impersonated(&request, cookies::is_secure(&request)).is_empty();
    match OauthParameters::of_form(&body) {
        // Browsers send no `Lax` cookie along with a form from elsewhere, but they do with a redirect.
        Ok(sent) if is_nobody => {
            redirect(request.method(), &format!("/oidc/logout?{}", sent.query_with(&[])))
        }
        Ok(_) | Err(_) => serve(&request, &ctx, &body).await,
    }
}

async fn serve(request: &HttpRequest, ctx: &Context, sent: &[u8]) -> HttpResponse {
    let Ok(sent) = OauthParameters::of_form(sent) else {
        return here(request, "The request cannot be read.");
    };
    let asked = LogoutRequest {
        id_token_hint: sent.owned("id_token_hint"),
        client_id: sent.owned("client_id"),
        post_logout_redirect_uri: sent.owned("post_logout_redirect_uri"),
        state: sent.owned("state"),
    };
    let own = cookies::own(request);
    match end_session(ctx, &asked, own.as_deref(), &caller(request)).await {
        Ok(EndSessionRequest::Ask(None)) => redirect(request.method(), QUESTION),
        Ok(EndSessionRequest::Ask(Some(client))) => {
            let asked = LogoutRequest { client_id: Some(client.to_string()), ..asked };
            match BrowserSession::of(request).await {
                Ok(browser) => question(&browser, &asked).await,
                Err(cause) => accident_page(request, cause),
            }
        }
        Ok(EndSessionRequest::Done(done)) => match ended(request, ctx, &done).await {
            Ok(answer) => answer,
            Err(cause) => accident_page(request, cause),
        },
        Err(cause) => accident_page(request, cause),
    }
}

/// Whether to sign out, and then back to the application; at once when nobody is signed in (§4).
async fn question(browser: &BrowserSession, asked: &LogoutRequest) -> HttpResponse {
    match sign_out::question(browser, asked, StatusCode::OK).await {
        Ok(page) => page,
        Err(error) => actix_web::ResponseError::error_response(&error),
    }
}

fn here(request: &HttpRequest, text: &str) -> HttpResponse {
    message::error(request, StatusCode::BAD_REQUEST, "This sign-out request does not work", text)
}

async fn ended(
    request: &HttpRequest,
    ctx: &Context,
    done: &Done,
) -> Result<HttpResponse, InternalError> {
    let to = match (&done.to, &done.acting_in) {
        (Some(to), _) => to.clone(),
        // The actor's own session goes on: the page after *Stop* leads back to where they came from.
        (None, Some((_, impersonation))) => stop::stopped_path(ctx, impersonation).await?,
        (None, None) => QUESTION.to_owned(),
    };
    let answer = farewell::onward(request, ctx, &done.sessions, &to).await?;
    let own = done.own.then(|| cookies::remove_session(request));
    let acting = done.acting_in.as_ref().map(|(client, _)| cookies::set_ended(request, client));
    Ok(with_cookies(answer, own.into_iter().chain(acting)))
}

/// Auth0's clients send no ID token, so the person is asked; then they go back to the application.
pub async fn v2(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> Result<HttpResponse, PageError> {
    let Ok(sent) = OauthParameters::of_form(request.query_string().as_bytes()) else {
        return Ok(here(&request, "The request cannot be read."));
    };
    let (client, asked) = (sent.owned("client_id"), sent.owned("returnTo"));
    let to = match return_of(&ctx, client.as_deref(), asked.as_deref()).await {
        Ok(Some(to)) => to,
        Ok(None) => return Ok(unregistered(&request)),
        Err(cause) => return Ok(accident_page(&request, cause)),
    };
    let browser = BrowserSession::of(&request)
        .await
        .map_err(|cause| PageError::accident(&request, &cause))?;
    let fields = [("client_id", client), ("returnTo", asked)];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let question = sign_out::SignOutRequest {
        application: None,
        action: "/v2/logout",
        fields: given.collect(),
        targets: FormTargets::of_url(&to),
    };
    let page = sign_out::page(&browser, question);
    Ok(page.unwrap_or_else(|| redirect(request.method(), &to)))
}

/// The answer to that question.
pub async fn v2_confirmed(
    browser: BrowserSession,
    posted: Posted,
) -> Result<HttpResponse, PageError> {
    let form = posted.only(&browser.request, &["csrf", "client_id", "returnTo"])?;
    if !sign_out::is_genuine(&browser, &form) {
        return Err(PageError::forged(&browser.request));
    }
    let given = |name: &str| Some(form.get(name)).filter(|text| !text.is_empty());
    let to = return_of(&browser.ctx, given("client_id"), given("returnTo")).await;
    let Some(to) = to.map_err(|cause| browser.accident(&cause))? else {
        return Ok(unregistered(&browser.request));
    };
    let left = sign_out::leave(&browser, &to).await;
    left.map_err(|cause| browser.accident(&cause))
}

/// `None`: to a place that the application has not registered.
async fn return_of(
    ctx: &Context,
    client: Option<&str>,
    asked: Option<&str>,
) -> Result<Option<String>, InternalError> {
    match (client, asked) {
        (_, None) => Ok(Some(QUESTION.to_owned())),
        (None, Some(_)) => Ok(None),
        (Some(client), Some(asked)) => registered_return(ctx, client, asked).await,
    }
}

fn unregistered(request: &HttpRequest) -> HttpResponse {
    here(request, "The application asked to send you to a place it has not registered.")
}
