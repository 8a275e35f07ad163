//! Northwind Files: an API that does not verify tokens, because a proxy asks `/forward-auth` first.
//!
//! Its three calls have the shape of Box's content API, so that the tutorial that Understudy was made from
//! can be followed to its end. Files are kept in memory and belong to the user that the call was made as.
//! Start at [`routes`]; who calls is in [`caller`], what is kept in [`files`].
//!
//! It trusts the `X-Auth-…` headers, so only the proxy may reach it (see `nginx.conf`, `traefik.yaml` and `envoy.yaml`).

mod answer;
mod caller;
mod files;
mod upload;

use crate::answer::Refusal;
use crate::caller::Caller;
use crate::files::Files;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, Path, ServiceConfig, get, post, to};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::json;
use std::io::IsTerminal as _;

fn routes(config: &mut ServiceConfig) {
    config
        .route("/api/2.0/files/content", post().to(upload::upload))
        .route("/2.0/folders/{id}", get().to(folder))
        .route("/2.0/folders/{id}/items", get().to(items))
        .default_service(to(nothing_here));
}

/// Each user has one folder, `0`, and sees no other.
async fn folder(
    caller: Caller,
    id: Path<String>,
    files: Data<Files>,
) -> Result<HttpResponse, Refusal> {
    only_root(&id)?;
    let entries = files.of(&caller.id);
    Ok(HttpResponse::Ok().json(json!({
        "type": "folder",
        "id": "0",
        "sequence_id": null,
        "etag": null,
        "name": "All Files",
        "size": entries.iter().map(|file| file.size).sum::<usize>(),
        "created_by": caller.as_user(),
        "modified_by": caller.as_user(),
        "owned_by": caller.as_user(),
        "item_status": "active",
        "path_collection": { "total_count": 0, "entries": [] },
        "item_collection": listing(&entries),
    })))
}

async fn items(
    caller: Caller,
    id: Path<String>,
    files: Data<Files>,
) -> Result<HttpResponse, Refusal> {
    only_root(&id)?;
    Ok(HttpResponse::Ok().json(listing(&files.of(&caller.id))))
}

fn listing(files: &[files::Kept]) -> serde_json::Value {
    json!({
        "total_count": files.len(),
        "entries": files.iter().map(files::Kept::short).collect::<Vec<_>>(),
        "offset": 0,
        "limit": 1000,
        "order": [{ "by": "type", "direction": "ASC" }, { "by": "name", "direction": "ASC" }],
    })
}

fn only_root(id: &str) -> Result<(), Refusal> {
    if id == "0" { Ok(()) } else { Err(Refusal::NotFound) }
}

/// Names the impersonation in the response, because not every proxy can add the header.
async fn marked(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    const NAME: HeaderName = HeaderName::from_static("x-impersonation-id");
    let id = request.headers().get(NAME).filter(|id| !id.is_empty()).cloned();
    let mut answer = next.call(request).await?;
    if let Some(id) = id {
        answer.headers_mut().insert(NAME, id);
    }
    Ok(answer)
}

async fn nothing_here() -> Result<HttpResponse, Refusal> {
    Err(Refusal::NotFound)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn listen_address() -> String {
    std::env::var("CONTENT_LISTEN").unwrap_or_else(|_| "127.0.0.1:8097".to_owned())
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter("info,actix_server=warn")
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let listen = listen_address();
    let files = Data::new(Files::default());
    let app = move || App::new().app_data(files.clone()).wrap(from_fn(marked)).configure(routes);
    let server = HttpServer::new(app).workers(1);
    tracing::info!(%listen, "Northwind Files listens");
    server.shutdown_timeout(2).bind(listen)?.run().await
}
