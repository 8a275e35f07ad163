//! Discovery and keys: for everybody, and cheap.
use crate::flows::Context;
use crate::http::error::ApiError;
use crate::http::extract::Anyone;
use crate::protocols::oauth2::metadata::document;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError as _, web};
use std::sync::OnceLock;

/// Made once for each worker.
#[derive(Default)]
pub struct ServerMetadata(OnceLock<web::Bytes>);

pub async fn configuration(
    _: Anyone,
    ctx: web::Data<Context>,
    metadata: web::Data<ServerMetadata>,
) -> HttpResponse {
    let document = metadata.0.get_or_init(|| document(ctx.issuer()).to_string().into());
    public("max-age=3600").body(document.clone())
}

/// The next key is in it long before it is used, so nobody needs to ask more often.
pub async fn jwks(_: Anyone, ctx: web::Data<Context>) -> HttpResponse {
    match ctx.shared.keys.ring() {
        Ok(ring) => public("max-age=300").body(ring.jwks().to_owned()),
        // Said to be for nobody's cache.
        Err(_) => ApiError::unavailable().error_response(),
    }
}

fn public(cache: &'static str) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    answer
}
