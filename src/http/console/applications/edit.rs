//! Changing an application. Who saves says what they saw; if that is not so any more, both are shown.
use super::form::{ApplicationFormInput, FormEntry, name_missing};
use super::shown::{Clash, Control, Sheet, Upload, draw, upload};
use super::{by, kind_of, path, refuse, seen, specs, superior};
use crate::domain::client::ClientKind;
use crate::domain::permission::CLIENTS_WRITE;
use crate::flows::directory::find_users::choices;
use crate::flows::directory::manage_organizations::existing;
use crate::flows::{Failure, InternalError};
use crate::http::console::kit::Select;
use crate::http::console::{ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Form;
use crate::provision;
use crate::provision::applications::ClientRecord;
use crate::provision::applications::{WriteRefusal, may_write, update};
use crate::provision::entry::{Fault, read_entry, version, words};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

pub const EDIT: &str = "edit-application";
const NOTE: &str = "Another administrator saved this application after you had opened it. Nothing of yours is \
                    saved yet, and nothing of theirs is lost: where you differ, both are below. The form \
                    holds what you typed; saving it now puts it in the place of theirs.";

const NOTE_ELSEWHERE: &str = "Another administrator saved this application after you had opened it, in something \
                              that this form does not change. Nothing of yours is saved yet; save it again.";

/// What is registered, as the form begins with.
pub fn entry_of(record: &ClientRecord) -> FormEntry {
    let mut entry = words(record);
    // The older spelling of one certificate is shown, and kept, with the others.
    if let Some(saml) = entry.get_mut("saml").and_then(Value::as_object_mut)
        && let Some(one) = saml.remove("certificate")
    {
        let list = saml.entry("certificates").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut().filter(|list| !list.contains(&one)) {
            list.push(one);
        }
    }
    entry
}

/// Organizations that an application of this person's may belong to.
pub struct Homes(Vec<(String, String)>);

impl Homes {
    /// `now` is where the application is: of thousands of organizations not all are offered.
    pub async fn of(
        console: &ConsoleSession,
        now: Option<(String, String)>,
    ) -> Result<Self, InternalError> {
        if let Some(own) = console.organization() {
            return Ok(Self(vec![(own.to_string(), String::new())]));
        }
        let offered = choices(console.ctx(), console.user()).await?.organizations;
        let mut homes: Vec<_> = offered.into_iter().map(|it| (it.id, it.name)).collect();
        homes.extend(now.filter(|now| !homes.contains(now)));
        Ok(Self(homes))
    }

    /// What `entry` says, read; or everything that is wrong with it.
    pub async fn read(
        &self,
        console: &ConsoleSession,
        entry: &FormEntry,
        faults: Vec<Fault>,
    ) -> Result<Result<provision::entry::ClientEntry, Vec<Fault>>, PageError> {
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        // Of thousands of organizations not all are offered.
        let named = existing(console.ctx(), console.user(), authorized_in(entry)).await;
        let named = named.map_err(|e| console.accident(&e))?;
        let offered = self.0.iter().map(|(id, _)| id.clone());
        Ok(read_entry(entry, offered.chain(named)))
    }

    /// Staff of one organization have nothing to choose.
    pub fn control(&self, console: &ConsoleSession, chosen: &str) -> Option<Control> {
        if console.organization().is_some() {
            return None;
        }
        let operator = std::iter::once(("", "Operator: for the users of every organization"));
        let names = self.0.iter().map(|(id, name)| (id.as_str(), name.as_str()));
        let select = Select::new("organization", "Organization", operator.chain(names), chosen);
        Some(Control::Choice(select))
    }

    /// Where the application belongs: as chosen by the operator's staff, else where they are themselves.
    pub fn put(&self, console: &ConsoleSession, form: &Form, entry: &mut FormEntry) -> Vec<Fault> {
        let chosen = match console.organization() {
            Some(own) => own.as_str(),
            None => form.get("organization"),
        };
        entry.remove("organization");
        if chosen.is_empty() {
            return Vec::new();
        }
        entry.insert("organization".to_owned(), Value::from(chosen));
        if self.0.iter().any(|(id, _)| id == chosen) {
            return Vec::new();
        }
        let problem = "is no organization that is there".to_owned();
        vec![Fault { key: "organization".to_owned(), problem }]
    }
}

/// The fields that a form for this kind may have, with those of its page.
pub fn names(
    console: &ConsoleSession,
    kind: ClientKind,
    more: &[&'static str],
) -> Vec<&'static str> {
    let organization = console.organization().is_none().then_some("organization");
    let own = specs::of(kind).map(|spec| spec.name);
    own.chain(more.iter().copied()).chain(organization).collect()
}

/// The organizations that its `box` section names.
fn authorized_in(entry: &FormEntry) -> Vec<String> {
    let ids = entry.get("box").and_then(|section| section.get("authorized_in")?.as_array());
    ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a save was refused for, as a mistake of a field; others are pages of their own.
pub fn fault_of(reason: &WriteRefusal) -> Option<Fault> {
    let (key, problem) = match reason {
        WriteRefusal::IdTaken => ("client_id", "is the id of another application".to_owned()),
        WriteRefusal::NameTaken(key) => (*key, "is that of another application".to_owned()),
        WriteRefusal::Expired(_)
        | WriteRefusal::Missing
        | WriteRefusal::HigherPrivileges
        | WriteRefusal::NoSecret
        | WriteRefusal::Changed(_) => return None,
    };
    Some(Fault { key: key.to_owned(), problem })
}

struct EditData {
    record: ClientRecord,
    kind: ClientKind,
    homes: Homes,
}

async fn scene(console: &ConsoleSession) -> Result<EditData, PageError> {
    console.require(CLIENTS_WRITE)?;
    let (_, view) = seen(console).await?;
    if !may_write(console.user(), &view.record) {
        return Err(superior(console));
    }
    let now = view.record.organization_id.clone().zip(view.card.organization.clone());
    let homes = Homes::of(console, now).await.map_err(|e| console.accident(&e))?;
    Ok(EditData { kind: kind_of(&view.record), record: view.record, homes })
}

/// What beside the form is to be drawn.
#[derive(Default)]
pub struct FormNotes {
    pub faults: Vec<Fault>,
    pub clashes: Vec<Clash>,
    pub note: Option<&'static str>,
    /// What was left out, guessed or not understood in metadata.
    pub notices: Vec<String>,
    pub upload: Option<Upload>,
}

fn page(
    console: &ConsoleSession,
    scene: &EditData,
    (typed, organization): (&ApplicationFormInput, &str),
    beside: FormNotes,
    status: StatusCode,
) -> HttpResponse {
    let record = &scene.record;
    let here = path(&record.id);
    let uploads = scene.kind == ClientKind::Saml;
    let sheet = Sheet {
        kind: scene.kind,
        typed,
        first: scene.homes.control(console, organization).into_iter().collect(),
        faults: beside.faults,
        action: format!("{here}/edit"),
        csrf: console.token(EDIT, &[&record.id]),
        version: version(record),
        up: (here, record.name.clone()),
        heading: "Edit application",
        name: record.name.clone(),
        submit: "Save",
        note: beside.note,
        notices: beside.notices,
        clashes: beside.clashes,
        upload: beside.upload.or_else(|| uploads.then(|| upload(console, Some(&record.id)))),
    };
    draw(console, sheet, status)
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let scene = scene(&console).await?;
    let typed = ApplicationFormInput::of(&entry_of(&scene.record), scene.kind);
    let home = scene.record.organization_id.clone().unwrap_or_default();
    Ok(page(&console, &scene, (&typed, &home), FormNotes::default(), StatusCode::OK))
}

/// The form with an entry that is not saved: what metadata say.
pub async fn propose(
    console: &ConsoleSession,
    propose: impl FnOnce(&mut FormEntry) -> FormNotes,
) -> Result<HttpResponse, PageError> {
    let scene = scene(console).await?;
    if scene.kind != ClientKind::Saml {
        return Err(console.missing());
    }
    let mut entry = entry_of(&scene.record);
    let beside = propose(&mut entry);
    let wrong = beside.upload.as_ref().is_some_and(|upload| upload.error.is_some());
    let status = if wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let typed = ApplicationFormInput::of(&entry, scene.kind);
    let home = scene.record.organization_id.clone().unwrap_or_default();
    Ok(page(console, &scene, (&typed, &home), beside, status))
}

pub async fn save(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    let mut scene = scene(&console).await?;
    let form =
        posted.only(console.request(), &names(&console, scene.kind, &["csrf", "version"]))?;
    console.check(&form, EDIT, &[&scene.record.id])?;
    let typed = ApplicationFormInput::posted(scene.kind, |name| form.get(name).to_owned());
    if typed.is_unreadable() {
        return Err(console.malformed("A field holds a character that cannot be shown."));
    }
    let mut entry = entry_of(&scene.record);
    let mut faults = typed.put(&mut entry, scene.kind);
    faults.extend(scene.homes.put(&console, &form, &mut entry));
    faults.extend(name_missing(&entry));
    let home = entry.get("organization").and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = match scene.homes.read(&console, &entry, faults).await? {
        Ok(read) => read,
        Err(faults) => {
            let beside = FormNotes { faults, ..FormNotes::default() };
            return Ok(page(&console, &scene, (&typed, &home), beside, StatusCode::BAD_REQUEST));
        }
    };
    match update(console.ctx(), by(&console), form.get("version"), &read).await {
        Ok(changed) => {
            let done = if changed { "saved" } else { "same" };
            Ok(console.done(&path(&scene.record.id), done))
        }
        Err(Failure::Refused(WriteRefusal::Changed(now))) => {
            let clashes = clashes(scene.kind, &entry_of(&now), &entry);
            let note = Some(if clashes.is_empty() { NOTE_ELSEWHERE } else { NOTE });
            let beside = FormNotes { clashes, note, ..FormNotes::default() };
            scene.record = *now;
            Ok(page(&console, &scene, (&typed, &home), beside, StatusCode::CONFLICT))
        }
        Err(Failure::Refused(reason)) => match fault_of(&reason) {
            Some(fault) => {
                let beside = FormNotes { faults: vec![fault], ..FormNotes::default() };
                Ok(page(&console, &scene, (&typed, &home), beside, StatusCode::CONFLICT))
            }
            None => Err(refuse(&console, Failure::Refused(reason))),
        },
        Err(failure) => Err(refuse(&console, failure)),
    }
}

/// Where what is stored now and what was typed are not the same.
fn clashes(kind: ClientKind, theirs: &FormEntry, mine: &FormEntry) -> Vec<Clash> {
    let (theirs_typed, mine_typed) =
        (ApplicationFormInput::of(theirs, kind), ApplicationFormInput::of(mine, kind));
    let text = |text: &str| if text.is_empty() { "(nothing)".to_owned() } else { text.to_owned() };
    let clash = |spec: &'static specs::Spec| {
        let (theirs, mine) = (theirs_typed.get(spec.name), mine_typed.get(spec.name));
        let clash = Clash { label: spec.label, theirs: text(theirs), mine: text(mine) };
        (theirs != mine).then_some(clash)
    };
    let mut found: Vec<Clash> = specs::of(kind).filter_map(clash).collect();
    let home = |entry: &FormEntry| {
        entry.get("organization").and_then(Value::as_str).unwrap_or("Operator").to_owned()
    };
    if home(theirs) != home(mine) {
        found.push(Clash { label: "Organization", theirs: home(theirs), mine: home(mine) });
    }
    found
}
