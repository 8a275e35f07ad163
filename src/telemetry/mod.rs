//! What operators see: log lines and metrics.
//!
//! Neither may ever stop a request (a full disk behind stdout is not our users' problem) and neither may
//! hold a secret: request lines carry the path without its query, because bewits and codes travel in
//! queries. The audit trail is not here; it is in the database. Start at [`start`] and
//! [`Metrics::finished`].
pub mod exposition;
mod lines;
mod metrics;
mod request;
#[cfg(test)]
mod tests;

pub use lines::Flush;
pub use metrics::Metrics;
pub use request::{RequestLine, path_only};

use crate::config::{LogFormat, LogSettings};
use lines::Lines;
use std::io::{self, IsTerminal, Write};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

/// Where log lines go. Commands that print a result print it on stdout, so their log goes to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    Stderr,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log writer could not be started")]
    Writer(#[from] io::Error),
    #[error("the log was started twice")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Keep the answer until the process ends: dropping it writes out what is still waiting.
///
/// Records of the `log` crate are left out on purpose: `tokio-postgres` writes statement parameters there.
pub fn start(
    settings: &LogSettings,
    destination: Destination,
    metrics: &Metrics,
) -> Result<Flush, TelemetryError> {
    let sink: Box<dyn Write + Send> = match destination {
        Destination::Stdout => Box::new(io::stdout()),
        Destination::Stderr => Box::new(io::stderr()),
    };
    let (lines, flush) = lines::start(sink, metrics.lines_dropped())?;
    let format = format(settings, destination);
    tracing::subscriber::set_global_default(subscriber(&settings.filter, format, lines))?;
    Ok(flush)
}

/// As it is set, else text on a terminal and JSON anywhere else.
pub fn format(settings: &LogSettings, destination: Destination) -> LogFormat {
    let terminal = match destination {
        Destination::Stdout => io::stdout().is_terminal(),
        Destination::Stderr => io::stderr().is_terminal(),
    };
    settings.format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}

fn subscriber(filter: &str, format: LogFormat, lines: Lines) -> impl tracing::Subscriber + use<> {
    let filter = EnvFilter::builder()
        .with_regex(false)
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(filter);
    let callers = if filter.max_level_hint().is_some_and(|level| level >= LevelFilter::DEBUG) {
        CallersMistakes::Told
    } else {
        CallersMistakes::LeftOut
    };
    let (text, json) = match format {
        LogFormat::Text => (Some(fmt::layer().with_ansi(false).with_writer(lines)), None),
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_span_list(false);
            (None, Some(layer.with_writer(lines)))
        }
    };
    Registry::default().with(filter).with(libraries(callers)).with(text).with(json)
}

/// Requests that cannot be read. The library calls them errors; they are those of whoever sent them, and everybody
/// can send them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CallersMistakes {
    Told,
    LeftOut,
}

const READS_REQUESTS: &str = "actix_http";

/// Libraries do not know which of their values are secrets, so at `debug` and `trace` they are silent
/// whatever the filter says.
fn libraries(callers: CallersMistakes) -> FilterFn<impl Fn(&tracing::Metadata<'_>) -> bool> {
    filter_fn(move |metadata| {
        let target = metadata.target();
        if target.starts_with(env!("CARGO_CRATE_NAME")) {
            return true;
        }
        *metadata.level() <= Level::INFO
            && (callers == CallersMistakes::Told || !target.starts_with(READS_REQUESTS))
    })
}
