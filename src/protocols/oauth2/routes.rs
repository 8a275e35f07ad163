//! Every URL of the room.
use super::endpoints::body::{only_get, only_get_and_post, only_post};
use super::endpoints::well_known::{self, ServerMetadata};
use super::endpoints::{authorize, cors, introspect, logout, revoke, token, userinfo};
use crate::http::api::{head_of_what_changes, read};
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig, get, head, post, resource, to};

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.app_data(web::Data::new(ServerMetadata::default()));
    cfg.configure(super::box_routes::routes);
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        cfg.service(
            resource(path)
                .route(read().to(well_known::configuration))
                .route(web::method(Method::OPTIONS).to(cors::preflight_of_everybody))
                .default_service(to(only_get)),
        );
    }
    cfg.service(
        resource("/.well-known/jwks.json")
            .route(read().to(well_known::jwks))
            .route(web::method(Method::OPTIONS).to(cors::preflight_of_everybody))
            .default_service(to(only_get)),
    )
    .service(
        resource("/authorize")
            .route(get().to(authorize::get))
            .route(head().to(head_of_what_changes))
            .route(post().to(authorize::post))
            .default_service(to(only_get_and_post)),
    )
    .service(
        resource("/oauth/token")
            .route(post().to(token::post))
            .route(web::method(Method::OPTIONS).to(cors::preflight))
            .default_service(to(only_post)),
    )
    .service(
        resource("/oauth/introspect")
            .route(post().to(introspect::post))
            .default_service(to(only_post)),
    )
    .service(
        resource("/oauth/revoke")
            .route(post().to(revoke::post))
            .route(web::method(Method::OPTIONS).to(cors::preflight))
            .default_service(to(only_post)),
    )
    .service(
        resource("/userinfo")
            .route(read().to(userinfo::get))
            .route(post().to(userinfo::post))
            .route(web::method(Method::OPTIONS).to(cors::preflight))
            .default_service(to(only_get_and_post)),
    )
    .service(
        resource("/oidc/logout")
            .route(get().to(logout::get))
            .route(head().to(head_of_what_changes))
            .route(post().to(logout::post))
            .default_service(to(only_get_and_post)),
    )
    .service(
        resource("/v2/logout")
            .route(read().to(logout::v2))
            .route(post().to(logout::v2_confirmed))
            .default_service(to(only_get_and_post)),
    );
}
