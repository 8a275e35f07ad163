//! The commands but `dev`.
use super::{Problem, output, place};
use crate::app::watch::{self, Migrations};
use crate::app::{self, Parts};
use crate::config::{self, Overrides, Purpose, Settings};
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::{ClientId, UserId};
use crate::embedded::Data;
use crate::flows::replace_keys::replace_compromised;
use crate::flows::seal_audit::Sealer;
use crate::flows::set_up::{self, Waiting};
use crate::flows::start_impersonation::{Start, start_impersonation};
use crate::flows::verify_audit::Head;
use crate::flows::{Context, restored, rotate_keys as keys};
use crate::impersonation::ActorProof;
use crate::login::Parameters;
use crate::provision;
use crate::store;
use crate::telemetry::{self, Destination, Metrics};
use std::future::Future;
use std::net::TcpListener;
use std::path::Path;

/// What `serve` was told by its flags.
pub struct Serving {
    pub overrides: Overrides,
    pub migrations: Migrations,
}

pub fn settings(overrides: Overrides, purpose: Purpose) -> Result<Settings, Problem> {
    Settings::read(config::environment(), overrides, purpose)
        .map_err(|mistakes| Problem(config::describe(&mistakes)))
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

pub fn serve(serving: &Serving) -> Result<(), Problem> {
    let settings = settings(serving.overrides.clone(), Purpose::Serve)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stdout, &metrics)?;
    let place = place::database(&settings, Data::Kept)?;
    let key = place::master_key(&settings)?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    let parts = Parts { announce: Some(output::line), ..parts };
    runtime()?.block_on(store::pooler::check_at_start(&place.url))?;
    let listener = TcpListener::bind(settings.listen)?;
    tracing::info!(listen = %settings.listen, public_url = settings.public_url.as_str(), "serving");
    run_server(&parts, listener, serving.migrations)
}

/// Serves until a signal; then finishes what is under way.
pub fn run_server(
    parts: &Parts,
    listener: TcpListener,
    migrations: Migrations,
) -> Result<(), Problem> {
    let _watch = watch::start(parts, migrations)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let system = actix_web::rt::System::new();
    system.block_on(async {
        app::serve(parts, listener, workers, app::Signals::Server)?.await.map_err(Problem::from)
    })
}

/// Runs `work` against the database, with the server's own parts.
pub fn with_context<T, F: Future<Output = Result<T, Problem>>>(
    purpose: Purpose,
    work: impl FnOnce(Context) -> F,
) -> Result<T, Problem> {
    let settings = settings(Overrides::default(), purpose)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stderr, &metrics)?;
    let place = place::database(&settings, Data::Kept)?;
    let key = place::master_key(&settings)?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    runtime()?.block_on(async {
        store::pooler::check(&place.url).await?;
        store::pool::migrate(&place.url).await?;
        let ctx = parts.context(2)?;
        let mut conn = ctx.store.conn().await?;
        keys::ensure_keys(&mut conn, &ctx.shared.keys).await?;
        ctx.shared.keys.reload(&conn).await?;
        drop(conn);
        let done = work(ctx.clone()).await;
        // No server need be running that would seal what this command has written; if one does, it will.
        let _ = Sealer::default().seal(&ctx).await;
        done
    })
}

pub fn migrate() -> Result<(), Problem> {
    let settings = settings(Overrides::default(), Purpose::Database)?;
    let place = place::database(&settings, Data::Kept)?;
    let run = runtime()?.block_on(async {
        store::pooler::check(&place.url).await?;
        store::pool::migrate(&place.url).await
    })?;
    if run.is_empty() {
        output::line("the schema is up to date");
    }
    for name in run {
        output::line(&format!("migrated {name}"));
    }
    Ok(())
}

pub fn revert() -> Result<(), Problem> {
    let settings = settings(Overrides::default(), Purpose::Database)?;
    let place = place::database(&settings, Data::Kept)?;
    let name = runtime()?.block_on(store::pool::revert_last(&place.url))?;
    output::line(&format!("reverted {name}"));
    Ok(())
}

pub fn apply(
    file: &Path,
    dry_run: provision::DryRun,
    prune: provision::Prune,
) -> Result<(), Problem> {
    let text = read_text(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let file = read_file_in(folder, &text, |_| None)?;
    with_context(Purpose::Sealing, async |ctx| {
        let plan = provision::apply(&ctx, &file, dry_run, prune).await?;
        output::line(plan.to_string().trim_end());
        Ok(())
    })
}

/// A file, or standard input for `-`.
pub fn read_text(file: &Path) -> Result<String, Problem> {
    if file == Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(file).map_err(|e| Problem(format!("{}: {e}", file.display())))
}

/// Reads a provisioning file; `${NAME}` is looked up in the environment, then in `defaults`.
pub fn read_file(
    text: &str,
    defaults: impl Fn(&str) -> Option<String>,
) -> Result<provision::File, Problem> {
    read_file_in(Path::new(""), text, defaults)
}

/// The same; files that it names are looked for in `folder`.
fn read_file_in(
    folder: &Path,
    text: &str,
    defaults: impl Fn(&str) -> Option<String>,
) -> Result<provision::File, Problem> {
    let environment: std::collections::BTreeMap<String, String> = config::environment().collect();
    let env = |name: &str| environment.get(name).cloned().or_else(|| defaults(name));
    let beside = |name: &str| {
        std::fs::read_to_string(folder.join(name)).map_err(|e| format!("cannot be read: {e}"))
    };
    provision::read_with_files(text, env, beside).map_err(|mistakes| mistaken(&mistakes))
}

pub fn mistaken(mistakes: &[provision::Mistake]) -> Problem {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Problem(format!("the file has mistakes, nothing was changed:\n{}", lines.join("\n")))
}

pub fn export() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        output::line(provision::export(&ctx).await?.trim_end());
        Ok(())
    })
}

/// What `impersonate` was told.
pub struct Asked {
    pub actor: String,
    pub subject: String,
    pub client: String,
    pub protocol: String,
    pub reason: String,
    pub ticket: Option<String>,
    pub ttl: Option<i64>,
    pub duration: Option<i64>,
}

pub fn impersonate(asked: Asked) -> Result<(), Problem> {
    let protocol = ProtocolName::parse(&asked.protocol)
        .ok_or_else(|| Problem("the protocol is oauth2, samlp, wsfed or wsfed-rms".into()))?;
    let start = Start {
        channel: Channel::Console,
        requested_by: "cli".to_owned(),
        at: None,
        actor: UserId::parse(asked.actor)?,
        actor_proof: ActorProof::Asserted,
        subject: UserId::parse(asked.subject)?,
        client: ClientId::parse(asked.client)?,
        protocol,
        parameters: Parameters::new(),
        mode: Mode::Full,
        ttl: asked.ttl,
        duration: asked.duration,
        target_link_uri: None,
        reason: Some(asked.reason),
        reason_code: None,
        ticket: asked.ticket,
        ignored: Vec::new(),
    };
    with_context(Purpose::Link, async |ctx| {
        let issued = start_impersonation(&ctx, &start, &Caller::default()).await?;
        output::line(&issued.url);
        Ok(())
    })
}

pub fn list_keys() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        let (keys, now) = store::signing_keys::list(&*ctx.store.conn().await?).await?;
        for key in keys {
            let age = (now - key.created_at).num_days();
            output::line(&format!(
                "{}  {:6}  {:6}  {:9}  {age} days",
                key.id, key.purpose, key.algorithm, key.state
            ));
        }
        Ok(())
    })
}

pub fn rotate_keys() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let nobody = (None, &Caller::default());
        for id in keys::rotate(&mut conn, &ctx.shared.keys, nobody).await? {
            output::line(&format!("now signing: {id}"));
        }
        Ok(())
    })
}

/// A code for the first administrator, in place of one that was printed before and lost.
pub fn bootstrap() -> Result<(), Problem> {
    with_context(Purpose::Link, async |ctx| {
        match set_up::make_code(&ctx, Waiting::Replace).await? {
            Some(code) => output::line(&set_up::invitation(ctx.issuer(), &code)),
            None => return Err(Problem("somebody administers this installation already".into())),
        }
        Ok(())
    })
}

/// For a key that may be in other hands.
pub fn replace_keys() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let keys = &ctx.shared.keys;
        let done = replace_compromised(&mut conn, keys, &Caller::default()).await?;
        for id in &done.signing {
            output::line(&format!("now signing: {id}"));
        }
        output::line(&format!(
            "ended: {} sessions, {} tokens, {} impersonations",
            done.sessions, done.tokens, done.impersonations
        ));
        output::line(
            "next: have every SAML and WS-Federation application fetch our metadata again (README)",
        );
        Ok(())
    })
}

pub fn restored() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        let ended = restored::end_what_was_handed_out(&ctx).await?;
        let (sessions, impersonations) = (ended.sessions, ended.impersonations);
        output::line(&format!(
            "ended: {sessions} sessions, {impersonations} impersonations, all codes and tokens"
        ));
        let seal = restored::begin_epoch(&ctx).await?;
        output::line(&format!("the audit trail begins an epoch with seal {}", Head::of(&seal)));
        Ok(())
    })
}

/// One request to the server on this machine, without a client library: it runs every few seconds.
pub fn healthcheck() -> Result<(), Problem> {
    use std::io::{Read as _, Write as _};
    let mut address = settings(Overrides::default(), Purpose::Probe)?.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let patience = std::time::Duration::from_secs(3);
    let mut stream = std::net::TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    let first = answer.lines().next().unwrap_or_default();
    if first.contains(" 200") {
        return Ok(());
    }
    Err(Problem(format!("not ready: {first}")))
}
