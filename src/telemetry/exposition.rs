//! The page of metrics: the Prometheus text format, `text/plain; version=0.0.4`.
//!
//! A number that is not known is `NaN` and never 0, because 0 would mean that all is well.
use super::Metrics;
use crate::flows::operations::take_readings::{PoolLoad, Readings};
use crate::flows::shared::passwords::HashingLoad;
use crate::observability::counters::{self, Counted};
use std::fmt::Write as _;

/// What the process knows about itself at the moment of the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessState {
    pub is_ready: bool,
    pub has_keys: bool,
    pub unsealed_seconds: f64,
    /// All pools of the process together.
    pub pool: PoolLoad,
    pub hashing: HashingLoad,
}

/// Every metric there is.
pub fn write(metrics: &Metrics, state: &ProcessState) -> String {
    let mut page = ExpositionPage(metrics.render());
    for family in counters::all() {
        page.counters(family);
    }
    page.process(state);
    page.readings(metrics.readings());
    page.0
}

struct ExpositionPage(String);

impl ExpositionPage {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn counters(&mut self, family: &dyn Counted) {
        self.family(family.name(), "counter", family.help());
        family.visit(&mut |labels, value| {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let _ = writeln!(self.0, "{}{{{}}} {value}", family.name(), labels.join(","));
        });
    }

    /// `samples`: labels, already written, and values.
    fn gauge(&mut self, name: &str, help: &str, samples: &[(&str, f64)]) {
        self.family(name, "gauge", help);
        for (labels, value) in samples {
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    fn process(&mut self, state: &ProcessState) {
        let version = concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
        self.gauge("understudy_build_info", "The version that runs", &[(version, 1.0)]);
        let ready = f64::from(u8::from(state.is_ready));
        self.gauge("understudy_ready", "1 if the node can serve", &[("", ready)]);
        let keys = f64::from(u8::from(state.has_keys));
        self.gauge("understudy_keys_loaded", "1 if the node has its signing keys", &[("", keys)]);
        self.gauge(
            "understudy_audit_unsealed_seconds",
            "Age of the oldest event in the audit trail that no seal covers yet",
            &[("", state.unsealed_seconds)],
        );
        let pool = state.pool;
        self.gauge(
            "understudy_database_connections",
            "Connections to the database, by state",
            &[("{state=\"in_use\"}", number(pool.in_use)), ("{state=\"idle\"}", number(pool.idle))],
        );
        self.gauge(
            "understudy_database_connections_limit",
            "The most connections that the node may open",
            &[("", number(pool.limit))],
        );
        self.gauge(
            "understudy_database_waiting",
            "Requests that wait for a connection",
            &[("", number(pool.waiting))],
        );
        let hashing = state.hashing;
        self.gauge(
            "understudy_password_hashes_running",
            "Password hashes that are being computed",
            &[("", number(hashing.running))],
        );
        self.gauge(
            "understudy_password_hashes_limit",
            "The most password hashes that are computed at a time",
            &[("", number(hashing.limit))],
        );
        self.gauge(
            "understudy_password_hashes_waiting",
            "Sign-ins that wait for a password hash to be computed",
            &[("", number(hashing.waiting))],
        );
    }

    fn readings(&mut self, known: Option<Readings>) {
        let value = |pick: fn(&Readings) -> f64| known.as_ref().map_or(f64::NAN, pick);
        self.gauge(
            "understudy_impersonations_running",
            "Impersonations that are running, in the whole installation",
            &[("", value(|it| count(it.impersonations_running)))],
        );
        self.gauge(
            "understudy_logout_deliveries_waiting",
            "Applications that have not been told of a logout yet",
            &[("", value(|it| count(it.logout_deliveries_waiting)))],
        );
        let age = |seconds: Option<f64>| seconds.unwrap_or(f64::NAN);
        let ages = [
            ("{purpose=\"token\"}", known.map_or(f64::NAN, |it| age(it.key_ages.token))),
            ("{purpose=\"link\"}", known.map_or(f64::NAN, |it| age(it.key_ages.bewit))),
            ("{purpose=\"xml\"}", known.map_or(f64::NAN, |it| age(it.key_ages.xml))),
        ];
        self.gauge(
            "understudy_signing_key_age_seconds",
            "Age of the oldest signing key in use, by purpose",
            &ages,
        );
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn count(rows: i64) -> f64 {
    i32::try_from(rows).map_or(f64::INFINITY, f64::from)
}
