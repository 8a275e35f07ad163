//! The composition root: builds the parts, plugs the rooms in, serves, and keeps watch.
//!
//! Start at [`serve`]. What runs beside the requests is in [`watch`].
mod connections;
pub mod management;
mod observe;
mod report;
mod sealing;
pub mod watch;

use crate::audit::chain::SealKey;
use crate::config::{RateLimits, ServerSettings};
use crate::crypto::bewit::CanonicalUrl;
use crate::crypto::mac::MacKey;
use crate::crypto::seal::MasterKey;
use crate::flows::operations::housekeeping::{Cleaning, Retention};
use crate::flows::shared::audit_queue::Trail;
use crate::flows::shared::decision_facts::InputsCache;
use crate::flows::shared::keyring::KeyStore;
use crate::flows::shared::passwords::Passwords;
use crate::flows::tokens::client_attempts::SuspectedClients;
use crate::flows::tokens::cross_origin::Origins;
use crate::flows::{Context, Shared};
use crate::http::api::health::Readiness;
use crate::http::limits::{LARGEST_BODY, hold_to_limits};
use crate::http::middleware::{Floods, hold_back_floods, identify, wait_for_keys};
use crate::http::{self, Edge};
use crate::protocols;
use crate::protocols::oauth2::endpoints::cors::let_pages_read_errors;
use crate::store::connection::pool::ObservedPool;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use connections::WorkerContexts;
use nix::sys::socket::Backlog;
use observe::observe;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the head of a request may take to arrive.
const HEAD_TAKES: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the master key does not fit: {0}")]
    Key(String),
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    #[error("metrics: {0}")]
    Metrics(String),
}

/// Everything a process shares between its worker threads.
#[derive(Clone)]
pub struct ServerParts {
    pub database_url: String,
    /// How many connections to the database the node opens at most.
    pub connections: usize,
    /// Those of the workers, while it serves.
    pub contexts: Option<Arc<WorkerContexts>>,
    pub shared: Arc<Shared>,
    pub edge: Edge,
    pub readiness: Readiness,
    pub floods: Floods,
    pub metrics: Metrics,
    /// Every pool that a context was made with.
    pub pools: Arc<Mutex<Vec<ObservedPool>>>,
    /// Where metrics are served; see [`management`].
    pub management_listen: Option<SocketAddr>,
    /// Where a code for the first administrator is shown; without a place there is none.
    pub announce: Option<fn(&str)>,
}

/// Puts the parts together; connects to nothing yet.
pub fn parts(
    settings: &ServerSettings,
    database_url: &str,
    master_key: &str,
    metrics: Metrics,
) -> Result<ServerParts, StartError> {
    let master = MasterKey::parse(master_key).map_err(|e| StartError::Key(e.to_string()))?;
    let derived = |purpose: &str| {
        MacKey::new(master.derive(purpose).as_slice()).map_err(|e| StartError::Key(e.to_string()))
    };
    let (forms, pairwise) = (derived("forms")?, derived("pairwise")?);
    let refreshes = derived("refreshes")?;
    let seals = SealKey::derive(&master).map_err(|e| StartError::Key(e.to_string()))?;
    let url = settings.public_url.url();
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let shared = Shared {
        keys: KeyStore::new(master),
        passwords: Passwords::new(cores),
        seals,
        facts: InputsCache::default(),
        origins: Origins::default(),
        rooms: protocols::ROOMS,
        issuer: settings.public_url.as_str().to_owned(),
        canonical: CanonicalUrl::new(host, port),
        forms,
        pairwise,
        refreshes,
        audience_aliases: settings.audience_aliases.clone(),
        step_up: settings.step_up,
        cleaning: Cleaning::new(Retention {
            sessions: settings.keep.sessions.unwrap_or(Retention::default().sessions),
            impersonations: settings.keep.impersonations,
        }),
        suspected_clients: SuspectedClients::default(),
        rate_limits: settings.rate_limits == RateLimits::On,
    };
    let secure = settings.public_url.is_https();
    Ok(ServerParts {
        database_url: database_url.to_owned(),
        connections: settings.database_connections,
        contexts: None,
        shared: Arc::new(shared),
        edge: Edge { trusted_proxies: settings.trusted_proxies.clone(), secure, ..Edge::default() },
        readiness: Readiness::default(),
        floods: Floods::new(settings.rate_limits == RateLimits::On),
        metrics,
        pools: Arc::default(),
        management_listen: settings.management_listen,
        announce: None,
    })
}

impl ServerParts {
    /// The context of one more worker.
    fn worker_context(&self) -> Result<Context, StoreError> {
        let shared = self.contexts.as_ref().and_then(|contexts| contexts.next());
        shared.map_or_else(|| WorkerContexts::of_one(self), Ok)
    }

    /// A context with connections of its own.
    pub fn context(&self, connections: usize) -> Result<Context, StoreError> {
        let store = Store::new(&self.database_url, connections)?;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.load().is_some());
        pools.push(store.observed());
        drop(pools);
        Ok(Context {
            store,
            clients: crate::flows::shared::client_cache::ClientCache::default(),
            trail: Trail::new(Store::new(&self.database_url, 1)?),
            shared: Arc::clone(&self.shared),
        })
    }
}

/// How many connections may wait to be taken; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// Who listens to the signals of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    /// The server: SIGTERM lets it finish what is under way, SIGINT and SIGQUIT do not.
    Server,
    /// Whoever the server is a part of; a handle stops it.
    Host,
}

/// Serves on `listener` with one thread a worker until told to stop.
///
/// The server answers whether or not the database is there; [`watch::start`] makes it ready.
pub fn serve(
    parts: &ServerParts,
    listener: TcpListener,
    workers: usize,
    signals: Signals,
) -> Result<Server, StartError> {
    let mut own = parts.clone();
    // More callers at a time than the 128 that may wait by default; who is let in and forgotten would wait for ever.
    let waiting = Backlog::new(BACKLOG).map_err(std::io::Error::from)?;
    nix::sys::socket::listen(&listener, waiting).map_err(std::io::Error::from)?;
    // Made here, so that a URL that cannot be read stops the start and not a worker.
    own.contexts = Some(Arc::new(WorkerContexts::new(parts, workers)?));
    let server = HttpServer::new(move || {
        let own = own.clone();
        App::new()
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .app_data(web::Data::new(own.edge.clone()))
            .app_data(web::Data::new(own.readiness.clone()))
            .app_data(web::Data::new(own.metrics.clone()))
            .app_data(web::Data::new(own.floods.clone()))
            .wrap(from_fn(wait_for_keys))
            .wrap(from_fn(hold_back_floods))
            .wrap(from_fn(hold_to_limits))
            .wrap(from_fn(let_pages_read_errors))
            .wrap(from_fn(observe))
            .wrap(from_fn(identify))
            .configure(move |cfg| configure(cfg, &own))
    })
    .workers(workers)
    .client_request_timeout(HEAD_TAKES)
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(30)
    .listen(listener)?;
    Ok(match signals {
        Signals::Server => server.run(),
        Signals::Host => server.disable_signals().run(),
    })
}

/// All routes. One table: what is not here is 404.
pub fn configure(cfg: &mut web::ServiceConfig, parts: &ServerParts) {
    match parts.worker_context() {
        Ok(ctx) => {
            cfg.app_data(web::Data::new(ctx));
        }
        // `serve` has tried the same; a worker that cannot be served answers 503 by itself.
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "no store"),
    }
    // They are tried in this order: what machines ask all the time goes first.
    cfg.configure(protocols::routes)
        .configure(http::api::routes)
        .configure(http::console::routes)
        .configure(http::account::routes)
        .configure(http::pages::routes)
        .default_service(web::to(http::pages::not_found));
}
