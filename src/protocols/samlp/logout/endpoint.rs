//! `/samlp/{client_id}/logout` and `/samlp/logout`, by `GET` and by `POST`, and the way back to the provider that
//! asked.
use super::read::{self, LogoutFrame};
use super::word::{LogoutOutcome, LogoutReply};
use crate::crypto::xml::Document;
use crate::domain::client::Client;
use crate::domain::federation::SamlSettings;
use crate::domain::{ClientId, SessionId};
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::browser::{find_application, find_service_provider};
use crate::flows::login::use_once::{URL_TTL, is_recent};
use crate::flows::logout::notify_logout::{
    NamedApplication, all_have_left, end_named, heard, message, participant_of,
};
use crate::flows::{Accident, Context, shared::clock};
use crate::http::extract::Anyone;
use crate::http::form::pairs;
use crate::http::pages::{self, farewell};
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::headers::redirect;
use crate::http::ui::layout::{Action, bare};
use crate::http::ui::message::{Message as Said, Tone};
use crate::http::{caller, cookies};
use crate::protocols::common::sign_on::accident;
use crate::protocols::samlp::message::{MessageKind, Received, Signature, UnreadableMessage};
use crate::protocols::samlp::names::{slo_of_all, slo_url};
use crate::protocols::samlp::request;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Signs what comes back to [`done`].
const PURPOSE: &str = "saml logout";
const LARGEST: usize = 512 * 1024;

/// Why nothing is ended.
enum LogoutRefusal {
    Unreadable(UnreadableMessage),
    Accident(Accident),
}

impl From<UnreadableMessage> for LogoutRefusal {
    fn from(problem: UnreadableMessage) -> Self {
        Self::Unreadable(problem)
    }
}

impl From<Accident> for LogoutRefusal {
    fn from(cause: Accident) -> Self {
        Self::Accident(cause)
    }
}

pub async fn get(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let received = Received::of_query(request.query_string());
    answered(&request, serve(&request, &ctx, received).await)
}

pub async fn post(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    let received = match payload.to_bytes_limited(LARGEST).await {
        Ok(Ok(body)) => Received::of_form(&body),
        Ok(Err(_)) | Err(_) => Err(UnreadableMessage("The SAML message cannot be read.")),
    };
    answered(&request, serve(&request, &ctx, received).await)
}

fn answered(request: &HttpRequest, answer: Result<HttpResponse, LogoutRefusal>) -> HttpResponse {
    answer.unwrap_or_else(|no| match no {
        LogoutRefusal::Unreadable(problem) => {
            let heading = "This sign-out request does not work";
            crate::http::ui::message::error(request, StatusCode::BAD_REQUEST, heading, problem.0)
        }
        LogoutRefusal::Accident(cause) => accident(request, &cause),
    })
}

async fn serve(
    request: &HttpRequest,
    ctx: &Context,
    received: Result<Option<Received>, UnreadableMessage>,
) -> Result<HttpResponse, LogoutRefusal> {
    let of_path = match request.match_info().get("client_id") {
        Some(id) => Some(provider(ctx, id).await?),
        None => None,
    };
    // Without a message it is a person who wants to sign out.
    let Some(received) = received? else { return Ok(redirect(request.method(), "/logout")) };
    let document = received.read()?;
    let (client, settings) = match of_path {
        Some(provider) => provider,
        None => sender(ctx, &document).await?,
    };
    let sent = (&received, &document);
    match received.kind {
        MessageKind::Request => asked(request, ctx, (&client, &settings), sent).await,
        MessageKind::Response => told(request, ctx, (&client, &settings), sent).await,
    }
}

type Provider = (Arc<Client>, Arc<SamlSettings>);

const UNKNOWN: UnreadableMessage = UnreadableMessage("The application is unknown.");

async fn provider(ctx: &Context, id: &str) -> Result<Provider, LogoutRefusal> {
    let id = ClientId::parse(id).map_err(|_| UNKNOWN)?;
    with_settings(find_application(ctx, &id).await?)
}

/// At the address of all applications: by what the message says of its sender.
async fn sender(ctx: &Context, document: &Document) -> Result<Provider, LogoutRefusal> {
    let entity_id = request::issuer(document.unverified()).map_err(|_| UNKNOWN)?;
    with_settings(find_service_provider(ctx, &entity_id).await?)
}

fn with_settings(client: Option<Arc<Client>>) -> Result<Provider, LogoutRefusal> {
    let client = client.ok_or(UNKNOWN)?;
    let settings = client.saml.clone().ok_or(UNKNOWN)?;
    Ok((client, settings))
}

/// The addresses that a message of the application can be meant for.
fn addresses(ctx: &Context, client: &Client) -> [String; 2] {
    [slo_url(ctx.issuer(), &client.id), slo_of_all(ctx.issuer())]
}

fn demand(settings: &SamlSettings) -> Signature {
    let keys = settings.signing_certificates().next();
    keys.map_or(Signature::Optional, |_| Signature::Demanded)
}

async fn asked(
    request: &HttpRequest,
    ctx: &Context,
    (client, settings): (&Client, &SamlSettings),
    (received, document): (&Received, &Document),
) -> Result<HttpResponse, LogoutRefusal> {
    let message = received.authentic(document, settings, read::REQUEST, demand(settings))?;
    if !message.signed {
        // Nobody has proven anything, so the person decides.
        return Ok(redirect(request.method(), "/logout"));
    }
    let addresses = addresses(ctx, client);
    let now = clock::now(ctx).await?;
    let entity_id = &settings.entity_id;
    let frame = LogoutFrame { entity_id, addresses: &addresses, signed: true, now };
    let asked = read::request(message.element, frame)?;
    let browser = BrowserSession::of(request).await?;
    let named = NamedApplication { client: &client.id, name: &asked.name, logins: &asked.logins };
    let ended = end_named(ctx, named, &caller(request)).await?;
    let back = Back {
        client: client.id.to_string(),
        request: asked.id,
        relay_state: received.relay_state.clone(),
        known: ended.known,
        sessions: ended.own.iter().map(ToString::to_string).collect(),
        at: now.timestamp_millis(),
    };
    let to = back.path(ctx, &client.id)?;
    let answer = farewell::onward(request, ctx, &ended.own, &to).await?;
    Ok(without_cookies(answer, &browser, (&ended.own, &ended.acted)))
}

/// The cookies of what was ended; of a browser that was not signed in by them nothing is taken.
fn without_cookies(
    answer: HttpResponse,
    browser: &BrowserSession,
    (own, acted): (&[SessionId], &[SessionId]),
) -> HttpResponse {
    let request = &browser.request;
    let mine = browser.own().filter(|session| own.contains(&session.id));
    let held = browser.seen.held.iter().filter(|held| acted.contains(&held.session));
    let gone = held.map(|held| cookies::set_ended(request, &held.client));
    with_cookies(answer, gone.chain(mine.map(|_| cookies::remove_session(request))))
}

/// What has to be known when the other applications have been told.
#[derive(Serialize, Deserialize)]
struct Back {
    client: String,
    /// The `ID` that is answered.
    request: String,
    relay_state: Option<String>,
    /// Whether the application calls anybody so.
    known: bool,
    sessions: Vec<String>,
    /// Milliseconds: when it was asked for.
    at: i64,
}

impl Back {
    fn path(&self, ctx: &Context, client: &ClientId) -> Result<String, Accident> {
        let text = serde_json::to_string(self).map_err(|e| Accident::Unavailable(e.into()))?;
        let mac = ctx.shared.forms.sign(PURPOSE, &[&text]);
        let (id, text) = (encode(client.as_str()), encode(&text));
        Ok(format!("/samlp/{id}/logout/done?back={text}&mac={mac}"))
    }

    fn read(ctx: &Context, query: &str) -> Option<Self> {
        let sent = pairs(query.as_bytes()).ok()?;
        let value = |wanted: &str| {
            sent.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let (text, mac) = (value("back")?, value("mac")?);
        let genuine = ctx.shared.forms.verify(PURPOSE, &[text], mac);
        genuine.then(|| serde_json::from_str(text).ok()).flatten()
    }
}

/// Every other application has been told: now the one that asked is answered, truthfully.
pub async fn done(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    client: web::Path<String>,
) -> HttpResponse {
    answered(&request, finish(&request, &ctx, &client).await)
}

async fn finish(
    request: &HttpRequest,
    ctx: &Context,
    client: &str,
) -> Result<HttpResponse, LogoutRefusal> {
    let (client, settings) = provider(ctx, client).await?;
    let back = Back::read(ctx, request.query_string());
    let now = clock::now(ctx).await?;
    let back = back.filter(|back| back.client == client.id.as_str());
    let Some(back) = back.filter(|back| is_recent(back.at, URL_TTL, now)) else {
        return Ok(redirect(request.method(), "/logout"));
    };
    let sessions: Vec<SessionId> =
        back.sessions.iter().filter_map(|id| SessionId::parse(id.as_str()).ok()).collect();
    let outcome = match (back.known, all_have_left(ctx, &sessions).await?) {
        (false, _) => LogoutOutcome::Unknown,
        (true, true) => LogoutOutcome::Done,
        (true, false) => LogoutOutcome::Partial,
    };
    let ring = ctx.shared.keys.ring()?;
    let reply = LogoutReply {
        issuer: ctx.issuer(),
        in_response_to: &back.request,
        relay_state: back.relay_state.as_deref(),
        outcome,
        now,
        signer: ring.xml_signer(),
    };
    let answer = reply.send(&settings).map_err(|problem| Accident::Corrupt {
        table: "clients",
        what: format!("{}: {problem}", client.id),
    })?;
    Ok(answer.map_or_else(|| signed_out(&client), |answer| pages::answer(request, answer)))
}

/// A service provider answers our own request, by way of a frame of the page that sent it.
async fn told(
    request: &HttpRequest,
    ctx: &Context,
    (client, settings): (&Client, &SamlSettings),
    (received, document): (&Received, &Document),
) -> Result<HttpResponse, LogoutRefusal> {
    const UNASKED: UnreadableMessage = UnreadableMessage("Nobody has asked for this answer.");
    let said = received.authentic(document, settings, read::RESPONSE, demand(settings))?;
    let addresses = addresses(ctx, client);
    let now = clock::now(ctx).await?;
    let entity_id = &settings.entity_id;
    let frame = LogoutFrame { entity_id, addresses: &addresses, signed: said.signed, now };
    let (answered, over) = read::response(said.element, frame)?;
    let state = received.relay_state.as_deref().ok_or(UNASKED)?;
    let participant = participant_of(ctx, state, now).ok_or(UNASKED)?;
    if answered != message(ctx, &participant) {
        return Err(UNASKED.into());
    }
    if over {
        heard(ctx, &client.id, &participant).await?;
    }
    Ok(if over { signed_out(client) } else { still_there(request, client) })
}

fn signed_out(client: &Client) -> HttpResponse {
    Said {
        tone: Tone::Success,
        heading: "You are signed out".to_owned(),
        text: format!("{} has ended your session.", client.name),
        request_id: None,
        actions: vec![Action::new("Sign in", "/login")],
    }
    .render(bare("Signed out"), StatusCode::OK)
}

fn still_there(request: &HttpRequest, client: &Client) -> HttpResponse {
    Said {
        tone: Tone::Error,
        heading: "An application did not sign you out".to_owned(),
        text: format!("{} says that it could not end your session there.", client.name),
        request_id: caller(request).request_id,
        actions: vec![Action::new("Your account", "/account")],
    }
    .render(bare("Not signed out"), StatusCode::OK)
}
