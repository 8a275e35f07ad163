//! One impersonation as lists of the console show it.
use crate::domain::permission::USERS_READ;
use crate::domain::{ImpersonationId, Timestamp};
use crate::flows::impersonation::impersonation_history::{
    self, HistoryEntry, HistoryState, WithNames,
};
use crate::flows::impersonation::start_impersonation::encode;
use crate::http::console::ConsoleSession;
use crate::http::console::kit::{ShownMoment, ShownPerson};
use crate::http::ui::{labels, times};

/// A row of a list.
pub struct ImpersonationRow {
    pub id: String,
    pub href: String,
    pub actor: ShownPerson,
    pub subject: ShownPerson,
    pub application: String,
    pub protocol: &'static str,
    pub ticket: Option<String>,
    pub reason: Option<String>,
    pub started: ShownMoment,
    pub lasted: String,
    pub tone: &'static str,
    pub state: &'static str,
    pub read_only: bool,
    /// Only of one that runs.
    pub ends: Option<Ends>,
    /// For the button; `None` where there is nothing to end, or not by this person.
    pub end_csrf: Option<String>,
}

pub struct Ends {
    pub at: ShownMoment,
    pub rfc3339: String,
    pub minutes: i64,
}

pub const END: &str = "end-impersonation";

pub fn path(id: &ImpersonationId) -> String {
    format!("/console/impersonations/{}", encode(id.as_str()))
}

pub fn row(console: &ConsoleSession, entry: &HistoryEntry, now: Timestamp) -> ImpersonationRow {
    let state = impersonation_history::state(entry, now);
    let started = entry.redeemed_at.unwrap_or(entry.created_at);
    let over = impersonation_history::ended_at(entry, now);
    let (tone, word) = state_in_words(state);
    ImpersonationRow {
        id: entry.id.to_string(),
        href: path(&entry.id),
        actor: actor(console, &entry.actor),
        subject: subject(console, &entry.subject),
        application: entry.application.name.clone(),
        protocol: labels::protocol(&entry.protocol),
        ticket: entry.ticket.clone(),
        reason: entry.reason.clone(),
        started: ShownMoment::from(started),
        lasted: match state {
            HistoryState::Waiting | HistoryState::Expired | HistoryState::Revoked => "—".to_owned(),
            HistoryState::Running | HistoryState::Ended(_) => {
                times::span(over.unwrap_or(now) - started)
            }
        },
        tone,
        state: word,
        read_only: entry.mode == "read_only",
        ends: entry.ends_at.filter(|_| state == HistoryState::Running).map(|at| Ends {
            at: times::clock(at),
            rfc3339: at.to_rfc3339(),
            minutes: (at - now).num_minutes().max(0),
        }),
        end_csrf: may_end(console, state).then(|| console.token(END, &[entry.id.as_str()])),
    }
}

pub fn may_end(console: &ConsoleSession, state: HistoryState) -> bool {
    matches!(state, HistoryState::Running | HistoryState::Waiting)
        && console.may(crate::domain::permission::IMPERSONATIONS_END)
}

pub fn state_in_words(state: HistoryState) -> (&'static str, &'static str) {
    match state {
        HistoryState::Waiting => ("news", "Link not opened yet"),
        HistoryState::Expired => ("off", "Link expired"),
        HistoryState::Revoked => ("off", "Link revoked"),
        HistoryState::Running => ("warn", "Running"),
        HistoryState::Ended(Some(reason)) => ("off", labels::how_it_ended(reason)),
        HistoryState::Ended(None) => ("off", "Ended"),
    }
}

/// Whoever sees this one sees its subject: both are of one organization.
pub fn subject(console: &ConsoleSession, named: &WithNames) -> ShownPerson {
    person(console, named, console.may(USERS_READ))
}

/// The actor may be staff of the operator, whom staff of an organization cannot look up.
pub fn actor(console: &ConsoleSession, named: &WithNames) -> ShownPerson {
    person(console, named, console.may(USERS_READ) && console.organization().is_none())
}

fn person(_: &ConsoleSession, named: &WithNames, linked: bool) -> ShownPerson {
    let id = named.id.as_str();
    ShownPerson {
        name: named.name.clone(),
        address: if named.name == named.id { String::new() } else { named.id.clone() },
        href: linked.then(|| format!("/console/users/{}", encode(id))),
    }
}
