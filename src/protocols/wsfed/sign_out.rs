//! `wsignout1.0` and `wsignoutcleanup1.0` ([WS-Federation 1.2 §13.2.4]).
//!
//! Such a request proves nothing, so the person is asked on a page of ours; then every application that was
//! told about the session hears that it is over.
//!
//! [WS-Federation 1.2 §13.2.4]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use super::parameters::{Arrived, SentParameters};
use super::refusal::BadWsfedRequest;
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::flows::login::browser::{find_application, find_by_reply_url};
use crate::flows::{Context, InternalError};
use crate::http::cookies;
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::headers::{FormTargets, redirect};
use crate::http::{pages::sign_out, ui::message};
use crate::protocols::common::sign_on::accident;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};

/// Where the answer to the question goes.
pub const CONFIRMED: &str = "/wsfed/sign-out/confirmed";
/// Asks whether to sign out, or says that nobody is signed in.
const QUESTION: &str = "/logout";
const ACTING: &str = "/me/impersonation";

/// A picture of one transparent dot, which is what such a request is made with.
const DOT: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// A request to sign out.
pub struct WsfedSignOutRequest<'a> {
    pub client: Option<&'a Client>,
    pub sent: &'a SentParameters,
    /// It says which relying party it is of. WS-Federation gives sign-out `wa` and `wreply` alone, and many send no more.
    pub is_named: bool,
}

pub async fn ask(
    request: &HttpRequest,
    ctx: &Context,
    asked: WsfedSignOutRequest<'_>,
    arrived: Arrived<'_>,
) -> HttpResponse {
    if let Arrived::ByForm(body) = arrived
        && cookies::own(request).is_none()
    {
        // Browsers send no `Lax` cookie along with a form from elsewhere, but they do with a redirect.
        let to = format!("{}?{}", request.path(), String::from_utf8_lossy(body));
        return redirect(request.method(), &to);
    }
    let WsfedSignOutRequest { client, sent, is_named } = asked;
    let wreply = sent.get("wreply");
    let found = match wreply.filter(|_| !is_named) {
        Some(wreply) => match find_by_reply_url(ctx, wreply).await {
            Ok(found) => found,
            Err(cause) => return accident(request, &cause),
        },
        None => None,
    };
    let client = client.or(found.as_deref());
    let to = wreply.and_then(|wreply| registered(client, wreply));
    if is_named && wreply.is_some() && to.is_none() {
        return unregistered(request);
    }
    match BrowserSession::of(request).await {
        Ok(browser) => question(&browser, client, to),
        Err(cause) => accident(request, &cause),
    }
}

fn question(browser: &BrowserSession, client: Option<&Client>, to: Option<String>) -> HttpResponse {
    let method = browser.request.method();
    // Of an impersonation only that ends, and the actor is asked on its own page.
    let acts_there = |client: &Client| browser.running().any(|(held, _)| held.client == client.id);
    if client.is_some_and(acts_there) {
        return redirect(method, ACTING);
    }
    let onward = to.clone().unwrap_or_else(|| QUESTION.to_owned());
    let named = client.map(|client| ("client_id".to_owned(), client.id.to_string()));
    let question = sign_out::SignOutRequest {
        application: None,
        action: CONFIRMED,
        targets: to.as_deref().map_or(FormTargets::Ours, FormTargets::of_url),
        fields: named.into_iter().chain(to.map(|to| ("wreply".to_owned(), to))).collect(),
    };
    sign_out::page(browser, question).unwrap_or_else(|| redirect(method, &onward))
}

/// The answer to that question.
pub async fn confirmed(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let form = posted.only(&browser.request, &["csrf", "client_id", "wreply"])?;
    if !sign_out::is_genuine(&browser, &form) {
        return Err(PageError::forged(&browser.request));
    }
    let to = match form.get("wreply") {
        "" => Some(QUESTION.to_owned()),
        wreply => {
            let client = find(&browser.ctx, form.get("client_id")).await;
            let client = client.map_err(|cause| browser.accident(&cause))?;
            registered(client.as_deref(), wreply)
        }
    };
    let Some(to) = to else { return Ok(unregistered(&browser.request)) };
    sign_out::leave(&browser, &to).await.map_err(|cause| browser.accident(&cause))
}

async fn find(ctx: &Context, id: &str) -> Result<Option<std::sync::Arc<Client>>, InternalError> {
    match ClientId::parse(id) {
        Ok(id) => find_application(ctx, &id).await,
        Err(_) => Ok(None),
    }
}

/// Byte for byte one of the addresses of the relying party (E03).
fn registered(client: Option<&Client>, wreply: &str) -> Option<String> {
    let client = client?;
    let mut known = client.redirect_uris.iter().chain(&client.post_logout_redirect_uris);
    known.find(|known| *known == wreply).cloned()
}

fn unregistered(request: &HttpRequest) -> HttpResponse {
    let heading = "This sign-out request does not work";
    message::error(request, StatusCode::BAD_REQUEST, heading, BadWsfedRequest::Reply.words())
}

/// A relying party has ended its session. Ours goes on: anybody's page may load this.
pub fn cleaned_up() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/gif"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .body(DOT)
}
