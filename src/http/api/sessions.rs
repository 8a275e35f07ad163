//! `/api/sessions`: all sessions and tokens of a user, an organization, an application or of everybody end.
use super::impersonations::{check_no_query, no_store, strict};
use crate::domain::api_scope::ApiScope;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::Context;
use crate::flows::logout::sign_out_all::{
    SignOutAllRefusal, SignOutBy, SignOutReach, sign_out_all,
};
use crate::http::caller;
use crate::http::error::ApiError;
use crate::http::extract::ApiCaller;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

/// Exactly one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndSessions {
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    organization_id: Option<OrganizationId>,
    /// Of everybody; said outright, so that an empty object ends nothing.
    #[serde(default)]
    everybody: bool,
}

fn reach(asked: EndSessions) -> Result<SignOutReach, ApiError> {
    match (asked.user_id, asked.client_id, asked.organization_id, asked.everybody) {
        (Some(user), None, None, false) => Ok(SignOutReach::User(user)),
        (None, Some(client), None, false) => Ok(SignOutReach::Application(client)),
        (None, None, Some(organization), false) => Ok(SignOutReach::Organization(organization)),
        (None, None, None, true) => Ok(SignOutReach::Everybody),
        _ => Err(ApiError::invalid_request(
            "name one of `user_id`, `client_id` and `organization_id`, or say `everybody`: true",
        )),
    }
}

pub async fn end_all(
    who: ApiCaller,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    who.require(&request, ApiScope::SessionsEnd).await?;
    check_no_query(&request)?;
    let reach = reach(strict(&super::body(payload).await?)?)?;
    let asking = match who.person() {
        Some(person) => SignOutBy::Person(person),
        None => SignOutBy::Application(&who.client().id, who.organization()),
    };
    let ended = sign_out_all(&ctx, asking, &reach, &caller(&request)).await?;
    Ok(no_store(json!({
        "sessions": ended.sessions,
        "tokens": ended.tokens,
        "impersonations": ended.impersonations,
    })))
}

impl From<SignOutAllRefusal> for ApiError {
    fn from(refusal: SignOutAllRefusal) -> Self {
        match refusal {
            SignOutAllRefusal::Unknown => {
                Self::not_found("there is no such user, application or organization")
            }
            SignOutAllRefusal::NotPermitted => Self::insufficient_scope(),
        }
    }
}
