//! A request on its way: read, checked, answered or taken to the sign-in page.
use super::parameters::{Arrived, LONGEST, SentParameters};
use super::refusal::BadWsfedRequest;
use super::request::WsfedAction;
use super::{profile::Manner, request, sign_out};
use crate::domain::ClientId;
use crate::domain::client::Client;
use crate::flows::login::authorize::AuthorizeRefusal;
use crate::flows::login::browser::{find_application, find_relying_party};
use crate::flows::{Context, InternalError, shared::clock};
use crate::http::ui::message;
use crate::protocols::common::sign_on::{self, RefusalContext, accident, here};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web::Payload};
use std::sync::Arc;

/// Which relying party the path names; without a name it is found by its `wtrealm`.
pub type PathClient<'a> = Option<&'a str>;

pub async fn get(
    request: &HttpRequest,
    ctx: &Context,
    (named, manner): (PathClient<'_>, Manner),
) -> HttpResponse {
    let query = request.query_string().as_bytes();
    serve(request, ctx, (named, manner), Arrived::ByQuery(query)).await
}

pub async fn post(
    request: &HttpRequest,
    ctx: &Context,
    (named, manner): (PathClient<'_>, Manner),
    payload: Payload,
) -> HttpResponse {
    if !request.query_string().is_empty() {
        return here(request, BadWsfedRequest::TwoPlaces.words());
    }
    match payload.to_bytes_limited(LONGEST).await {
        Ok(Ok(body)) => serve(request, ctx, (named, manner), Arrived::ByForm(&body)).await,
        Ok(Err(_)) => here(request, BadWsfedRequest::Unreadable.words()),
        Err(_) => here(request, BadWsfedRequest::TooLong.words()),
    }
}

async fn serve(
    request: &HttpRequest,
    ctx: &Context,
    (named, manner): (PathClient<'_>, Manner),
    arrived: Arrived<'_>,
) -> HttpResponse {
    let (Arrived::ByQuery(text) | Arrived::ByForm(text)) = arrived;
    let read = SentParameters::read(text).and_then(|sent| Ok((request::action(&sent)?, sent)));
    let (action, sent) = match read {
        Ok(read) => read,
        Err(bad) => return here(request, bad.words()),
    };
    // It says that a session of the relying party is over, and ends nothing here (E14).
    if action == WsfedAction::Cleanup {
        return sign_out::cleaned_up();
    }
    let client = match relying_party(ctx, named, &sent, manner).await {
        Ok(client) => client,
        Err(cause) => return accident(request, &cause),
    };
    match (action, client) {
        (WsfedAction::SignOut | WsfedAction::Cleanup, client) => {
            let is_named = named.is_some() || sent.get("wtrealm").is_some();
            let asked =
                sign_out::WsfedSignOutRequest { client: client.as_deref(), sent: &sent, is_named };
            sign_out::ask(request, ctx, asked, arrived).await
        }
        (WsfedAction::SignIn, Some(client)) => {
            sign_in(request, ctx, (&client, manner), &sent).await
        }
        (WsfedAction::SignIn, None) => here(request, BadWsfedRequest::UnknownApplication.words()),
    }
}

async fn relying_party(
    ctx: &Context,
    named: PathClient<'_>,
    sent: &SentParameters,
    manner: Manner,
) -> Result<Option<Arc<Client>>, InternalError> {
    let found = match (named, sent.get("wtrealm")) {
        (Some(id), _) => match ClientId::parse(id) {
            Ok(id) => find_application(ctx, &id).await?,
            Err(_) => None,
        },
        (None, Some(realm)) => find_relying_party(ctx, realm).await?,
        (None, None) => None,
    };
    Ok(found.filter(|client| client.kind.speaks(manner.protocol)))
}

async fn sign_in(
    request: &HttpRequest,
    ctx: &Context,
    (client, manner): (&Arc<Client>, Manner),
    sent: &SentParameters,
) -> HttpResponse {
    let now = match sent.get("wct") {
        Some(_) => match clock::now(ctx).await {
            Ok(now) => Some(now),
            Err(cause) => return accident(request, &cause),
        },
        None => None,
    };
    match request::read(client, sent, manner, now) {
        Ok(checked) => sign_on::sign_on(request, ctx, (client, &checked), refused).await,
        Err(bad) => here(request, bad.words()),
    }
}

/// WS-Federation has no answer that says no, so it is said to the person.
pub fn refused(request: &HttpRequest, _: &Context, told: &RefusalContext<'_>) -> HttpResponse {
    let (status, text) = match told.refusal {
        AuthorizeRefusal::LoginRequired
        | AuthorizeRefusal::ImpersonationEnded
        | AuthorizeRefusal::InteractionRequired => {
            (StatusCode::FORBIDDEN, "The user has to sign in.")
        }
        AuthorizeRefusal::ConsentRequired => (StatusCode::FORBIDDEN, "The user has to consent."),
        AuthorizeRefusal::AccessDenied => {
            (StatusCode::FORBIDDEN, "This application is not for this user.")
        }
        AuthorizeRefusal::UnmetRequirements => {
            (StatusCode::FORBIDDEN, "The sign-in that the application asks for cannot be had.")
        }
        AuthorizeRefusal::NoName => (
            StatusCode::FORBIDDEN,
            "The application knows people by e-mail address, and there is none.",
        ),
        AuthorizeRefusal::ForgedHint => (StatusCode::BAD_REQUEST, "The request cannot be read."),
    };
    message::error(request, status, "You cannot be signed in there", text)
}
