//! Every URL of the room.
use super::logout::endpoint as logout;
use super::metadata::SamlMetadata;
use super::sso;
use crate::domain::ClientId;
use crate::domain::protocol::ProtocolName;
use crate::flows::login::browser::find_application;
use crate::flows::{Context, InternalError};
use crate::http::api::{head_of_what_changes, method_not_allowed, read};
use crate::http::extract::Anyone;
use crate::http::pages;
use crate::protocols::common::routes::with_slash;
use crate::protocols::common::sign_on::accident;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig, get, head, post, resource, to};
use actix_web::{HttpRequest, HttpResponse};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.app_data(web::Data::new(SignedQuery::default()));
    for path in ["/samlp/metadata", "/samlp/metadata/{client_id}"] {
        cfg.service(
            resource(with_slash(path)).route(read().to(metadata)).default_service(to(only_get)),
        );
    }
    for path in ["/samlp/logout", "/samlp/{client_id}/logout"] {
        cfg.service(
            resource(with_slash(path))
                .route(get().to(logout::get))
                .route(head().to(head_of_what_changes))
                .route(post().to(logout::post))
                .default_service(to(only_get_and_post)),
        );
    }
    cfg.service(
        resource(with_slash("/samlp/{client_id}/logout/done"))
            .route(get().to(logout::done))
            .route(head().to(head_of_what_changes))
            .default_service(to(only_get)),
    );
    for path in ["/samlp", "/samlp/{client_id}"] {
        cfg.service(
            resource(with_slash(path))
                .route(get().to(sso::get))
                .route(head().to(head_of_what_changes))
                .route(post().to(sso::post))
                .default_service(to(only_get_and_post)),
        );
    }
}

async fn only_get(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD")
}

async fn only_get_and_post(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD, POST")
}

/// Documents that were signed before, by what they say: a signature costs as much as a whole answer, and anybody
/// may ask. One for each worker.
#[derive(Default)]
pub struct SignedQuery(Mutex<HashMap<String, Arc<str>>>);

/// Each has a few kilobytes.
const MAX_SIGNED: usize = 256;

impl SignedQuery {
    fn get_or_sign(
        &self,
        written: String,
        sign: impl FnOnce() -> Result<String, InternalError>,
    ) -> Result<Arc<str>, InternalError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = known.get(&written) {
            return Ok(Arc::clone(signed));
        }
        let signed: Arc<str> = sign()?.into();
        if known.len() >= MAX_SIGNED {
            known.clear();
        }
        known.insert(written, Arc::clone(&signed));
        Ok(signed)
    }
}

async fn metadata(
    anyone: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    known: web::Data<SignedQuery>,
) -> HttpResponse {
    let client = match request.match_info().get("client_id").map(ClientId::parse) {
        None => None,
        Some(Err(_)) => return pages::not_found(anyone, request).await,
        Some(Ok(id)) => match find_application(&ctx, &id).await {
            Ok(Some(client)) if client.kind.speaks(ProtocolName::Samlp) => Some(client),
            Ok(Some(_) | None) => return pages::not_found(anyone, request).await,
            Err(cause) => return accident(&request, &cause),
        },
    };
    let document = ctx.shared.keys.ring().and_then(|ring| {
        let document = SamlMetadata::new(ctx.issuer(), client.as_deref(), ring.xml_certificates());
        let document = document.map_err(unwritten)?;
        let written = document.write().map_err(unwritten)?;
        known.get_or_sign(written, || document.sign(ring.xml_signer()).map_err(unwritten))
    });
    match document {
        Ok(document) => HttpResponse::Ok()
            .content_type("application/samlmetadata+xml")
            // The next key is in it long before it is used.
            .insert_header((header::CACHE_CONTROL, "max-age=300"))
            .body(document.as_bytes().to_vec()),
        Err(cause) => accident(&request, &cause),
    }
}

fn unwritten(cause: crate::crypto::xml::XmlError) -> InternalError {
    InternalError::Unavailable(cause.into())
}
