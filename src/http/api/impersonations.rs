//! `/api/impersonations`: the same as a proper resource, strict where Auth0's endpoint is lenient.
use super::impersonate::{mode, protocol, text};
use super::parameters::{check_additional, unknown_name};
use crate::domain::api_scope::ApiScope;
use crate::domain::protocol::{Channel, EndReason};
use crate::domain::{ClientId, ImpersonationId, Timestamp, UserId};
use crate::flows::Context;
use crate::flows::impersonation::end_impersonation::{self, EndedBy, Which};
use crate::flows::impersonation::list_impersonations::{
    self, ImpersonationFilter, SeenImpersonation,
};
use crate::flows::impersonation::start_impersonation::{Issued, Start, start_impersonation};
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::extract::ApiCaller;
use crate::impersonation::{ActorProof, RequestedBy};
use crate::login::Parameters;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    user_id: UserId,
    impersonator_id: UserId,
    client_id: ClientId,
    protocol: String,
    ttl: Option<i64>,
    duration: Option<i64>,
    mode: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    ticket: Option<String>,
    target_link_uri: Option<String>,
    #[serde(default, rename = "additionalParameters")]
    additional: BTreeMap<String, String>,
}

pub async fn create(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    check_no_query(&request)?;
    let asked: ListQuery = strict(&super::body(payload).await?)?;
    let summary = (asked.protocol.clone(), asked.client_id.clone(), asked.user_id.clone());
    if who.person().is_some_and(|user| user.id != asked.impersonator_id) {
        // A person acts for themselves only; nobody is believed about another (A14).
        return who.refuse_other_actor(&request).await;
    }
    let start = read(&who, asked)?;
    let issued = start_impersonation(&ctx, &start, &caller(&request)).await;
    let issued = issued.map_err(|no| ApiError::from(no).with_step_up(ctx.shared.step_up))?;
    let location = format!("/api/impersonations/{}", issued.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(created(&issued, &start.actor, summary)))
}

/// What changes something reads no query, and a name there asks for something all the same (`dry_run`).
pub(super) fn check_no_query(request: &HttpRequest) -> Result<(), ApiError> {
    let mut names = url::form_urlencoded::parse(request.query_string().as_bytes());
    match names.next() {
        None => Ok(()),
        Some((name, _)) => Err(unknown_name(&name)),
    }
}

/// One JSON object, no member twice, no member unknown.
pub(super) fn strict<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let members = crate::domain::json::parse_object(body)
        .map_err(|_| ApiError::invalid_request("the body is not one JSON object"))?;
    serde_json::from_value(Value::Object(members))
        .map_err(|problem| ApiError::invalid_request(problem.to_string()))
}

fn read(who: &ApiCaller, asked: ListQuery) -> Result<Start, ApiError> {
    let (requested_by, proof, scopes) = match who.person() {
        None => (RequestedBy::Application(who.client().id.clone()), ActorProof::Asserted, None),
        Some(person) => (
            RequestedBy::Token {
                person: person.id.clone(),
                application: Some(who.client().id.clone()),
            },
            ActorProof::Token { authenticated_at: who.authenticated_at() },
            Some(who.scopes().clone()),
        ),
    };
    let parameters: Parameters = asked.additional;
    parameters.keys().try_for_each(|name| check_additional(name))?;
    Ok(Start {
        channel: Channel::Link,
        requested_by,
        scopes,
        at: None,
        actor: asked.impersonator_id,
        proof,
        subject: asked.user_id,
        client: asked.client_id,
        protocol: protocol(&asked.protocol)?,
        mode: mode(asked.mode)?,
        ttl: asked.ttl,
        duration: asked.duration,
        target_link_uri: asked.target_link_uri,
        reason: text("reason", asked.reason)?,
        reason_code: text("reason_code", asked.reason_code)?,
        ticket: text("ticket", asked.ticket)?,
        parameters,
        ignored: Vec::new(),
    })
}

fn created(
    issued: &Issued,
    actor: &UserId,
    (protocol, client, subject): (String, ClientId, UserId),
) -> Value {
    json!({
        "id": issued.id,
        "url": issued.url,
        "status": "link_issued",
        "protocol": protocol,
        "client_id": client,
        "subject": { "user_id": subject },
        "impersonator": { "user_id": actor, "email": issued.actor_email },
        "mode": issued.mode,
        "link_expires_at": time(issued.link_expires_at),
        "ends_at_latest": time(issued.ends_at_latest),
        "redeem": issued.redeem,
    })
}

fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn shown(seen: &SeenImpersonation) -> Value {
    let record = &seen.record;
    json!({
        "id": record.id,
        "status": seen.status(),
        "channel": record.channel.as_str(),
        "protocol": record.protocol,
        "client_id": record.client,
        "subject": { "user_id": record.subject },
        "impersonator": { "user_id": record.actor },
        "mode": record.mode,
        "redeem": record.link.as_ref().map(|link| link.redeem),
        "reason": record.reason,
        "ticket": record.ticket,
        "created_at": time(record.created_at),
        "link_expires_at": record.link.as_ref().map(|link| time(link.expires_at)),
        "started_at": record.redeemed_at.map(time),
        "ends_at": record.ends_at.map(time),
        "ended_at": record.ended_at.map(time),
        "end_reason": record.end_reason,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImpersonationListing {
    status: Option<String>,
    actor: Option<UserId>,
    subject: Option<UserId>,
    client_id: Option<ClientId>,
    limit: Option<i64>,
    /// `next` of the page before.
    before: Option<ImpersonationId>,
}

pub async fn list(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    listing: web::Query<ImpersonationListing>,
) -> Result<HttpResponse, ApiError> {
    who.require(&request, ApiScope::ImpersonationsRead).await?;
    let listing = listing.into_inner();
    let limit = listing.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(ApiError::invalid_request("`limit` is 1 to 200"));
    }
    let filter = ImpersonationFilter {
        status: listing.status.clone().map(known_status).transpose()?,
        actor: listing.actor,
        subject: listing.subject,
        client: listing.client_id,
        requester: None,
        organization: who.organization().cloned(),
        without_signed_out: listing.status.as_deref().is_some_and(is_live),
        before: listing.before,
        limit,
    };
    let page = list_impersonations::list(&ctx, &filter).await?;
    let full = i64::try_from(page.len()).is_ok_and(|length| length == limit);
    let next = page.last().filter(|_| full).map(|seen| &seen.record.id);
    let entries: Vec<Value> = page.iter().map(shown).collect();
    Ok(no_store(json!({ "entries": entries, "next": next })))
}

fn is_live(status: &str) -> bool {
    ["link_issued", "active"].contains(&status)
}

fn known_status(status: String) -> Result<String, ApiError> {
    if ["link_issued", "active", "ended", "revoked"].contains(&status.as_str()) {
        return Ok(status);
    }
    Err(ApiError::invalid_request("`status` is link_issued, active, ended or revoked"))
}

pub async fn read_one(
    who: &ApiCaller,
    ctx: &Context,
    id: &str,
) -> Result<SeenImpersonation, ApiError> {
    let unknown = || ApiError::not_found("there is no such impersonation");
    let id = ImpersonationId::parse(id).map_err(|_| unknown())?;
    list_impersonations::find(ctx, &id, who.organization()).await?.ok_or_else(unknown)
}

pub async fn read_impersonation(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    who.require(&request, ApiScope::ImpersonationsRead).await?;
    Ok(no_store(shown(&read_one(&who, &ctx, &id).await?)))
}

/// 204 whether it ran or was over: ending is idempotent.
pub async fn end(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    check_no_query(&request)?;
    if !super::body(payload).await?.is_empty() {
        return Err(ApiError::invalid_request("this request has no body"));
    }
    let seen = read_one(&who, &ctx, &id).await?;
    let reason = reason(&who, &request, &seen).await?;
    let by = EndedBy { actor: Some(who.id()), reason };
    end_impersonation::end_one(&ctx, &seen.record, by, &caller(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The actor and the subject may always end it; others need the permission.
async fn reason(
    who: &ApiCaller,
    request: &HttpRequest,
    seen: &SeenImpersonation,
) -> Result<EndReason, ApiError> {
    let record = &seen.record;
    match who.person() {
        Some(user) if user.id == record.actor => Ok(EndReason::StoppedByActor),
        Some(user) if user.id == record.subject => Ok(EndReason::StoppedBySubject),
        Some(_) | None => {
            who.require(request, ApiScope::ImpersonationsEnd).await?;
            Ok(EndReason::StoppedByAdmin)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndAll {
    impersonator_id: Option<UserId>,
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    /// Everything that the caller can see; said outright, so that an empty object ends nothing.
    #[serde(default)]
    all: bool,
}

pub async fn end_all(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    who.require(&request, ApiScope::ImpersonationsEnd).await?;
    check_no_query(&request)?;
    let asked: EndAll = strict(&super::body(payload).await?)?;
    let named =
        asked.impersonator_id.is_some() || asked.user_id.is_some() || asked.client_id.is_some();
    if named == asked.all {
        let text = "name `impersonator_id`, `user_id` or `client_id`, or say `all`: true";
        return Err(ApiError::invalid_request(text));
    }
    let which = Which {
        actor: asked.impersonator_id,
        subject: asked.user_id,
        client: asked.client_id,
        organization: who.organization().cloned(),
    };
    let by = EndedBy { actor: Some(who.id()), reason: EndReason::StoppedByAdmin };
    let ended = end_impersonation::end_all(&ctx, &which, by, &caller(&request)).await?;
    Ok(no_store(json!({ "ended": ended })))
}

pub(super) fn no_store(body: Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
