//! The address for operators: metrics, and health with its details ([K-57]).
//!
//! Never on the public address: what it says is of no use to a user, and of some to an attacker. It has a thread of its
//! own, so that it answers when all workers are busy, and it answers from the first moment, before the keys are there.
//!
//! [K-57]: ../../docs/development/security-cases.md
use super::{ServerParts, StartError};
use crate::http;
use crate::http::api::health::Readiness;
use crate::http::extract::Anyone;
use crate::store::connection::pool::{ObservedPool, PoolLoad};
use crate::telemetry::exposition::{self, ProcessState};
use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::net::TcpListener;
use std::sync::PoisonError;
use std::time::Duration;

/// A few scrapers and probes; whoever opens more of them waits.
const MAX_CONNECTIONS: usize = 64;
const HEAD_TAKES: Duration = Duration::from_secs(5);

/// Serves until the process ends, or its handle stops it.
pub fn serve(parts: &ServerParts, listener: TcpListener) -> Result<Server, StartError> {
    let own = parts.clone();
    let server = HttpServer::new(move || {
        let headers = DefaultHeaders::new()
            .add((CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .add((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
        App::new()
            .app_data(web::Data::new(own.clone()))
            .app_data(web::Data::new(own.readiness.clone()))
            .wrap(headers)
            .configure(configure)
    })
    .workers(1)
    .max_connections(MAX_CONNECTIONS)
    .client_request_timeout(HEAD_TAKES)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn configure(cfg: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/metrics", http::api::read().to(metrics)),
        ("/health", http::api::read().to(details)),
        ("/health/live", http::api::read().to(http::api::health::live)),
        ("/health/ready", http::api::read().to(http::api::health::ready)),
    ] {
        let refused = web::to(http::api::method_not_allowed_get);
        cfg.service(web::resource(path).route(route).default_service(refused));
    }
}

async fn metrics(_: Anyone, parts: web::Data<ServerParts>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics_page(&parts))
}

/// What `/metrics` answers.
pub fn metrics_page(parts: &ServerParts) -> String {
    exposition::write(&parts.metrics, &state(parts))
}

async fn details(
    _: Anyone,
    parts: web::Data<ServerParts>,
    readiness: web::Data<Readiness>,
) -> HttpResponse {
    let state = state(&parts);
    let status = if state.is_ready { "ok" } else { "unavailable" };
    let mut answer =
        if state.is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(serde_json::json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "keys_loaded": state.has_keys,
        "audit_unsealed_seconds": state.unsealed_seconds,
        "database_connections": {
            "in_use": state.pool.in_use,
            "idle": state.pool.idle,
            "waiting": state.pool.waiting,
            "limit": state.pool.limit,
        },
        "password_hashes": {
            "running": state.hashing.running,
            "waiting": state.hashing.waiting,
            "limit": state.hashing.limit,
        },
        "warnings": readiness.warnings(),
    }))
}

fn state(parts: &ServerParts) -> ProcessState {
    ProcessState {
        is_ready: parts.readiness.is_ready(),
        has_keys: parts.shared.keys.are_there(),
        unsealed_seconds: parts.readiness.unsealed_seconds(),
        pool: pool_load(parts),
        hashing: parts.shared.passwords.load(),
    }
}

/// Each worker has a pool, so the loads are added.
fn pool_load(parts: &ServerParts) -> PoolLoad {
    let pools = parts.pools.lock().unwrap_or_else(PoisonError::into_inner);
    pools.iter().filter_map(ObservedPool::load).fold(PoolLoad::default(), |sum, one| PoolLoad {
        in_use: sum.in_use + one.in_use,
        idle: sum.idle + one.idle,
        waiting: sum.waiting + one.waiting,
        limit: sum.limit + one.limit,
    })
}
