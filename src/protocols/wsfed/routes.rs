//! Every URL of the room.
use super::{MANNER, metadata};
use crate::flows::Context;
use crate::http::api::{head_of_what_changes, method_not_allowed, read};
use crate::http::extract::Anyone;
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::protocols::common::routes::with_slash;
use crate::protocols::wsfed::{serve, sign_out};
use actix_web::web::{self, ServiceConfig, get, head, post, resource, to};
use actix_web::{HttpRequest, HttpResponse};

/// Metadata lies where relying parties look for it ([MS-MWBF §3.1.5]).
///
/// [MS-MWBF §3.1.5]: https://learn.microsoft.com/openspecs/windows_protocols/ms-mwbf
pub fn routes(cfg: &mut ServiceConfig) {
    for path in [
        "/FederationMetadata/2007-06/FederationMetadata.xml",
        "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml",
    ] {
        cfg.service(
            resource(with_slash(path))
                .route(read().to(metadata::of_all))
                .default_service(to(only_get)),
        );
    }
    cfg.service(
        resource(with_slash(
            "/wsfed/{client_id}/FederationMetadata/2007-06/FederationMetadata.xml",
        ))
        .route(read().to(metadata::of_one))
        .default_service(to(only_get)),
    )
    .service(
        resource("/wsfed/sign-out/confirmed")
            .route(post().to(confirmed))
            .default_service(to(only_post)),
    );
    for path in ["/wsfed", "/wsfed/{client_id}"] {
        cfg.service(
            resource(with_slash(path))
                .route(get().to(asked))
                .route(head().to(head_of_what_changes))
                .route(post().to(posted))
                .default_service(to(only_get_and_post)),
        );
    }
}

async fn asked(
    _: Anyone,
    request: HttpRequest,
    named: Option<web::Path<String>>,
    ctx: web::Data<Context>,
) -> HttpResponse {
    serve::get(&request, &ctx, (named.as_ref().map(|named| named.as_str()), MANNER)).await
}

async fn posted(
    _: Anyone,
    request: HttpRequest,
    named: Option<web::Path<String>>,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    serve::post(&request, &ctx, (named.as_ref().map(|named| named.as_str()), MANNER), payload).await
}

async fn confirmed(browser: BrowserSession, form: Posted) -> Result<HttpResponse, PageError> {
    sign_out::confirmed(browser, form).await
}

async fn only_get(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD")
}

async fn only_post(_: Anyone) -> HttpResponse {
    method_not_allowed("POST")
}

async fn only_get_and_post(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD, POST")
}
