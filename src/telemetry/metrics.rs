use super::RequestLine;
use crate::flows::operations::take_readings::Readings;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use std::sync::{Arc, PoisonError, RwLock};

/// From a document out of memory to a password hash behind a queue.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The counters of requests. Labels come from us, never from a request, so that nobody can make the
/// server keep a counter for every word they send.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    lines_dropped: IntCounter,
    readings: Arc<RwLock<Option<Readings>>>,
    cleaning_backlog: IntGaugeVec,
}

/// Counts one request as under way for as long as it lives.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                Opts::new("understudy_http_requests_total", "Requests answered"),
                &["route", "method", "status"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new("understudy_http_request_seconds", "Time to the answer")
                    .buckets(SECONDS.to_vec()),
                &["route"],
            )?,
            in_flight: IntGauge::new("understudy_http_requests_in_flight", "Requests under way")?,
            lines_dropped: IntCounter::new(
                "understudy_log_lines_dropped_total",
                "Log lines lost because nobody read them in time",
            )?,
            readings: Arc::default(),
            cleaning_backlog: IntGaugeVec::new(
                Opts::new(
                    "understudy_cleaning_backlog_rows",
                    "Rows that are over and not removed yet, counted up to 10,000",
                ),
                &["table"],
            )?,
        };
        metrics.registry.register(Box::new(metrics.cleaning_backlog.clone()))?;
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.in_flight.clone()))?;
        metrics.registry.register(Box::new(metrics.lines_dropped.clone()))?;
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    pub fn begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts the request and writes its line.
    pub fn finished(&self, line: &RequestLine<'_>) {
        let route = line.route.unwrap_or("none");
        let method = METHODS.iter().find(|known| **known == line.method).unwrap_or(&"other");
        let status = line.status.to_string();
        self.requests.with_label_values(&[route, method, status.as_str()]).inc();
        self.seconds.with_label_values(&[route]).observe(line.elapsed.as_secs_f64());
        line.write();
    }

    /// What the database says; `None`: it could not be asked, so nothing is known.
    pub fn set_readings(&self, readings: Option<Readings>) {
        *self.readings.write().unwrap_or_else(PoisonError::into_inner) = readings;
    }

    pub(super) fn readings(&self) -> Option<Readings> {
        *self.readings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For each table the rows that cleaning has left.
    pub fn set_cleaning_backlog(&self, backlog: &[(&'static str, i64)]) {
        for (table, rows) in backlog {
            self.cleaning_backlog.with_label_values(&[table]).set(*rows);
        }
    }

    pub(super) fn lines_dropped(&self) -> IntCounter {
        self.lines_dropped.clone()
    }

    /// The counters of requests and of the process; [`super::exposition`] adds the rest.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8(text).unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the metrics could not be written");
                String::new()
            }
        }
    }
}
