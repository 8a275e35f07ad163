//! `/samlp/{client_id}` and `/samlp`: single sign-on, by `GET` (Redirect binding) and by `POST`.
use super::message::{Received, Signature, UnreadableMessage};
use super::names::{samlp, sso_of_all, sso_url};
use super::refusal::{SamlRefusal, refuse};
use super::request::{self, AcsPlace, BadSamlRequest};
use super::unsolicited;
use crate::crypto::xml::Document;
use crate::domain::client::Client;
use crate::domain::federation::SamlSettings;
use crate::domain::protocol::ProtocolName;
use crate::domain::{ClientId, Timestamp};
use crate::flows::login::browser::{find_application, find_service_provider};
use crate::flows::{Context, InternalError, shared::clock};
use crate::http::extract::Anyone;
use crate::http::{pages, ui::message};
use crate::login::LoginRequest;
use crate::protocols::common::checked::Checked;
use crate::protocols::common::sign_on::{self, RefusalContext, accident, here};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use std::sync::Arc;

/// A message of 256 KiB, in base64 and percent-encoded.
const LARGEST: usize = 512 * 1024;

pub async fn get(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    match Received::of_query(request.query_string()) {
        Ok(Some(received)) => asked(&request, &ctx, &received).await,
        Ok(None) => from_here(&request, &ctx).await,
        Err(UnreadableMessage(text)) => here(&request, text),
    }
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
    let body = match payload.to_bytes_limited(LARGEST).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return here(&request, "The request cannot be read."),
        Err(_) => return here(&request, "The request is too long."),
    };
    match Received::of_form(&body) {
        Ok(Some(received)) => asked(&request, &ctx, &received).await,
        Ok(None) => here(&request, "There is no SAML request in it."),
        Err(UnreadableMessage(text)) => here(&request, text),
    }
}

type KnownParty = Option<(Arc<Client>, Arc<SamlSettings>)>;

/// The active application of the path.
async fn of_path(request: &HttpRequest, ctx: &Context) -> Result<KnownParty, InternalError> {
    let id = request.match_info().get("client_id").and_then(|id| ClientId::parse(id).ok());
    let Some(id) = id else { return Ok(None) };
    Ok(find_application(ctx, &id).await?.and_then(service_provider))
}

/// By the path; at the address of all applications, by what the message says of its sender.
async fn sender(
    request: &HttpRequest,
    ctx: &Context,
    document: &Document,
) -> Result<KnownParty, InternalError> {
    if request.match_info().get("client_id").is_some() {
        return of_path(request, ctx).await;
    }
    match request::issuer(document.unverified()) {
        Ok(entity_id) => {
            Ok(find_service_provider(ctx, &entity_id).await?.and_then(service_provider))
        }
        Err(_) => Ok(None),
    }
}

fn service_provider(client: Arc<Client>) -> Option<(Arc<Client>, Arc<SamlSettings>)> {
    let settings = client.saml.clone().filter(|_| client.kind.speaks(ProtocolName::Samlp))?;
    Some((client, settings))
}

async fn asked(request: &HttpRequest, ctx: &Context, received: &Received) -> HttpResponse {
    let document = match received.read() {
        Ok(document) => document,
        Err(UnreadableMessage(text)) => return here(request, text),
    };
    let (client, settings) = match sender(request, ctx, &document).await {
        Ok(Some(found)) => found,
        Ok(None) => return unknown(request),
        Err(cause) => return accident(request, &cause),
    };
    let now = match clock::now(ctx).await {
        Ok(now) => now,
        Err(cause) => return accident(request, &cause),
    };
    let sent = (received, &document);
    match check(ctx, (&client, &settings), sent, now) {
        Ok(checked) => sign_on::sign_on(request, ctx, (&client, &checked), refused).await,
        Err(BadSamlRequest::Here(text)) => here(request, text),
        Err(BadSamlRequest::There(asked, refusal)) => tell(request, ctx, (&asked, refusal, now)),
    }
}

fn check(
    ctx: &Context,
    (client, settings): (&Client, &SamlSettings),
    (received, document): (&Received, &Document),
    now: Timestamp,
) -> Result<Checked, BadSamlRequest> {
    let demand =
        if settings.require_signed_requests { Signature::Demanded } else { Signature::Optional };
    let message = received
        .authentic(document, settings, samlp("AuthnRequest"), demand)
        .map_err(|UnreadableMessage(text)| BadSamlRequest::Here(text))?;
    let urls = [sso_url(ctx.issuer(), &client.id), sso_of_all(ctx.issuer())];
    let place = AcsPlace { urls: &urls, relay_state: received.relay_state.clone(), now };
    request::read((client, settings), message, place)
}

/// Nobody asked: whoever is signed in starts here, if the application wants that (D31).
async fn from_here(request: &HttpRequest, ctx: &Context) -> HttpResponse {
    if request.match_info().get("client_id").is_none() {
        return here(request, "There is no SAML request in it.");
    }
    let (client, settings) = match of_path(request, ctx).await {
        Ok(Some(found)) => found,
        Ok(None) => return unknown(request),
        Err(cause) => return accident(request, &cause),
    };
    // Registered before the two excluded each other: an answer without any signature is the one that is not given.
    if !settings.idp_initiated || settings.require_signed_requests {
        return here(request, "Go to the application and sign in from there.");
    }
    let relay_state = match super::message::relay_state_of(request.query_string()) {
        Ok(relay_state) => relay_state,
        Err(UnreadableMessage(text)) => return here(request, text),
    };
    match unsolicited::to_default(&client, relay_state) {
        Some(asked) => {
            let checked = Checked::plain(asked);
            sign_on::sign_on(request, ctx, (&client, &checked), refused).await
        }
        None => here(request, "The application no longer takes answers."),
    }
}

fn unknown(request: &HttpRequest) -> HttpResponse {
    let heading = "This sign-in request does not work";
    message::error(request, StatusCode::NOT_FOUND, heading, "The application is unknown.")
}

/// How this room words a no that comes after its own checks.
pub fn refused(request: &HttpRequest, ctx: &Context, told: &RefusalContext<'_>) -> HttpResponse {
    let refusal = SamlRefusal::of_flow(told.refusal);
    tell(request, ctx, (&told.checked.request, refusal, told.now))
}

fn tell(
    request: &HttpRequest,
    ctx: &Context,
    (asked, refusal, now): (&LoginRequest, SamlRefusal, Timestamp),
) -> HttpResponse {
    let ring = match ctx.shared.keys.ring() {
        Ok(ring) => ring,
        Err(cause) => return accident(request, &cause),
    };
    match refuse(asked, refusal, (ctx.issuer(), now, ring.xml_signer())) {
        Ok(answer) => pages::answer(request, answer),
        Err(cause) => accident(request, &InternalError::Unavailable(cause.into())),
    }
}
