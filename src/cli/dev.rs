//! `understudy dev`: everything on this machine, with an embedded Postgres, demo data and a demo
//! application, and no configuration.
mod files;

use super::commands::{announcer, listen, read_file, run_server, runtime, settings};
use super::{Port, Problem, output, place};
use crate::app::watch::Migrations;
use crate::app::{self, ServerParts};
use crate::config::{Overrides, ServerSettings, SettingsPurpose};
use crate::embedded::Data;
use crate::flows::operations::rotate_keys;
use crate::provision::{self, DryRun, Prune};
use crate::store;
use crate::telemetry::{self, Destination, Metrics};
use clap::Args;
use files::Files;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const DEMO: &str = include_str!("../../examples/demo.yaml");

#[derive(Debug, Args)]
pub struct Dev {
    /// Start from an empty embedded database.
    #[arg(long)]
    fresh: bool,
    /// Leave the demo data and the demo application out.
    #[arg(long)]
    no_demo: bool,
    /// Listen on this port; the demo application takes the port ten above, and the demo API fifteen and
    /// seventeen above.
    #[arg(long)]
    port: Option<Port>,
}

pub fn run(dev: &Dev) -> Result<(), Problem> {
    let overrides = Overrides { port: dev.port, ..Overrides::default() };
    let settings = settings(overrides, SettingsPurpose::Dev)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stdout, &metrics)?;
    let key = place::own_master_key(&settings)?;
    let place = place::own_database(&settings, if dev.fresh { Data::Fresh } else { Data::Kept })?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    let parts = ServerParts { announce: Some(announcer(&settings)), ..parts };
    // Bound before the demo is started, so that a second `dev` fails here and at once.
    let listener = listen(settings.listen)?;
    place::note_public_url(settings.public_url.as_str())?;
    let demo = Demo::beside(&settings);
    prepare(&parts, (!dev.no_demo).then_some(&demo))?;
    if dev.no_demo {
        output::line(&format!("\nUnderstudy serves {}\n", settings.public_url.as_str()));
        return run_server(&parts, listener, Migrations::Leave);
    }
    let running = demo.start(settings.public_url.as_str())?;
    let files = Files::beside(&settings);
    let (_files, missing) = match files.start()? {
        Ok(started) => (Some(started), None),
        Err(missing) => (None, Some(missing)),
    };
    let application = DemoApplication::of(&demo, running.as_ref().err());
    output::line(&guide(&settings, &application, &told(&settings, &files, missing.as_deref())));
    run_server(&parts, listener, Migrations::Leave)
}

fn prepare(parts: &ServerParts, demo: Option<&Demo>) -> Result<(), Problem> {
    runtime()?.block_on(async {
        store::connection::pool::migrate(&parts.database_url).await?;
        let ctx = parts.context(2)?;
        let mut conn = ctx.store.conn().await?;
        rotate_keys::ensure_keys(&mut conn, &parts.shared.keys).await?;
        // What the guide prints works as soon as it is printed.
        parts.shared.keys.reload(&conn).await?;
        drop(conn);
        let is_new = store::applications::write::list(&*ctx.store.conn().await?).await?.is_empty()
            && store::directory::batches::is_empty(&*ctx.store.conn().await?).await?;
        // Only once: what somebody has changed since is theirs.
        if let Some(demo) = demo.filter(|_| is_new) {
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
    fn beside(settings: &ServerSettings) -> Self {
        let mut listen = settings.listen;
        listen.set_port(listen.port().saturating_add(10));
        Self { url: format!("http://{listen}"), listen: listen.to_string() }
    }

    /// `Err(_)` in the answer: it does not run, and why.
    fn start(&self, issuer: &str) -> Result<Result<RunningPart, String>, Problem> {
        let program = std::env::current_exe()?.with_file_name("examples").join("demo");
        if !program.exists() {
            return Ok(Err("it is not built; `make run` builds it".to_owned()));
        }
        // Somebody else who listens there would be taken for it.
        if let Err(problem) = TcpListener::bind(&self.listen) {
            return Ok(Err(format!("{}: {problem}", self.listen)));
        }
        let child = Command::new(program)
            .env("DEMO_LISTEN", &self.listen)
            .env("DEMO_URL", &self.url)
            .env("DEMO_ISSUER", issuer)
            .env("DEMO_CLIENT_ID", "northwind-orders")
            .env("DEMO_CLIENT_SECRET", "northwind-demo-secret")
            .spawn()?;
        let mut running = RunningPart(child);
        let begun = Instant::now();
        while TcpStream::connect(&self.listen).is_err() {
            if let Some(ended) = running.0.try_wait()? {
                return Ok(Err(format!("it ended by itself ({ended})")));
            }
            if begun.elapsed() > STARTS_WITHIN {
                return Ok(Err(format!("it does not answer at {}", self.listen)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Ok(running))
    }
}

/// How long the demo application is waited for.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// The demo application as the guide tells of it.
struct DemoApplication<'a> {
    url: &'a str,
    line: String,
}

impl<'a> DemoApplication<'a> {
    fn of(demo: &'a Demo, missing: Option<&String>) -> Self {
        let url = demo.url.as_str();
        let line = missing.map_or_else(
            || format!("{url}     (Northwind Orders)"),
            |why| format!("is left out: {why}"),
        );
        Self { url, line }
    }
}

/// Ends with us.
struct RunningPart(Child);

impl Drop for RunningPart {
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

/// About Northwind Files: what to type, or why there is none.
fn told(settings: &ServerSettings, files: &Files, missing: Option<&str>) -> String {
    if let Some(missing) = missing {
        return format!(
            "\n  Northwind Files, the demo of an API behind /forward-auth, is left out: {missing}.\n"
        );
    }
    let (url, files) = (settings.public_url.as_str(), files.url());
    format!(
        r#"
  Northwind Files     {files}     (an API that knows nothing of tokens: nginx asks Understudy about each call)

  The tutorial about app users and As-User, from the repository's folder:

  export ISSUER={url} API={files}
  ACCESS_TOKEN=$(examples/box-token.sh enterprise acme)
  USER_ID=$(curl -s $API/2.0/users -H "Authorization: Bearer $ACCESS_TOKEN" -X POST \
      -d '{{"name": "Ned Stark", "is_platform_access_only": true}}' | sed 's/.*"id":"\([^"]*\)".*/\1/')
  APP_USER_TOKEN=$(examples/box-token.sh user $USER_ID)
  curl $API/api/2.0/files/content -H "Authorization: Bearer $APP_USER_TOKEN" -X POST \
      -F attributes='{{"name":"README.md", "parent":{{"id":"0"}}}}' -F file=@README.md
  curl $API/2.0/folders/0/items -H "as-user: $USER_ID" -H "Authorization: Bearer $ACCESS_TOKEN"
"#
    )
}

fn guide(settings: &ServerSettings, application: &DemoApplication<'_>, files: &str) -> String {
    let url = settings.public_url.as_str();
    let DemoApplication { url: demo, line } = application;
    let others: String = OTHERS.iter().map(|other| command(url, other)).collect();
    format!(
        r#"
  Console             {url}/console     (as Ada; Sam finds "Sign in as" there)
  Understudy          {url}
  Demo application    {line}

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
{others}{files}
  Ctrl-C stops everything; the data stays in .understudy/, with what you change. --fresh brings the demo data back.
"#
    )
}
