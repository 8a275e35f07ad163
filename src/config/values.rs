//! One function a value: what is accepted, and the words for what is not.
use super::raw::RawSettings;
use super::{LogFormat, RateLimits, SettingsPurpose};
use crate::domain::database_url::DatabaseUrl;
use crate::domain::spelling::nearest;
use crate::domain::text::{is_plain_line, whole_number};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use tracing_subscriber::EnvFilter;
use url::Url;
use zeroize::Zeroizing;

const KEY: &str = "UNDERSTUDY_MASTER_KEY";
const KEY_FILE: &str = "UNDERSTUDY_MASTER_KEY_FILE";
/// A key in base64 has 44 characters; anything much longer is another file.
const KEY_FILE_LIMIT: u64 = 1024;

/// Box's official SDKs have this address built in as the audience of their assertions.
const BOX_TOKEN_URL: &str = "https://api.box.com/oauth2/token";

pub(super) fn database_url(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    match rest {
        None => Err("must begin with postgres:// or postgresql://"),
        Some("") => Err("names no host and no database"),
        Some(rest) if rest.contains(char::is_whitespace) => {
            Err("contains white space; write it as %20")
        }
        Some(_) => DatabaseUrl::parse(text).map(|_| ()),
    }
}

/// Ten nodes of any size fit a Postgres with `max_connections = 200`, which keeps some for its administrators.
pub const DEFAULT_CONNECTIONS: usize = 18;
/// Of the threads beside the requests, and of one group of workers.
pub const MIN_CONNECTIONS: usize = 8;
const MAX_CONNECTIONS: usize = 10_000;

pub(super) fn database_connections(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number @ MIN_CONNECTIONS..=MAX_CONNECTIONS) => Ok(number),
        Ok(_) | Err(_) => {
            Err(format!("must be a number from {MIN_CONNECTIONS} to {MAX_CONNECTIONS}"))
        }
    }
}

/// From the variable or from the file it names, never from both: the one that is not used would be
/// the one somebody rotates.
pub(super) fn master_key(raw: &mut RawSettings) -> Option<SecretString> {
    let path = raw.take(KEY_FILE);
    let given = raw.secret(KEY, check_key);
    let Some(path) = path else { return given };
    if given.is_some() {
        raw.wrong(KEY_FILE, "set beside UNDERSTUDY_MASTER_KEY; keep one of the two");
        return given;
    }
    let read = read_key_file(path.trim()).and_then(|text| {
        check_key(text.trim()).map(|()| SecretString::from(text.trim())).map_err(str::to_owned)
    });
    match read {
        Ok(key) => Some(key),
        Err(what) => {
            raw.wrong(KEY_FILE, what);
            None
        }
    }
}

fn check_key(text: &str) -> Result<(), &'static str> {
    let engine = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let bytes = Zeroizing::new(engine.decode(text).map_err(|_| "is not base64")?);
    if bytes.len() != 32 {
        return Err("must be 32 bytes in base64; make one with `openssl rand -base64 32`");
    }
    if bytes.windows(2).all(|pair| pair.first() == pair.last()) {
        return Err("is one byte repeated; make one with `openssl rand -base64 32`");
    }
    Ok(())
}

fn read_key_file(path: &str) -> Result<Zeroizing<String>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {}", error.kind());
    // Asked by name first, so that opening a pipe does not wait for somebody to write to it.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!(
            "the file is open to every user of the machine (mode {:03o}); `chmod o= FILE`",
            mode & 0o777
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_LIMIT).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "must be an address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
            .to_owned()
    })
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A level, or pairs of module and level. A word alone that is no level is a mistake and never the name of a module:
/// `verbose` would silence everything else.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let all = LEVELS.join(", ");
    let level = |word: &str| {
        if LEVELS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            return Ok(());
        }
        let meant = nearest(word, LEVELS).map(|near| format!("; did you mean {near}?"));
        let word = word.escape_debug();
        Err(format!("`{word}` is no level ({all}){}", meant.unwrap_or_default()))
    };
    let mut whole = false;
    for item in items(text) {
        match item.split_once('=') {
            None => {
                level(item)?;
                whole = true;
            }
            Some((module, of_module)) if is_module(module) => level(of_module)?,
            Some((module, _)) => {
                let module = module.escape_debug();
                return Err(format!(
                    "`{module}` is no module; write a level, or module=level pairs"
                ));
            }
        }
    }
    // What is not named goes on as usual.
    let filter = if whole { text.to_owned() } else { format!("info,{text}") };
    match EnvFilter::builder().with_regex(false).parse(&filter) {
        Ok(_) => Ok(filter),
        Err(error) => Err(format!("{error}; write a level ({all}), or module=level pairs")),
    }
}

fn is_module(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    name.split("::").all(part)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be `text` or `json`".to_owned()),
    }
}

pub(super) fn rate_limits(text: &str) -> Result<RateLimits, String> {
    match text {
        "on" => Ok(RateLimits::On),
        "off" => Ok(RateLimits::Off),
        _ => Err("must be `on` or `off`".to_owned()),
    }
}

/// `None`: nobody is asked again.
pub(super) fn step_up(text: &str) -> Result<Option<chrono::Duration>, String> {
    match whole_number(text) {
        Some(0) => Ok(None),
        // No session lives longer.
        Some(minutes @ 1..=720) => Ok(Some(chrono::Duration::minutes(minutes))),
        Some(_) | None => Err("must be minutes from 1 to 720, or 0 for never".to_owned()),
    }
}

/// A month at least: refresh tokens live as long, and what is looked for lately may be as old.
pub(super) fn keep_days(text: &str) -> Result<chrono::Duration, String> {
    match text.parse::<i64>() {
        Ok(days @ 31..=36_500) => Ok(chrono::Duration::days(days)),
        Ok(_) | Err(_) => Err("must be days from 31 to 36500".to_owned()),
    }
}

/// Compared byte by byte with an `aud`, so kept as written.
pub(super) fn audience_aliases(text: &str) -> Result<Vec<String>, String> {
    items(text)
        .map(|item| match Url::parse(item) {
            Ok(url) if url.scheme() == "https" && url.has_host() => Ok(item.to_owned()),
            _ => Err(format!("`{}` is not an https URL", item.escape_debug())),
        })
        .collect()
}

pub(super) fn default_aliases(purpose: SettingsPurpose) -> Vec<String> {
    if purpose == SettingsPurpose::Dev { vec![BOX_TOKEN_URL.to_owned()] } else { Vec::new() }
}

pub(super) fn smtp_url(text: &str) -> Result<(), &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() => Ok(()),
        _ => Err("must be smtp://host or smtps://host, with user and password if needed"),
    }
}

pub(super) fn mail_from(text: &str) -> Result<String, String> {
    match text.rsplit_once('@') {
        Some((local, host)) if !local.is_empty() && !host.is_empty() && is_plain_line(text) => {
            Ok(text.to_owned())
        }
        _ => Err("must be an e-mail address".to_owned()),
    }
}

/// Commas separate; white space around them and empty items do not matter.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
