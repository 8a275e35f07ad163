//! The token endpoint as Box's SDKs look for it.
use super::endpoints::body::only_post;
use super::endpoints::box_token;
use actix_web::web::{ServiceConfig, post, resource, to};

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        resource("/oauth2/token").route(post().to(box_token::post)).default_service(to(only_post)),
    )
    .service(
        resource("/oauth2/revoke")
            .route(post().to(box_token::post_revoke))
            .default_service(to(only_post)),
    );
}
