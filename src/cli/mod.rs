//! The command line. Start at [`run`]. A command reads its settings, does one thing, and says plainly what went wrong.
//! What it prints goes through [`output`], which also writes JSON.
pub mod audit;
pub mod client;
pub mod commands;
pub mod dev;
mod healthcheck;
pub mod keys;
pub mod output;
pub mod place;
pub mod progress;
pub mod shell;
pub mod user;

use crate::app::watch::Migrations;
use crate::config::Overrides;
use crate::provision::{DryRun, Listing, Prune, ServiceProvider};
use crate::store::StoreError;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Commands work on the database of DATABASE_URL. Without it only `dev` works, and, beside a folder `.understudy/` that `dev`
has made, the others on its database, which they name first. Only `migrate` and `serve` change the schema.

Exit codes: 0 done; 1 refused or failed; 2 a wrong command line or setting; 3 no database, or one with another schema; `audit verify` \
has 4, 5 and 6 besides.";

/// An identity provider whose heart is impersonation, in the open.
///
/// Support staff step into a user's account, in any application, over its own sign-on protocol; the
/// application, the user and the audit trail all see who is really there.
///
/// Try it:        understudy dev
/// Run it:        understudy serve        (settings: docs/reference/settings.md)
/// Fill it:       understudy apply -f directory.yaml
/// Step in:       understudy impersonate --actor ID --subject ID --application ID --reason TEXT
#[derive(Debug, Parser)]
#[command(version, verbatim_doc_comment, after_help = AFTER_HELP)]
struct Cli {
    /// Print one JSON document instead of text, and mistakes as JSON on standard error.
    #[arg(long, global = true)]
    json: bool,
    /// Print what was asked for and nothing else: no progress, and no word about what was done.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[expect(clippy::doc_markdown, reason = "help is shown as it stands, without Markdown")]
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve in production: needs DATABASE_URL, UNDERSTUDY_PUBLIC_URL and UNDERSTUDY_MASTER_KEY.
    Serve(Serve),
    /// Serve on this machine with an embedded Postgres and demo data; nothing to configure.
    Dev(dev::Dev),
    /// Bring the database's schema up to date.
    Migrate {
        /// Undo the newest migration instead.
        #[arg(long)]
        revert_last: bool,
    },
    /// Make the directory what a file says: organizations, roles, users, applications.
    Apply(Apply),
    /// Write the directory as such a file, without secrets.
    Export,
    /// Make a link that signs an actor in as a subject.
    Impersonate(Impersonate),
    /// People.
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// Sign people out.
    Sessions {
        #[command(subcommand)]
        command: user::Sessions,
    },
    /// Applications.
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },
    /// The keys that sign tokens and links.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// The audit trail.
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Print a code that makes whoever enters it the first administrator; for a lost one.
    Bootstrap,
    /// After a backup was put back, before anybody is served: end every session, link, code and token in it.
    Restored,
    /// Ask the server on this machine whether it can serve; for container health checks.
    Healthcheck,
    /// Print the JSON Schema of the directory file, for editors.
    Schema,
    /// Print what a shell needs to complete commands and flags.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, for man(1).
    Man,
}

#[derive(Debug, Args)]
struct Serve {
    /// Leave the schema as it is.
    #[arg(long)]
    no_migrate: bool,
    /// Address to listen on, such as 0.0.0.0:8080.
    #[arg(long)]
    listen: Option<String>,
    /// The URL that browsers use: the issuer.
    #[arg(long)]
    public_url: Option<String>,
}

#[derive(Debug, Args)]
struct Apply {
    /// The file; `-` reads standard input.
    #[arg(short, long)]
    file: PathBuf,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove what the file does not name.
    #[arg(long)]
    prune: bool,
    /// List every change, however many there are; without it the first hundred.
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Args)]
struct Impersonate {
    /// Who acts: the id of a user.
    #[arg(long)]
    actor: String,
    /// Who is acted as: the id of a user.
    #[arg(long)]
    subject: String,
    /// The application to sign in to: its client id.
    #[arg(long)]
    application: String,
    /// Why; kept in the audit trail.
    #[arg(long)]
    reason: String,
    /// The case in the help desk.
    #[arg(long)]
    ticket: Option<String>,
    /// How the application is answered.
    #[arg(long, default_value = "oauth2")]
    protocol: String,
    /// Seconds that the link lives, 10 to 300.
    #[arg(long)]
    ttl: Option<i64>,
    /// Seconds that the impersonation lasts at most, 60 to 3600.
    #[arg(long)]
    duration: Option<i64>,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Add a SAML service provider by its metadata.
    Add {
        /// Its metadata; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        saml_metadata: PathBuf,
        /// What to call it in addresses; the host of its entity ID unless given.
        #[arg(long)]
        client_id: Option<String>,
        /// What people read.
        #[arg(long)]
        name: Option<String>,
        /// Which one, if the metadata describe several.
        #[arg(long)]
        entity_id: Option<String>,
        /// Support staff may step into accounts in it.
        #[arg(long)]
        impersonation: bool,
        /// A key of `saml` that counts more than the metadata, as in `--set encrypt_assertion=false`; lists are JSON.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Show every application: client id, kind, status, organization, whether it can be stepped into.
    List,
    /// End all that an application was given: access tokens, refresh tokens, codes, impersonations. It stays on.
    EndTokens {
        /// Its client id.
        client_id: String,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Show every key: id, purpose, algorithm, state, dates. No private part; needs no master key.
    List,
    /// The next keys take over; the old ones verify until their last token has expired.
    ///
    /// Refused while the next keys have been published for less than 24 hours: applications that keep the list of
    /// keys do not know them yet.
    Rotate {
        /// Take over all the same.
        #[arg(long)]
        force: bool,
    },
    /// Emergency: every key may be in other hands. New keys at once, the old ones verify nothing any more, and
    /// everybody is signed out: all sessions, tokens and impersonations end.
    Replace {
        /// Say that this is meant.
        #[arg(long, required = true)]
        compromised: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Make every seal again and say up to where the trail is whole.
    ///
    /// Exit code 4: it is not whole. 5: numbers at its end never became events, or were cut off. 6: the oldest event
    /// that is not sealed is older than a minute. With the master key in the environment the seals are shown to be
    /// genuine; without it, only that they fit the events.
    Verify {
        /// A head that was written down before (the log has one at every sealing): it must still be there.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
    },
    /// Write events to standard output, oldest first; the export is an event itself.
    Export(audit::ExportArgs),
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // To stdout for `--help`, to stderr for a mistake; nothing to do if that is closed.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    output::set(output::Style { json: cli.json, quiet: cli.quiet });
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(problem) => {
            output::error(&problem.text, problem.exit as u8);
            ExitCode::from(problem.exit as u8)
        }
    }
}

/// What the command line is made of, for the documents that are compared with it.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// How a command ends, for scripts. 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was refused or went wrong.
    Failed = 1,
    /// The command line or a setting is wrong: trying again does not help.
    Settings = 2,
    /// The database cannot be reached or has another schema: later it may work.
    Database = 3,
}

/// What a command says when it cannot do its work.
#[derive(Debug)]
pub struct Problem {
    pub text: String,
    pub exit: Exit,
}

impl Problem {
    pub fn failed(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Failed }
    }

    pub fn settings(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Settings }
    }
}

impl<E: std::error::Error + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut exit = exit(&error);
        let mut cause = error.source();
        while let Some(deeper) = cause {
            let said = deeper.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            if let Some(error) = deeper.downcast_ref::<StoreError>() {
                exit = exit_of(error);
            }
            cause = deeper.source();
        }
        Self { text, exit }
    }
}

fn exit<E: std::error::Error + 'static>(error: &E) -> Exit {
    let error: &dyn std::error::Error = error;
    error.downcast_ref::<StoreError>().map_or(Exit::Failed, exit_of)
}

fn exit_of(error: &StoreError) -> Exit {
    match error {
        StoreError::Unavailable(_) | StoreError::Schema(_) => Exit::Database,
        StoreError::Setting { .. } | StoreError::Pooled(_) => Exit::Settings,
        StoreError::Corrupt { .. } | StoreError::Query(_) => Exit::Failed,
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Problem> {
    if matches!(command, Command::Serve(_) | Command::Dev(_)) && output::is_json() {
        return Err(Problem::settings("a server writes a log: UNDERSTUDY_LOG_FORMAT=json"));
    }
    let done = match command {
        Command::Serve(serve) => commands::serve(&serve.into()),
        Command::Dev(dev) => dev::run(&dev),
        Command::Migrate { revert_last: false } => commands::migrate(),
        Command::Migrate { revert_last: true } => commands::revert(),
        Command::Apply(apply) => {
            let dry_run = if apply.dry_run { DryRun::Yes } else { DryRun::No };
            let prune = if apply.prune { Prune::Yes } else { Prune::No };
            let listing = if apply.full { Listing::Full } else { Listing::Short };
            commands::apply(&apply.file, (dry_run, prune), listing)
        }
        Command::Export => commands::export(),
        Command::Impersonate(asked) => commands::impersonate(asked.into()),
        Command::User { command } => user::run(command),
        Command::Sessions { command } => user::sessions(command),
        Command::Client { command } => of_client(command),
        Command::Keys { command: KeysCommand::List } => keys::list(),
        Command::Keys { command: KeysCommand::Rotate { force: false } } => keys::rotate(),
        Command::Keys { command: KeysCommand::Rotate { force: true } } => keys::rotate_now(),
        Command::Keys { command: KeysCommand::Replace { compromised: _ } } => keys::replace(),
        Command::Audit { command: Audit::Verify { head } } => return audit::run(head.as_deref()),
        Command::Audit { command: Audit::Export(asked) } => audit::export(&asked),
        Command::Bootstrap => commands::bootstrap(),
        Command::Restored => commands::restored(),
        Command::Healthcheck => healthcheck::healthcheck(),
        Command::Schema => shell::schema(),
        Command::Completions { shell } => shell::completions(shell, definition()),
        Command::Man => shell::man(definition()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn of_client(command: ClientCommand) -> Result<(), Problem> {
    match command {
        ClientCommand::Add { saml_metadata, client_id, name, entity_id, impersonation, set } => {
            let own = set.iter().map(|one| client::setting(one)).collect::<Result<_, _>>()?;
            let asked = ServiceProvider { client_id, name, entity_id, impersonation, own };
            client::add(&saml_metadata, &asked)
        }
        ClientCommand::List => client::list(),
        ClientCommand::EndTokens { client_id } => client::end_tokens(client_id),
    }
}

impl From<Serve> for commands::Serving {
    fn from(serve: Serve) -> Self {
        let overrides = Overrides {
            public_url: serve.public_url,
            listen: serve.listen,
            ..Overrides::default()
        };
        let migrations = if serve.no_migrate { Migrations::Leave } else { Migrations::Run };
        Self { overrides, migrations }
    }
}

impl From<Impersonate> for commands::ImpersonateArguments {
    fn from(asked: Impersonate) -> Self {
        Self {
            actor: asked.actor,
            subject: asked.subject,
            client: asked.application,
            protocol: asked.protocol,
            reason: asked.reason,
            ticket: asked.ticket,
            ttl: asked.ttl,
            duration: asked.duration,
        }
    }
}

/// The port of `--port`.
type Port = NonZeroU16;
