//! One audit event as the console shows it.
use crate::domain::permission::{IMPERSONATIONS_READ, USERS_READ};
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::operations::list_audit_events::{AuditResult, TrailEntry};
use crate::http::console::ConsoleSession;
use crate::http::console::kit::{ShownMoment, ShownPerson};
use crate::http::ui::{labels, times};

pub struct ShownEvent {
    pub seq: i64,
    pub at: ShownMoment,
    pub what: String,
    pub kind: String,
    pub tone: &'static str,
    pub actor: Option<ShownPerson>,
    /// `None` where it is the actor.
    pub subject: Option<ShownPerson>,
    pub application: Option<String>,
    pub reason: Option<String>,
    pub ticket: Option<String>,
    /// Address and browser.
    pub origin: String,
    pub impersonation: Option<ShownLink>,
    /// Everything else, as names and values.
    pub facts: Vec<(&'static str, String)>,
}

pub struct ShownLink {
    pub id: String,
    pub href: Option<String>,
}

pub fn event(console: &ConsoleSession, entry: &TrailEntry, page: &AuditResult) -> ShownEvent {
    let subject = entry.subject.as_ref().filter(|subject| entry.actor.as_ref() != Some(*subject));
    let name = |id: &String| page.applications.get(id).unwrap_or(id).clone();
    ShownEvent {
        seq: entry.seq,
        at: times::exact(entry.at),
        what: labels::event(&entry.kind).to_owned(),
        tone: tone(&entry.kind),
        kind: entry.kind.clone(),
        actor: entry.actor.as_ref().map(|id| person(console, id, page)),
        subject: subject.map(|id| person(console, id, page)),
        application: entry.client_id.as_ref().map(name),
        reason: entry.reason.as_deref().map(reason),
        ticket: entry.ticket.clone(),
        origin: origin(entry),
        impersonation: entry.impersonation_id.as_ref().map(|id| ShownLink {
            // A refused impersonation was never started, so it has no page.
            href: (console.may(IMPERSONATIONS_READ) && entry.kind != "impersonation.refused")
                .then(|| format!("/console/impersonations/{}", encode(id))),
            id: id.clone(),
        }),
        facts: facts(entry),
    }
}

fn tone(kind: &str) -> &'static str {
    match kind {
        "impersonation.started" => "warn",
        "impersonation.refused"
        | "impersonation.link_rejected"
        | "login.failed"
        | "api.refused" => "bad",
        "login.succeeded" => "good",
        kind if kind.starts_with("impersonation.") => "news",
        _ => "off",
    }
}

/// A reason that is a word of ours is said as people say it.
fn reason(text: &str) -> String {
    let known = crate::domain::protocol::EndReason::ALL.into_iter().find(|it| it.as_str() == text);
    known.map_or_else(|| text.to_owned(), |reason| labels::how_it_ended(reason).to_owned())
}

fn person(console: &ConsoleSession, id: &str, page: &AuditResult) -> ShownPerson {
    let known = page.people.get(id);
    let name = known.or_else(|| page.applications.get(id));
    // Staff of an organization would be led to people who are not theirs to see.
    let linked = known.is_some() && console.may(USERS_READ) && console.organization().is_none();
    ShownPerson {
        name: name.cloned().unwrap_or_else(|| id.to_owned()),
        address: if name.is_some() { id.to_owned() } else { String::new() },
        href: linked.then(|| format!("/console/users/{}", encode(id))),
    }
}

fn origin(entry: &TrailEntry) -> String {
    let browser = entry.user_agent.as_deref().map(|agent| labels::browser(Some(agent)));
    [entry.ip.clone(), browser].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn facts(entry: &TrailEntry) -> Vec<(&'static str, String)> {
    let detail = entry.detail.as_object().is_some_and(|detail| !detail.is_empty());
    [
        ("Number", Some(entry.seq.to_string())),
        ("Channel", entry.channel.as_deref().map(|it| labels::channel(it).to_owned())),
        ("Protocol", entry.protocol.as_deref().map(|it| labels::protocol(it).to_owned())),
        ("Organization", entry.organization_id.clone()),
        ("Application", entry.client_id.clone()),
        ("Address", entry.ip.clone()),
        ("Browser", entry.user_agent.clone()),
        ("Request", entry.request_id.clone()),
        ("Detail", detail.then(|| entry.detail.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}
