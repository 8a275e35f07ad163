//! `/continue`: a checked request of a room comes back from the sign-in page.
use super::common::checked::SealedRequest;
use super::common::sign_on::{self, RefusedBy, accident, here};
use super::{samlp, wsfed};
use crate::domain::protocol::ProtocolName;
use crate::flows::Context;
use crate::flows::login::browser::find_application;
use crate::http::extract::Anyone;
use crate::http::form::pairs;
use actix_web::{HttpRequest, HttpResponse, web};

pub async fn get(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let Some(sealed) = read(&request, &ctx) else {
        let text = "It was not started in this browser, or too long ago. Start again from the application.";
        return here(&request, text);
    };
    let asked = &sealed.checked.request;
    let refused: RefusedBy = match asked.protocol {
        ProtocolName::Samlp => samlp::refused,
        ProtocolName::Wsfed | ProtocolName::WsfedRms => wsfed::refused,
        // Its requests come back to `/authorize` as they were.
        ProtocolName::Oauth2 => return here(&request, "The request cannot be read."),
    };
    match find_application(&ctx, &asked.client).await {
        Ok(Some(client)) => sign_on::go_on(&request, &ctx, (&client, sealed), refused).await,
        Ok(None) => here(&request, "The application is unknown."),
        Err(cause) => accident(&request, &cause),
    }
}

fn read(request: &HttpRequest, ctx: &Context) -> Option<SealedRequest> {
    let sent = pairs(request.query_string().as_bytes()).ok()?;
    let (_, sealed) = sent.into_iter().find(|(name, _)| name == "request")?;
    sign_on::read(request, ctx, &sealed)
}
