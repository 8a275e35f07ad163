//! Counters of the domain. All label values are constants, so no request can add a time series.
use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one time series for each row, or for each pair of a row and a column.
pub struct CounterFamily<const ROWS: usize, const COLUMNS: usize> {
    name: &'static str,
    help: &'static str,
    labels: (&'static str, &'static str),
    rows: [&'static str; ROWS],
    columns: [&'static str; COLUMNS],
    counts: [[AtomicU64; COLUMNS]; ROWS],
}

/// The columns of a counter with one label.
const NO_COLUMNS: [&str; 1] = [""];
/// What is counted under it has another name than those of the list.
pub const OTHER: &str = "other";

impl<const ROWS: usize> CounterFamily<ROWS, 1> {
    const fn by_label(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        rows: [&'static str; ROWS],
    ) -> Self {
        Self { name, help, labels: (label, ""), rows, columns: NO_COLUMNS, counts: zeros() }
    }

    /// Counts one. A value that is not in the list is counted in the last row, which is [`OTHER`].
    pub fn count(&self, row: &str) {
        self.count_in(row, "");
    }

    /// The value of one time series.
    pub fn value(&self, row: &str) -> u64 {
        self.value_in(row, "")
    }
}

const fn zeros<const ROWS: usize, const COLUMNS: usize>() -> [[AtomicU64; COLUMNS]; ROWS] {
    [const { [const { AtomicU64::new(0) }; COLUMNS] }; ROWS]
}

impl<const ROWS: usize, const COLUMNS: usize> CounterFamily<ROWS, COLUMNS> {
    /// Counts one in a counter with two labels.
    pub fn count_in(&self, row: &str, column: &str) {
        if let Some(cell) = self.cell(row, column) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The value of one time series of two labels.
    pub fn value_in(&self, row: &str, column: &str) -> u64 {
        self.cell(row, column).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn cell(&self, row: &str, column: &str) -> Option<&AtomicU64> {
        let place = |names: &[&str], name| names.iter().position(|known| *known == name);
        let row = place(&self.rows, row).unwrap_or(ROWS.saturating_sub(1));
        let column = place(&self.columns, column).unwrap_or(COLUMNS.saturating_sub(1));
        self.counts.get(row)?.get(column)
    }
}

/// Takes the labels and the value of a time series.
pub type Visitor<'a> = dyn FnMut(&[(&'static str, &'static str)], u64) + 'a;

/// A family of any size, to be written out.
pub trait Counted: Sync {
    fn name(&self) -> &'static str;
    fn help(&self) -> &'static str;
    /// Calls `each` with the labels and the value of every time series, also of those that are zero.
    fn visit(&self, each: &mut Visitor<'_>);
}

impl<const ROWS: usize, const COLUMNS: usize> Counted for CounterFamily<ROWS, COLUMNS> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn visit(&self, each: &mut Visitor<'_>) {
        for (row, counts) in self.rows.iter().zip(&self.counts) {
            for (column, count) in self.columns.iter().zip(counts) {
                let labels = [(self.labels.0, *row), (self.labels.1, *column)];
                let used = if self.labels.1.is_empty() { 1 } else { 2 };
                each(labels.get(..used).unwrap_or_default(), count.load(Ordering::Relaxed));
            }
        }
    }
}

/// Password sign-ins. `error`: the database failed.
pub static SIGN_INS: CounterFamily<8, 1> = CounterFamily::by_label(
    "understudy_sign_ins_total",
    "Password sign-ins by outcome",
    "outcome",
    [
        "succeeded",
        "wrong_credentials",
        "inactive",
        "no_login",
        "throttled",
        "malformed",
        "busy",
        "error",
    ],
);

pub static TOKENS: CounterFamily<6, 3> = CounterFamily {
    name: "understudy_token_requests_total",
    help: "Requests for tokens by grant and outcome",
    labels: ("grant", "outcome"),
    rows: [
        "authorization_code",
        "client_credentials",
        "refresh_token",
        "token_exchange",
        "jwt_bearer",
        OTHER,
    ],
    columns: ["issued", "refused", "error"],
    counts: zeros(),
};

/// Lookups in the memory of a process. A miss costs a query.
pub static CACHES: CounterFamily<3, 2> = CounterFamily {
    name: "understudy_cache_lookups_total",
    help: "Lookups in the memory of the process by cache and result",
    labels: ("cache", "result"),
    rows: ["applications", "impersonation_facts", "origins"],
    columns: ["hit", "miss"],
    counts: zeros(),
};

pub static IMPERSONATIONS_STARTED: CounterFamily<7, 1> = CounterFamily::by_label(
    "understudy_impersonations_started_total",
    "Impersonations that began, by channel",
    "channel",
    ["link", "console", "as_user", "on_behalf_of", "jwt_grant", "token_exchange", OTHER],
);

/// The reasons are those of the audit trail.
pub static IMPERSONATIONS_REFUSED: CounterFamily<25, 1> = CounterFamily::by_label(
    "understudy_impersonations_refused_total",
    "Refused impersonations by reason",
    "reason",
    [
        "impersonation_disabled",
        "requester_gone",
        "requester_not_allowed",
        "other_organization",
        "self_impersonation",
        "already_impersonating",
        "actor_inactive",
        "actor_signed_out",
        "not_permitted",
        "subject_inactive",
        "service_account",
        "app_user",
        "other_application",
        "higher_privileges",
        "client_not_enabled",
        "client_not_authorized",
        "protocol_mismatch",
        "mode_not_supported",
        "callback_url_mismatch",
        "step_up_required",
        "over",
        "no_such_user",
        "no_such_client",
        "insufficient_scope",
        OTHER,
    ],
);

pub static AUDIT_EVENTS: CounterFamily<26, 1> = CounterFamily::by_label(
    "understudy_audit_events_total",
    "Events that were handed to the audit trail, by type",
    "type",
    [
        "impersonation.requested",
        "impersonation.refused",
        "impersonation.link_issued",
        "impersonation.link_rejected",
        "impersonation.started",
        "impersonation.token_issued",
        "impersonation.api_call",
        "impersonation.action_blocked",
        "impersonation.ended",
        "api.refused",
        "login.succeeded",
        "login.failed",
        "logout",
        "sessions.ended",
        "application.token_issued",
        "application.token_refused",
        "user.changed",
        "user.password_changed",
        "application.changed",
        "organization.changed",
        "role.changed",
        "key.rotated",
        "key.replaced",
        "audit.exported",
        "backup.restored",
        OTHER,
    ],
);

pub static LOGOUT_DELIVERIES: CounterFamily<3, 1> = CounterFamily::by_label(
    "understudy_logout_deliveries_total",
    "Attempts to tell an application of a logout, by outcome",
    "outcome",
    ["delivered", "failed", "application_gone"],
);

/// Every family, in the order in which they are written out.
pub fn all() -> [&'static dyn Counted; 7] {
    [
        &SIGN_INS,
        &TOKENS,
        &IMPERSONATIONS_STARTED,
        &IMPERSONATIONS_REFUSED,
        &AUDIT_EVENTS,
        &LOGOUT_DELIVERIES,
        &CACHES,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_in_the_list_makes_no_time_series() {
        static FAMILY: CounterFamily<2, 1> =
            CounterFamily::by_label("name", "help", "label", ["known", OTHER]);
        FAMILY.count("known");
        FAMILY.count("a stranger's word\"} 1");
        let mut series = Vec::new();
        FAMILY.visit(&mut |labels, count| series.push((labels.to_vec(), count)));
        assert_eq!(series, [(vec![("label", "known")], 1), (vec![("label", OTHER)], 1)]);
    }

    #[test]
    fn every_pair_of_two_labels_is_there_from_the_start() {
        let mut pairs = 0;
        TOKENS.visit(&mut |labels, _| {
            assert_eq!((labels[0].0, labels[1].0), ("grant", "outcome"));
            pairs += 1;
        });
        assert_eq!(pairs, 18);
        let before = TOKENS.value_in("refresh_token", "refused");
        TOKENS.count_in("refresh_token", "refused");
        assert_eq!(TOKENS.value_in("refresh_token", "refused"), before + 1);
    }
}
