//! The settings: read once, at the start, from the environment and the command's flags.
//!
//! Nothing else in the program looks at the environment. A name we do not know, or a value we cannot
//! use, stops the start, and all mistakes are listed at once; a mistake never repeats a value that may
//! be a secret. What a command does not need it does not ask for: see [`SettingsPurpose`]. Start at
//! [`ServerSettings::read`]; `raw` takes the names, `values` judges one value each.
mod mistake;
mod public_url;
mod raw;
mod values;
#[cfg(test)]
mod tests;

pub use crate::domain::network::{Network, client_address};
pub use mistake::{SettingMistake, describe};
pub use public_url::PublicUrl;
pub use values::{DEFAULT_CONNECTIONS, MIN_CONNECTIONS};

use raw::RawSettings;
use secrecy::SecretString;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

/// What the command is about to do, and so what it cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPurpose {
    /// `serve`: a real installation. Nothing about it is guessed.
    Serve,
    /// `dev`: everything has a default.
    Dev,
    /// `migrate`, `export`: the database only.
    Database,
    /// `apply`, `keys`: the database and the key that seals private keys in it.
    Sealing,
    /// `impersonate`: all of it, because a link carries the public URL.
    Link,
    /// `healthcheck`: where the server listens.
    Probe,
}

/// What the flags of a command say; a flag wins over the environment. No secret is a flag: the list of
/// processes is readable by everybody.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub public_url: Option<String>,
    pub listen: Option<String>,
    /// Moves the listening port, and with it the public URL that `dev` makes up.
    pub port: Option<NonZeroU16>,
    pub log: Option<String>,
    pub log_format: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Database {
    Url(SecretString),
    /// The private cluster in `.understudy/`: the one that `dev` starts and the other commands join.
    Embedded,
}

#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// 32 bytes in base64, checked.
    Given(SecretString),
    /// The key that `dev` makes once and keeps beside its cluster.
    Development,
}

/// [ASVS 7.5.3] wants it anew before what matters; people press a button soon after they came.
///
/// [ASVS 7.5.3]: https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x16-V7-Session-Management.md
const STEP_UP: chrono::Duration = chrono::Duration::minutes(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub filter: String,
    /// `None`: text on a terminal, else JSON.
    pub format: Option<LogFormat>,
}

#[derive(Debug, Clone, Default)]
pub struct MailSettings {
    /// May hold a password. `None`: the development outbox.
    pub smtp_url: Option<SecretString>,
    pub from: Option<String>,
}

/// How long what is over is kept; `None`: as long as the program needs it, or for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// After the end of a session.
    pub sessions: Option<chrono::Duration>,
    /// After the beginning of an impersonation.
    pub impersonations: Option<chrono::Duration>,
}

impl Keep {
    fn read(raw: &mut RawSettings) -> Self {
        let mut days = |name| raw.parsed(name, values::keep_days);
        Self {
            sessions: days("UNDERSTUDY_KEEP_SESSIONS_DAYS"),
            impersonations: days("UNDERSTUDY_KEEP_IMPERSONATIONS_DAYS"),
        }
    }
}

#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub database: Database,
    /// How many connections to the database one node opens at most.
    pub database_connections: usize,
    pub public_url: PublicUrl,
    pub listen: SocketAddr,
    /// Where metrics and details of health are served. `None`: nowhere.
    pub management_listen: Option<SocketAddr>,
    pub master_key: MasterKeySource,
    /// Other `aud` values that the JWT grant accepts.
    pub audience_aliases: Vec<String>,
    /// Empty unless set: nobody's `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    pub rate_limits: RateLimits,
    /// Whoever signed in longer ago is asked for the password before they act as anybody. `None`: never.
    pub step_up: Option<chrono::Duration>,
    pub keep: Keep,
    pub log: LogSettings,
    pub mail: MailSettings,
}

impl ServerSettings {
    /// An empty value counts as not given, because compose files and unit files write one for a variable
    /// that is not set.
    ///
    /// # Errors
    /// Every mistake there is, not the first one.
    pub fn read(
        vars: impl IntoIterator<Item = (String, String)>,
        overrides: Overrides,
        purpose: SettingsPurpose,
    ) -> Result<Self, Vec<SettingMistake>> {
        let mut raw = RawSettings::new(vars);
        let listen = listen(&mut raw, &overrides);
        let management_listen = management_listen(&mut raw, listen);
        let database = raw.secret("DATABASE_URL", values::database_url);
        let database_connections = raw
            .parsed("UNDERSTUDY_DATABASE_CONNECTIONS", values::database_connections)
            .unwrap_or(DEFAULT_CONNECTIONS);
        let key = values::master_key(&mut raw);
        let url = raw.given_or("UNDERSTUDY_PUBLIC_URL", overrides.public_url, PublicUrl::parse);
        let log = LogSettings {
            filter: raw
                .given_or("UNDERSTUDY_LOG", overrides.log, values::log_filter)
                .unwrap_or_else(|| "info".to_owned()),
            format: raw.given_or("UNDERSTUDY_LOG_FORMAT", overrides.log_format, values::log_format),
        };
        let place = (purpose, database.is_some());
        let audience_aliases = raw
            .parsed("UNDERSTUDY_JWT_AUDIENCE_ALIASES", values::audience_aliases)
            .unwrap_or_else(|| values::default_aliases(purpose));
        let trusted_proxies =
            raw.parsed("UNDERSTUDY_TRUSTED_PROXIES", parse_networks).unwrap_or_default();
        let rate_limits =
            raw.parsed("UNDERSTUDY_RATE_LIMITS", values::rate_limits).unwrap_or(RateLimits::On);
        let step_up =
            raw.parsed("UNDERSTUDY_STEP_UP_MINUTES", values::step_up).unwrap_or(Some(STEP_UP));
        let keep = Keep::read(&mut raw);
        let mail = MailSettings {
            smtp_url: raw.secret("UNDERSTUDY_SMTP_URL", values::smtp_url),
            from: raw.parsed("UNDERSTUDY_MAIL_FROM", values::mail_from),
        };
        let master_key = master_key(&mut raw, key, place);
        let database = required_database(&mut raw, database, purpose);
        let Some(public_url) = public_url(&mut raw, url, listen, place) else {
            return Err(raw.into_mistakes());
        };
        check_rate_limits(&mut raw, rate_limits, &public_url);
        raw.finish(Self {
            database,
            database_connections,
            public_url,
            listen,
            management_listen,
            master_key,
            audience_aliases,
            trusted_proxies,
            rate_limits,
            step_up,
            keep,
            log,
            mail,
        })
    }
}

/// Only somebody on the same machine can reach a loopback address, so only there may the limits be
/// lifted.
fn check_rate_limits(raw: &mut RawSettings, limits: RateLimits, public_url: &PublicUrl) {
    if limits == RateLimits::Off && !public_url.is_loopback() {
        raw.wrong(
            "UNDERSTUDY_RATE_LIMITS",
            "`off` is for tests: it is accepted only when the public URL is a loopback address",
        );
    }
}

/// The environment of this process, for [`ServerSettings::read`]; text that is no UTF-8 is judged, not a panic.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    })
}

/// Outside `dev`, a command without a database of its own joins the development cluster; with one it
/// works on a real installation, and nothing about that is made up.
type DatabasePlace = (SettingsPurpose, bool);

fn made_up((purpose, own_database): DatabasePlace) -> bool {
    match purpose {
        SettingsPurpose::Serve => false,
        SettingsPurpose::Dev => true,
        SettingsPurpose::Database
        | SettingsPurpose::Sealing
        | SettingsPurpose::Link
        | SettingsPurpose::Probe => !own_database,
    }
}

fn listen(raw: &mut RawSettings, overrides: &Overrides) -> SocketAddr {
    let mut address = raw
        .given_or("UNDERSTUDY_LISTEN", overrides.listen.clone(), values::listen)
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    if let Some(port) = overrides.port {
        address.set_port(port.get());
    }
    address
}

/// Never the public address: there whoever can sign in could read it.
fn management_listen(raw: &mut RawSettings, public: SocketAddr) -> Option<SocketAddr> {
    const NAME: &str = "UNDERSTUDY_MANAGEMENT_LISTEN";
    let address = raw.parsed(NAME, values::listen)?;
    if address.port() == public.port() && address.port() != 0 {
        raw.wrong(NAME, "needs a port of its own, not that of UNDERSTUDY_LISTEN");
    }
    Some(address)
}

fn public_url(
    raw: &mut RawSettings,
    given: Option<PublicUrl>,
    listen: SocketAddr,
    place: DatabasePlace,
) -> Option<PublicUrl> {
    let needed = match place.0 {
        SettingsPurpose::Serve | SettingsPurpose::Link => !made_up(place),
        SettingsPurpose::Dev
        | SettingsPurpose::Database
        | SettingsPurpose::Sealing
        | SettingsPurpose::Probe => false,
    };
    if needed && given.is_none() {
        raw.missing(
            "UNDERSTUDY_PUBLIC_URL",
            "the URL that people and applications use, such as https://login.example.com",
        );
    }
    given.or_else(|| PublicUrl::parse(&format!("http://127.0.0.1:{}", listen.port())).ok())
}

fn master_key(
    raw: &mut RawSettings,
    given: Option<SecretString>,
    place: DatabasePlace,
) -> MasterKeySource {
    let needed = match place.0 {
        SettingsPurpose::Serve | SettingsPurpose::Sealing | SettingsPurpose::Link => {
            !made_up(place)
        }
        SettingsPurpose::Dev | SettingsPurpose::Database | SettingsPurpose::Probe => false,
    };
    if needed && given.is_none() {
        raw.missing(
            "UNDERSTUDY_MASTER_KEY",
            "32 random bytes in base64 (`openssl rand -base64 32`), here or in the file named by \
             UNDERSTUDY_MASTER_KEY_FILE",
        );
    }
    given.map_or(MasterKeySource::Development, MasterKeySource::Given)
}

fn required_database(
    raw: &mut RawSettings,
    given: Option<SecretString>,
    purpose: SettingsPurpose,
) -> Database {
    if purpose == SettingsPurpose::Serve && given.is_none() {
        raw.missing("DATABASE_URL", "such as postgres://user:password@host/database");
    }
    given.map_or(Database::Embedded, Database::Url)
}

fn parse_networks(text: &str) -> Result<Vec<Network>, String> {
    values::items(text).map(Network::parse).collect()
}
