//! `POST /users/{id}/impersonate`: Auth0's contract.
use super::parameters::RequestFields;
use crate::domain::UserId;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::text::is_plain_line;
use crate::flows::Context;
use crate::flows::impersonation::start_impersonation::{Start, start_impersonation};
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::extract::GlobalClient;
use crate::impersonation::{ActorProof, RequestedBy};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// The longest free text that is kept.
const MAX_TEXT_LEN: usize = 1000;

pub async fn create(
    global: GlobalClient,
    request: HttpRequest,
    ctx: web::Data<Context>,
    body: web::Bytes,
) -> Result<HttpResponse, ApiError> {
    let subject = subject(&request)?;
    let fields = RequestFields::read(&body, request.query_string())?;
    let start = read(subject, &global, fields)?;
    let issued = start_impersonation(&ctx, &start, &caller(&request)).await?;
    // The bare URL, whatever `Accept` says: SDKs ask for JSON and still want it so.
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(issued.url))
}

/// The subject is decoded once, from the raw path, by the same rule as everywhere (B38).
pub fn subject(request: &HttpRequest) -> Result<UserId, ApiError> {
    let unknown = || ApiError::not_found("the user or the application is unknown");
    let path = request.uri().path();
    let raw = path.rsplit('/').nth(1).ok_or_else(unknown)?;
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8().map_err(|_| unknown())?;
    UserId::parse(decoded).map_err(|_| unknown())
}

fn read(
    subject: UserId,
    global: &GlobalClient,
    mut fields: RequestFields,
) -> Result<Start, ApiError> {
    let protocol = fields.required("protocol")?;
    let actor = fields.required("impersonator_id")?;
    let client = fields.required("client_id")?;
    let bad_id = |name: &str| ApiError::invalid_request(format!("`{name}` is not an id"));
    Ok(Start {
        channel: Channel::Link,
        requested_by: RequestedBy::Application(global.client.id.clone()),
        scopes: None,
        at: Some(global.at.clone()),
        actor: UserId::parse(actor).map_err(|_| bad_id("impersonator_id"))?,
        proof: ActorProof::Asserted,
        subject,
        client: crate::domain::ClientId::parse(client).map_err(|_| bad_id("client_id"))?,
        protocol: self::protocol(&protocol)?,
        mode: mode(fields.take("mode"))?,
        ttl: fields.number("ttl")?,
        duration: fields.number("duration")?,
        target_link_uri: fields.take("target_link_uri"),
        reason: text("reason", fields.take("reason"))?,
        reason_code: text("reason_code", fields.take("reason_code"))?,
        ticket: text("ticket", fields.take("ticket"))?,
        parameters: fields.take_additional(),
        ignored: fields.ignored()?,
    })
}

pub fn protocol(text: &str) -> Result<ProtocolName, ApiError> {
    ProtocolName::parse(text).ok_or_else(|| {
        let names = ProtocolName::ALL.map(ProtocolName::as_str).join("`, `");
        ApiError::invalid_request(format!("`protocol` is one of `{names}`"))
    })
}

pub fn mode(text: Option<String>) -> Result<Mode, ApiError> {
    let Some(text) = text else { return Ok(Mode::Full) };
    let bad = || ApiError::invalid_request("`mode` is `full` or `read_only`");
    Mode::parse(&text).ok_or_else(bad)
}

/// Free text that ends up on pages and in the trail: every character can be seen, and not too many.
pub fn text(name: &'static str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim().to_owned();
    if text.chars().count() > MAX_TEXT_LEN || !is_plain_line(&text) {
        let problem = format!("`{name}` is a line of at most {MAX_TEXT_LEN} characters");
        return Err(ApiError::invalid_request(problem));
    }
    Ok((!text.is_empty()).then_some(text))
}
