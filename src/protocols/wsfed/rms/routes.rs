//! Every URL of the room.
use super::MANNER;
use crate::flows::Context;
use crate::http::api::{head_of_what_changes, method_not_allowed};
use crate::http::extract::Anyone;
use crate::protocols::common::routes::with_slash;
use crate::protocols::wsfed::serve;
use actix_web::web::{self, ServiceConfig, get, head, post, resource, to};
use actix_web::{HttpRequest, HttpResponse};

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        resource(with_slash("/rms/{client_id}"))
            .route(get().to(asked))
            .route(head().to(head_of_what_changes))
            .route(post().to(posted))
            .default_service(to(only_get_and_post)),
    );
}

async fn asked(
    _: Anyone,
    request: HttpRequest,
    named: web::Path<String>,
    ctx: web::Data<Context>,
) -> HttpResponse {
    serve::get(&request, &ctx, (Some(&**named), MANNER)).await
}

async fn posted(
    _: Anyone,
    request: HttpRequest,
    named: web::Path<String>,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    serve::post(&request, &ctx, (Some(&**named), MANNER), payload).await
}

async fn only_get_and_post(_: Anyone) -> HttpResponse {
    method_not_allowed("GET, HEAD, POST")
}
