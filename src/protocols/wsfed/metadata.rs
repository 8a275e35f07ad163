//! `FederationMetadata.xml`: what a relying party has to know of us, signed ([WS-Federation 1.2 §3.1]).
//!
//! [WS-Federation 1.2 §3.1]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use crate::crypto::hash::xml_id;
use crate::crypto::xml::{SignaturePlace, XmlError, escape};
use crate::domain::ClientId;
use crate::domain::protocol::ProtocolName;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::browser::find_application;
use crate::flows::{Context, InternalError};
use crate::http::extract::Anyone;
use crate::http::ui::message;
use crate::protocols::common::attributes;
use crate::protocols::common::saml_assertion::compact;
use crate::protocols::common::sign_on::accident;
use crate::protocols::wsfed::{saml11, saml20};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

/// The next certificate is in it long before it is used.
const CACHE: &str = "max-age=300";

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "wsfed/metadata.xml", escape = "none")]
struct WsfedMetadata<'a> {
    id: &'a str,
    issuer: String,
    certificates: Vec<&'a str>,
    token_types: [&'static str; 2],
    claims: Vec<(String, &'static str)>,
    endpoint: String,
}

/// Where the relying party sends browsers.
pub fn endpoint(issuer: &str, client: &ClientId) -> String {
    format!("{issuer}/wsfed/{}", encode(client.as_str()))
}

/// Where this document is for one relying party.
pub fn url(issuer: &str, client: &ClientId) -> String {
    format!("{}/FederationMetadata/2007-06/FederationMetadata.xml", endpoint(issuer, client))
}

pub async fn of_all(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    publish(&request, &ctx, &format!("{}/wsfed", ctx.issuer()))
}

/// The same with the relying party's own address, for those that send no `wtrealm` of their own choice.
pub async fn of_one(
    _: Anyone,
    request: HttpRequest,
    named: web::Path<String>,
    ctx: web::Data<Context>,
) -> HttpResponse {
    let Ok(id) = ClientId::parse(named.into_inner()) else { return not_found(&request) };
    match find_application(&ctx, &id).await {
        Ok(Some(client)) if client.kind.speaks(ProtocolName::Wsfed) => {
            publish(&request, &ctx, &endpoint(ctx.issuer(), &client.id))
        }
        Ok(_) => not_found(&request),
        Err(cause) => accident(&request, &cause),
    }
}

fn not_found(request: &HttpRequest) -> HttpResponse {
    let text = "No relying party of this name is here.";
    message::error(request, StatusCode::NOT_FOUND, "There is nothing here", text)
}

fn publish(request: &HttpRequest, ctx: &Context, endpoint: &str) -> HttpResponse {
    let written = match write(ctx, endpoint) {
        Ok(written) => written,
        Err(cause) => return accident(request, &cause),
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/samlmetadata+xml"))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .body(written)
}

fn write(ctx: &Context, endpoint: &str) -> Result<String, InternalError> {
    let ring = ctx.shared.keys.ring()?;
    let signer = ring.xml_signer();
    let certificates: Vec<&str> = ring.xml_certificates().collect();
    let unwritten = |problem: XmlError| InternalError::Corrupt {
        table: "signing_keys",
        what: format!("metadata: {problem}"),
    };
    // The same as long as it says the same, so that one can see that it has changed.
    let said = [ctx.issuer(), endpoint].into_iter().chain(certificates.iter().copied());
    let id = xml_id("wsfed metadata", &said.collect::<Vec<_>>().join("\n"));
    let metadata = WsfedMetadata {
        id: &id,
        issuer: escape(ctx.issuer()).map_err(unwritten)?,
        certificates,
        token_types: [saml11::TOKEN_TYPE, saml20::TOKEN_TYPE],
        claims: attributes::named().collect(),
        endpoint: escape(endpoint).map_err(unwritten)?,
    };
    let xml = compact(&metadata).map_err(unwritten)?;
    signer.sign_token(&xml, "ID", &id, SignaturePlace::First).map_err(unwritten)
}
