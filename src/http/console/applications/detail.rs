//! One application: what is registered, what it needs to know, and what may be done with it.
use super::edit::entry_of;
use super::form::{FormEntry, show as shown};
use super::specs::{FieldGroup, FieldShape, Spec};
use super::{HERE, kind_of, path, seen, specs};
use crate::domain::Status;
use crate::domain::permission::{AUDIT_READ, CLIENTS_READ, CLIENTS_WRITE};
use crate::http::console::kit::{ShownMoment, address};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::provision::applications::ClientRecord;
use crate::provision::applications::may_write;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/application.html")]
struct DetailPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    here: String,
    name: String,
    client_id: String,
    kind: &'static str,
    active: bool,
    /// Words in a colour.
    tags: Vec<(&'static str, &'static str)>,
    organization: String,
    created: ShownMoment,
    updated: ShownMoment,
    users: i64,
    /// `None`: it keeps no secret.
    secret: Option<Secret>,
    parts: Vec<ApplicationFacts>,
    may_write: bool,
    /// May write applications, but not this one.
    superior: bool,
    events: Option<String>,
}

/// A secret is told of by its age alone.
struct Secret {
    since: Option<ShownMoment>,
}

struct ApplicationFacts {
    id: &'static str,
    title: &'static str,
    rows: Vec<(&'static str, Vec<String>)>,
}

const SENTENCES: &[(&str, &str)] = &[
    ("created", "Application created. Its configuration is one click away."),
    ("saved", "Saved."),
    ("same", "Nothing was changed."),
    ("on", "The application is on."),
    ("off", "The application is off, and whatever ran in it is over."),
    ("tokens-ended", "All tokens of the application have ended."),
];

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(CLIENTS_READ)?;
    let (_, view) = seen(&console).await?;
    let record = &view.record;
    let kind = kind_of(record);
    let entry = entry_of(record);
    let (page, frame) = console.frame(ConsoleSection::Applications, "Application", SENTENCES);
    let may = may_write(console.user(), record);
    let page = DetailPage {
        page,
        console: frame,
        up: HERE,
        here: path(&record.id),
        name: record.name.clone(),
        client_id: record.id.clone(),
        kind: specs::kind(kind),
        active: record.status == Status::Active.as_str(),
        tags: tags(record),
        organization: view.card.organization.clone().unwrap_or_else(|| "Operator".to_owned()),
        created: view.card.created_at.into(),
        updated: view.card.updated_at.into(),
        users: view.card.users,
        secret: view
            .keeps_secret()
            .then(|| Secret { since: view.card.secret_since.map(ShownMoment::from) }),
        parts: facts(record, &entry),
        may_write: may,
        superior: !may && console.may(CLIENTS_WRITE),
        events: console
            .may(AUDIT_READ)
            .then(|| address("/console/audit", &[("application", &record.id)])),
    };
    Ok(render(&page, StatusCode::OK))
}

fn tags(record: &ClientRecord) -> Vec<(&'static str, &'static str)> {
    let on = record.status == Status::Active.as_str();
    let mut tags = vec![if on { ("good", "On") } else { ("bad", "Off") }];
    tags.push(("off", specs::kind(kind_of(record))));
    if record.impersonation_enabled {
        tags.push(("warn", "Impersonation"));
    }
    if !record.first_party {
        tags.push(("news", "Third party"));
    }
    tags
}

fn facts(record: &ClientRecord, entry: &FormEntry) -> Vec<ApplicationFacts> {
    let kind = kind_of(record);
    let part = |group: FieldGroup| {
        let (id, title) = group.words();
        let own = specs::of(kind).filter(|spec| spec.group == group && spec.name != "name");
        let mut rows: Vec<(&'static str, Vec<String>)> = Vec::new();
        for spec in own {
            let (label, texts) = fact(spec, entry);
            match rows.last_mut().filter(|(known, _)| *known == label) {
                Some((_, known)) => known.extend(texts),
                None => rows.push((label, texts)),
            }
        }
        rows.retain(|(_, texts)| !texts.is_empty());
        ApplicationFacts { id, title, rows }
    };
    // Whoever has nothing to do with Box sees nothing of it.
    let is_shown = |group: &FieldGroup| {
        *group != FieldGroup::Basics && (*group != FieldGroup::Box || entry.contains_key("box"))
    };
    let shown = FieldGroup::ALL.into_iter().filter(is_shown);
    shown.map(part).filter(|part| !part.rows.is_empty()).collect()
}

/// A setting in words; what is not given has none.
fn fact(spec: &Spec, entry: &FormEntry) -> (&'static str, Vec<String>) {
    let text = shown(entry, spec);
    let one = |text: &str| vec![text.to_owned()];
    let texts = match spec.shape {
        FieldShape::Flag => one(if text.is_empty() { "No" } else { "Yes" }),
        FieldShape::Member(_) => {
            let label = (!text.is_empty()).then(|| spec.label.to_owned());
            return ("May", label.into_iter().collect());
        }
        FieldShape::Word(words) => {
            let word = words.iter().find(|(word, _)| *word == text);
            one(word.map_or(text.as_str(), |(_, label)| label))
        }
        FieldShape::Certificate | FieldShape::Certificates => {
            let some = text.split("\n\n").filter(|text| !text.is_empty());
            some.map(short).collect()
        }
        FieldShape::Keys => {
            let is_id = |line: &&str| !line.is_empty() && !line.contains("-----");
            text.split("-----END PUBLIC KEY-----")
                .filter_map(|it| it.trim().lines().find(is_id))
                .map(str::to_owned)
                .collect()
        }
        FieldShape::Json if text.is_empty() => Vec::new(),
        FieldShape::Json => one("Registered"),
        FieldShape::Text
        | FieldShape::Url
        | FieldShape::Number
        | FieldShape::Lines
        | FieldShape::Numbers
        | FieldShape::Pairs => text.lines().map(str::to_owned).collect(),
    };
    (spec.label, texts)
}

/// The beginning and the end tell certificates apart.
fn short(certificate: &str) -> String {
    let marks = |line: &&str| !line.starts_with("-----");
    let text: String = certificate.lines().filter(marks).collect();
    let letters: Vec<char> = text.chars().collect();
    match (letters.first_chunk::<24>(), letters.last_chunk::<12>()) {
        (Some(first), Some(last)) if letters.len() > 48 => {
            format!("{}…{}", String::from_iter(first), String::from_iter(last))
        }
        _ => text,
    }
}
