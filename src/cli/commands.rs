//! The commands but `dev`.
use super::{Problem, output, place, progress};
use crate::app::watch::{self, Migrations};
use crate::app::{self, ServerParts};
use crate::config::{self, LogFormat, Overrides, ServerSettings, SettingsPurpose};
use crate::crypto::xml::decode;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::{ClientId, UserId};
use crate::flows::impersonation::start_impersonation::{Start, start_impersonation};
use crate::flows::login::first_admin::{self, WaitingSetup};
use crate::flows::operations::seal_audit::Sealer;
use crate::flows::operations::verify_audit::Head;
use crate::flows::{
    Context,
    logout::sign_out_all,
    operations::{after_restore, rotate_keys as keys},
};
use crate::impersonation::{ActorProof, RequestedBy};
use crate::login::Parameters;
use crate::provision;
use crate::store::{self, StoreError, installation::schema_version};
use crate::telemetry::{self, Destination, Metrics};
use futures_util::future::{Either, select};
use serde_json::json;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::pin;

/// What `serve` was told by its flags.
pub struct Serving {
    pub overrides: Overrides,
    pub migrations: Migrations,
}

pub fn settings(overrides: Overrides, purpose: SettingsPurpose) -> Result<ServerSettings, Problem> {
    ServerSettings::read(config::environment(), overrides, purpose)
        .map_err(|mistakes| Problem::settings(config::describe(&mistakes)))
}

/// The settings of a command. About the database of `dev`, links lead to where `dev` serves (its `--port`), unless the
/// environment names an address.
fn settings_beside_dev(purpose: SettingsPurpose) -> Result<ServerSettings, Problem> {
    let plain = settings(Overrides::default(), purpose)?;
    let names = ["UNDERSTUDY_PUBLIC_URL", "UNDERSTUDY_LISTEN"];
    let is_given = config::environment().any(|(name, _)| names.contains(&name.as_str()));
    match place::public_url_of_dev(&plain).filter(|_| !is_given) {
        Some(url) => settings(Overrides { public_url: Some(url), ..Overrides::default() }, purpose),
        None => Ok(plain),
    }
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

pub fn serve(serving: &Serving) -> Result<(), Problem> {
    let settings = settings(serving.overrides.clone(), SettingsPurpose::Serve)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stdout, &metrics)?;
    let place = place::database(&settings)?;
    let key = place::master_key(&settings)?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    let parts = ServerParts { announce: Some(announcer(&settings)), ..parts };
    runtime()?.block_on(store::connection::pgbouncer_check::check_at_start(&place.url))?;
    let listener = listen(settings.listen)?;
    tracing::info!(listen = %settings.listen, public_url = settings.public_url.as_str(), "serving");
    run_server(&parts, listener, serving.migrations)
}

pub fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address)
        .map_err(|problem| Problem::failed(format!("cannot listen on {address}: {problem}")))
}

/// Between lines of JSON a code for the first administrator is such a line too.
pub fn announcer(settings: &ServerSettings) -> fn(&str) {
    match telemetry::format(&settings.log, Destination::Stdout) {
        LogFormat::Text => output::line,
        LogFormat::Json => |text| {
            let message = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let message = format!("{message} (lost? `understudy bootstrap` prints another)");
            output::line(&json!({ "level": "INFO", "message": message }).to_string());
        },
    }
}

/// Serves until a signal; then finishes what is under way. Ends by itself where waiting for the database does not help.
#[expect(clippy::disallowed_methods, reason = "the process owns the server for operators")]
pub fn run_server(
    parts: &ServerParts,
    listener: TcpListener,
    migrations: Migrations,
) -> Result<(), Problem> {
    let management = parts.management_listen.map(|at| Ok::<_, Problem>((at, listen(at)?)));
    let management = management.transpose()?;
    let mut watch = watch::start(parts, migrations)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let system = actix_web::rt::System::new();
    system.block_on(async {
        if let Some((address, listener)) = management {
            tracing::info!(listen = %address, "serving metrics");
            // It ends with the process, because operators watch how the server finishes what is under way.
            actix_web::rt::spawn(app::management::serve(parts, listener)?);
        }
        let server = app::serve(parts, listener, workers, app::Signals::Server)?;
        let handle = server.handle();
        match select(server, pin!(watch.hopeless())).await {
            Either::Left((ended, _)) => Ok(ended?),
            Either::Right((problem, server)) => {
                let ((), ended) = futures_util::join!(handle.stop(false), server);
                ended?;
                Err(problem.into())
            }
        }
    })
}

/// Runs `work` against the database, once its schema is found to be ours. Nothing but `migrate` and `serve` changes it.
pub fn with_database<T, F: Future<Output = Result<T, Problem>>>(
    purpose: SettingsPurpose,
    work: impl FnOnce(store::Conn) -> F,
) -> Result<T, Problem> {
    let settings = settings(Overrides::default(), purpose)?;
    let place = place::database(&settings)?;
    runtime()?.block_on(async {
        let conn = store::connection::pool::connect(&place.url).await?;
        schema_version::check_once_migrated(&conn).await?;
        work(conn).await
    })
}

/// The same with the server's own parts, and a master key that is the right one.
pub fn with_context<T, F: Future<Output = Result<T, Problem>>>(
    purpose: SettingsPurpose,
    work: impl FnOnce(Context) -> F,
) -> Result<T, Problem> {
    let settings = settings_beside_dev(purpose)?;
    let metrics = Metrics::new()?;
    let _flush = telemetry::start(&settings.log, Destination::Stderr, &metrics)?;
    let place = place::database(&settings)?;
    let key = place::master_key(&settings)?;
    let parts = app::parts(&settings, &place.url, &key, metrics)?;
    runtime()?.block_on(async {
        store::connection::pgbouncer_check::check(&place.url).await?;
        let ctx = parts.context(2)?;
        let conn = ctx.store.conn().await?;
        schema_version::check_once_migrated(&conn).await?;
        ctx.shared.keys.check(&conn).await?;
        drop(conn);
        work(ctx).await
    })
}

/// The same, and the keys are there: those that are missing are made.
pub fn with_keys<T, F: Future<Output = Result<T, Problem>>>(
    purpose: SettingsPurpose,
    work: impl FnOnce(Context) -> F,
) -> Result<T, Problem> {
    with_context(purpose, async |ctx| {
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
    let settings = settings(Overrides::default(), SettingsPurpose::Database)?;
    let place = place::database(&settings)?;
    let run = runtime()?.block_on(async {
        store::connection::pgbouncer_check::check(&place.url).await?;
        let conn = store::connection::pool::connect(&place.url).await?;
        schema_version::check_not_newer(&conn).await?;
        let run = store::connection::pool::migrate(&place.url).await?;
        // Another process with a newer program may have migrated in the meantime.
        schema_version::check(&conn).await?;
        Ok::<_, StoreError>(run)
    })?;
    let lines: Vec<String> = run.iter().map(|name| format!("migrated {name}")).collect();
    let text =
        if run.is_empty() { "the schema is up to date".to_owned() } else { lines.join("\n") };
    output::done(&json!({ "migrated": run }), &text);
    Ok(())
}

pub fn revert() -> Result<(), Problem> {
    let settings = settings(Overrides::default(), SettingsPurpose::Database)?;
    let place = place::database(&settings)?;
    let name = runtime()?.block_on(async {
        let conn = store::connection::pool::connect(&place.url).await?;
        schema_version::check_not_newer(&conn).await?;
        store::connection::pool::revert_last(&place.url).await
    })?;
    output::done(&json!({ "reverted": name }), &format!("reverted {name}"));
    Ok(())
}

pub fn apply(
    file: &Path,
    (dry_run, prune): (provision::DryRun, provision::Prune),
    listing: provision::Listing,
) -> Result<(), Problem> {
    let text = read_text(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let file = read_file_in(folder, &text, |_| None)?;
    with_context(SettingsPurpose::Sealing, async |ctx| {
        let bar = progress::ProgressBar::default();
        let watch = |phase: provision::Phase, done, of| bar.show(phase.as_str(), done, of);
        let progress = provision::Progress::new(&watch);
        let plan = provision::apply_with_progress(&ctx, &file, (dry_run, prune), progress).await;
        bar.clear();
        let plan = plan.map_err(not_applied)?;
        let notices = file.notices();
        let text = output::with_notices(plan.shown(listing).to_string().trim_end(), &notices);
        let value = json!({
            "dry_run": dry_run == provision::DryRun::Yes,
            "changes": plan.values(),
            "notices": notices,
        });
        match dry_run {
            provision::DryRun::Yes => output::result(&value, &text),
            provision::DryRun::No => output::done(&value, &text),
        }
        Ok(())
    })
}

pub fn not_applied(problem: provision::ProvisionError) -> Problem {
    match problem {
        provision::ProvisionError::Mistakes(mistakes) => mistaken(&mistakes),
        problem @ (provision::ProvisionError::Conflict(_)
        | provision::ProvisionError::Store(_)
        | provision::ProvisionError::Hashing) => problem.into(),
    }
}

/// A file, or standard input for `-`.
pub fn read_text(file: &Path) -> Result<String, Problem> {
    if file == Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(file).map_err(|e| Problem::failed(format!("{}: {e}", file.display())))
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
        let bytes = std::fs::read(folder.join(name)).map_err(|e| format!("cannot be read: {e}"))?;
        decode(&bytes).map_err(|cause| format!("cannot be read: {cause}"))
    };
    provision::read_draft(text, env, beside).map_err(|mistakes| mistaken(&mistakes))
}

pub fn mistaken(mistakes: &[provision::Mistake]) -> Problem {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Problem::settings(format!("the file has mistakes, nothing was changed:\n{}", lines.join("\n")))
}

pub fn export() -> Result<(), Problem> {
    with_context(SettingsPurpose::Sealing, async |ctx| {
        use std::io::Write as _;
        let bar = progress::ProgressBar::default();
        let watch = |phase: provision::Phase, done, of| bar.show(phase.as_str(), done, of);
        let progress = provision::Progress::new(&watch);
        if output::is_json() {
            let mut text = Vec::new();
            let mut sink = |piece: &str| text.write_all(piece.as_bytes());
            let done = provision::export(&ctx, &mut sink, progress).await;
            bar.clear();
            done?;
            let text = String::from_utf8_lossy(&text);
            output::result(&provision::values(&text), &text);
            return Ok(());
        }
        let mut out = std::io::BufWriter::new(std::io::stdout());
        let mut sink = |piece: &str| out.write_all(piece.as_bytes());
        let done = provision::export(&ctx, &mut sink, progress).await;
        bar.clear();
        done?;
        out.flush()?;
        Ok(())
    })
}

/// What `impersonate` was told.
pub struct ImpersonateArguments {
    pub actor: String,
    pub subject: String,
    pub client: String,
    pub protocol: String,
    pub reason: String,
    pub ticket: Option<String>,
    pub ttl: Option<i64>,
    pub duration: Option<i64>,
}

pub fn impersonate(asked: ImpersonateArguments) -> Result<(), Problem> {
    let protocol = ProtocolName::parse(&asked.protocol)
        .ok_or_else(|| Problem::settings("the protocol is oauth2, samlp, wsfed or wsfed-rms"))?;
    let start = Start {
        channel: Channel::Console,
        requested_by: RequestedBy::CommandLine,
        scopes: None,
        at: None,
        actor: UserId::parse(asked.actor)?,
        proof: ActorProof::Asserted,
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
    with_keys(SettingsPurpose::Link, async |ctx| {
        let issued = start_impersonation(&ctx, &start, &Caller::default()).await?;
        output::result(&json!({ "url": issued.url }), &issued.url);
        Ok(())
    })
}

/// A code for the first administrator, in place of one that was printed before and lost.
pub fn bootstrap() -> Result<(), Problem> {
    with_context(SettingsPurpose::Link, async |ctx| {
        match first_admin::make_code(&ctx, WaitingSetup::Replace).await? {
            Some(code) => output::result(
                &json!({ "url": format!("{}/setup", ctx.issuer()), "code": code }),
                &first_admin::invitation(ctx.issuer(), &code),
            ),
            None => return Err(Problem::failed("somebody administers this installation already")),
        }
        Ok(())
    })
}

pub fn restored() -> Result<(), Problem> {
    with_context(SettingsPurpose::Sealing, async |ctx| {
        let ended = after_restore::end_issued_credentials(&ctx).await?;
        let (sessions, impersonations) = (ended.sessions, ended.impersonations);
        let head = Head::of(&after_restore::begin_epoch(&ctx).await?).to_string();
        output::done(
            &json!({ "ended": { "sessions": sessions, "impersonations": impersonations }, "head": head }),
            &format!(
                "ended: {} sessions, {} impersonations, all codes and tokens\n\
                 the audit trail begins an epoch with seal {head}",
                sign_out_all::in_words(sessions),
                sign_out_all::in_words(impersonations)
            ),
        );
        Ok(())
    })
}
