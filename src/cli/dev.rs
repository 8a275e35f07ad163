//! `understudy dev`: everything on this machine, with an embedded Postgres, demo data and a demo
//! application, and no configuration.
use super::commands::{read_file, run_server, runtime, settings};
use super::{Port, Problem, output, place};
use crate::app::watch::Migrations;
use crate::app::{self, Parts};
use crate::config::{Overrides, Purpose, Settings};
use crate::embedded::Data;
use crate::flows::rotate_keys;
use crate::provision::{self, DryRun, Prune};
use crate::store;
use crate::telemetry::{self, Destination, Metrics};
use clap::Args;
use std::net::TcpListener;
use std::process::{Child, Command};

const DEMO: &str = include_str!("../../examples/demo.yaml");

#[derive(Debug, Args)]
pub struct Dev {
    /// Start from an empty embedded database.
    #[arg(long)]
    fresh: bool,
    /// Leave the demo data and the demo application out.
    #[arg(long)]
    no_demo: bool,
    /// Listen on this port; the demo application takes the port ten above.
    #[arg(long)]
    port: Option<Port>,
}

pub fn run(dev: &Dev) -> Result<(), Problem> {
    let overrides = Overrides { port: dev.port, ..Overrides::default() };
    let settings = settings(overrides, Purpose::Dev)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stdout, &metrics)?;
    let key = place::master_key(&settings)?;
    let place = place::database(&settings, if dev.fresh { Data::Fresh } else { Data::Kept })?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    let parts = Parts { announce: Some(output::line), ..parts };
    // Bound before the demo is started, so that a second `dev` fails here and at once.
    let listener = TcpListener::bind(settings.listen)
        .map_err(|e| Problem(format!("cannot listen on {}: {e}", settings.listen)))?;
    let demo = Demo::beside(&settings);
    prepare(&parts, (!dev.no_demo).then_some(&demo))?;
    let _demo = if dev.no_demo { None } else { demo.start(settings.public_url.as_str())? };
    output::line(&guide(&settings, (!dev.no_demo).then_some(&demo)));
    run_server(&parts, listener, Migrations::Leave)
}

fn prepare(parts: &Parts, demo: Option<&Demo>) -> Result<(), Problem> {
    runtime()?.block_on(async {
        store::pool::migrate(&parts.database_url).await?;
        let ctx = parts.context(2)?;
        let mut conn = ctx.store.conn().await?;
        rotate_keys::ensure_keys(&mut conn, &parts.shared.keys).await?;
        drop(conn);
        if let Some(demo) = demo {
            let file = read_file(DEMO, |name| (name == "DEMO_URL").then(|| demo.url.clone()))?;
            provision::apply(&ctx, &file, DryRun::No, Prune::No).await?;
        }
        Ok(())
    })
}

/// The demo application: a program of its own, beside this one.
struct Demo {
    url: String,
    listen: String,
}

impl Demo {
    fn beside(settings: &Settings) -> Self {
        let mut listen = settings.listen;
        listen.set_port(listen.port().saturating_add(10));
        Self { url: format!("http://{listen}"), listen: listen.to_string() }
    }

    fn start(&self, issuer: &str) -> Result<Option<Running>, Problem> {
        let program = std::env::current_exe()?.with_file_name("examples").join("demo");
        if !program.exists() {
            output::error("the demo application is not built; `make run` builds it");
            return Ok(None);
        }
        let child = Command::new(program)
            .env("DEMO_LISTEN", &self.listen)
            .env("DEMO_URL", &self.url)
            .env("DEMO_ISSUER", issuer)
            .env("DEMO_CLIENT_ID", "northwind-orders")
            .env("DEMO_CLIENT_SECRET", "northwind-demo-secret")
            .spawn()?;
        Ok(Some(Running(child)))
    }
}

/// Ends with us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What it shows, `protocol` and `client_id`.
const OTHERS: [(&str, &str, &str); 4] = [
    ("SAML 2.0; the application starts the login", "samlp", "northwind-saml"),
    ("SAML 2.0; the link alone signs in, and asks nobody", "samlp", "northwind-saml-direct"),
    ("WS-Federation; the application starts the login", "wsfed", "northwind-wsfed"),
    ("Rights management; people are known by e-mail address", "wsfed-rms", "northwind-rms"),
];

fn command(url: &str, (title, protocol, client): &(&str, &str, &str)) -> String {
    format!(
        r#"
  {title}:
  curl -s {url}/users/usr_alice/impersonate \
    -H "Authorization: Bearer $(curl -s {url}/oauth/token -d grant_type=client_credentials \
        -d client_id=global -d client_secret=global-demo-secret | sed 's/.*"access_token":"\([^"]*\)".*/\1/')" \
    -d protocol={protocol} -d impersonator_id=usr_sam -d client_id={client}
"#
    )
}

fn guide(settings: &Settings, demo: Option<&Demo>) -> String {
    let url = settings.public_url.as_str();
    let Some(demo) = demo else {
        return format!("\nUnderstudy serves {url}\n");
    };
    let demo = &demo.url;
    let others: String = OTHERS.iter().map(|other| command(url, other)).collect();
    format!(
        r#"
  Understudy          {url}
  Demo application    {demo}     (Northwind Orders)

  People (password)   sam.support@understudy.test   support agent           (sam-demo)
                      riley@acme.test               support agent of Acme   (riley-demo)
                      ada@understudy.test           administrator           (ada-demo)
                      alice@acme.test               a customer              (alice-demo)

  Step into Alice's account: this prints a link; open it in a browser, sign in as Sam, confirm.

  curl -s {url}/users/usr_alice/impersonate \
    -H "Authorization: Bearer $(curl -s {url}/oauth/token -d grant_type=client_credentials \
        -d client_id=global -d client_secret=global-demo-secret | sed 's/.*"access_token":"\([^"]*\)".*/\1/')" \
    -d protocol=oauth2 -d impersonator_id=usr_sam -d client_id=northwind-orders \
    -d reason='Order NW-20418 looks wrong'

  The same by every other protocol; the demo application shows what it gets at {demo}/at/…
{others}
  Ctrl-C stops everything; the data stays in .understudy/ (start again with --fresh for an empty one).
"#
    )
}
