//! Northwind Orders: a small web application that signs people in with OpenID Connect.
//!
//! It is what a customer of the identity provider would write: it knows the provider only by its
//! issuer URL, and uses public crates for the protocol. Only [`federation`], the same shop by SAML and
//! WS-Federation, uses the `understudy` crate, and of it only the reader of signed XML.
//! Two files are worth copying: [`login`] (how a login that the provider starts stays safe) and
//! [`marks`] (how to know that somebody acts as your user). Start at [`routes`].

mod settings;
mod marks;
mod provider;
mod session;
mod web;
mod orders;
mod pages;
mod login;
mod logout;
mod backchannel;
mod federation;

use std::io::IsTerminal;
use std::process::ExitCode;

use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{Data, FormConfig, ServiceConfig, get, post, resource};
use actix_web::{App, HttpServer};

use crate::settings::Settings;
use crate::web::Shop;

fn routes(config: &mut ServiceConfig) {
    config
        .route("/", get().to(pages::home))
        .route("/orders/{number}", get().to(pages::order))
        .route("/login", get().to(login::login))
        .service(
            // Both methods, as OpenID Connect Core 1.0 §4 asks.
            resource("/initiate-login")
                .route(get().to(login::initiated_by_link))
                .route(post().to(login::initiated_by_form)),
        )
        .route("/callback", get().to(login::callback))
        .configure(federation::routes)
        .route("/logout", post().to(logout::logout))
        .route("/backchannel-logout", post().to(backchannel::logout))
        .route("/healthz", get().to(pages::healthz))
        .route("/static/demo.css", get().to(pages::stylesheet))
        .route("/static/over.js", get().to(pages::script))
        .route("/static/icon.svg", get().to(pages::icon))
        .default_service(actix_web::web::to(pages::not_found));
}

async fn serve(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let listen = settings.listen.clone();
    let policy = settings.content_security_policy();
    tracing::info!(url = %settings.home(), issuer = %settings.issuer, "{} listens", settings.name);
    let shop = Data::new(Shop::new(settings)?);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shop.clone())
            .app_data(FormConfig::default().limit(128 * 1024))
            .wrap(from_fn(web::on_our_own_host))
            .wrap(
                DefaultHeaders::new()
                    .add(("Content-Security-Policy", policy.as_str()))
                    .add(("X-Content-Type-Options", "nosniff"))
                    .add(("Referrer-Policy", "same-origin"))
                    .add(("Cross-Origin-Opener-Policy", "same-origin"))
                    .add(("Cache-Control", "no-store")),
            )
            .configure(routes)
    });
    server.workers(1).shutdown_timeout(2).bind(listen)?.run().await?;
    Ok(())
}

#[actix_web::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter("info,actix_server=warn")
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    // The TLS library asks for one provider per process; `Err` means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Settings::from_environment() {
        Ok(settings) => serve(settings).await,
        Err(wrong) => Err(wrong.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
