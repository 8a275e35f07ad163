//! The form as it is drawn.
use super::form::{ApplicationFormInput, worded};
use super::specs::{self, FieldGroup, FieldShape, Spec};
use super::{NEW, path};
use crate::domain::client::ClientKind;
use crate::http::console::kit::{Field, Select, Toggle};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::provision::entry::Fault;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

pub enum Control {
    Line(Field),
    Area(Field),
    Choice(Select),
    Switch(Toggle),
}

pub struct Part {
    pub id: &'static str,
    pub title: &'static str,
    pub controls: Vec<Control>,
}

/// Something wrong, said once more at the top.
pub struct FieldMistake {
    /// Of the field.
    pub id: &'static str,
    pub label: &'static str,
    pub text: String,
}

/// What two people made of one setting.
pub struct Clash {
    pub label: &'static str,
    pub theirs: String,
    pub mine: String,
}

/// Another form beside: settings out of the application's own metadata.
pub struct Upload {
    pub action: String,
    pub csrf: String,
    pub error: Option<String>,
    pub metadata: String,
    pub entity_id: String,
    pub open: bool,
}

/// What the handlers make, for [`draw`].
pub struct Sheet<'a> {
    pub kind: ClientKind,
    pub typed: &'a ApplicationFormInput,
    /// Beside the settings: the id of a new one, and where it belongs.
    pub first: Vec<Control>,
    pub faults: Vec<Fault>,
    pub action: String,
    pub csrf: String,
    pub version: String,
    pub up: (String, String),
    pub heading: &'static str,
    /// Of the application; empty for a new one.
    pub name: String,
    pub submit: &'static str,
    pub note: Option<&'static str>,
    pub notices: Vec<String>,
    pub clashes: Vec<Clash>,
    pub upload: Option<Upload>,
}

#[derive(Template)]
#[template(path = "console/application_form.html")]
struct FormPage {
    page: Page,
    console: ConsoleFrame,
    up: String,
    up_label: String,
    heading: &'static str,
    name: String,
    kind: &'static str,
    here: String,
    csrf: String,
    version: String,
    parts: Vec<Part>,
    mistakes: Vec<FieldMistake>,
    submit: &'static str,
    note: Option<&'static str>,
    notices: Vec<String>,
    clashes: Vec<Clash>,
    upload: Option<Upload>,
}

/// Names and labels of what is no [`Spec`].
const OTHERS: [(&str, &str); 2] = [("client_id", "Client ID"), ("organization", "Organization")];

pub fn draw(console: &ConsoleSession, sheet: Sheet<'_>, status: StatusCode) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Applications, sheet.heading, &[]);
    let mistakes = mistakes(sheet.kind, &sheet.faults);
    let form = FormPage {
        page,
        console: frame,
        up: sheet.up.0,
        up_label: sheet.up.1,
        heading: sheet.heading,
        name: sheet.name,
        kind: specs::kind(sheet.kind),
        here: sheet.action,
        csrf: sheet.csrf,
        version: sheet.version,
        parts: parts(sheet.kind, sheet.typed, sheet.first, &mistakes),
        mistakes,
        submit: sheet.submit,
        note: sheet.note,
        notices: sheet.notices,
        clashes: sheet.clashes,
        upload: sheet.upload,
    };
    render(&form, status)
}

/// Each at its field; what has no field here stands at the name.
fn mistakes(kind: ClientKind, faults: &[Fault]) -> Vec<FieldMistake> {
    let told = |fault: &Fault| {
        let other = OTHERS.into_iter().find(|(name, _)| *name == fault.key);
        let own = specs::of(kind).find(|spec| spec.at == fault.key);
        if let Some((id, label)) = own.map(|spec| (spec.name, spec.label)).or(other) {
            return FieldMistake { id, label, text: worded(kind, &fault.problem) };
        }
        // What is wrong within a list stands at the list.
        let within = |spec: &Spec| fault.key.strip_prefix(spec.at)?.strip_prefix('.');
        let found = specs::of(kind).find_map(|spec| Some((spec, within(spec)?)));
        let Some((list, part)) = found else {
            let text = format!("{}: {}", fault.key, fault.problem);
            return FieldMistake { id: "name", label: "Elsewhere", text };
        };
        let text = worded(kind, &format!("`{part}` {}", fault.problem));
        FieldMistake { id: list.name, label: list.label, text }
    };
    // In the order of the page.
    let rank = |it: &FieldMistake| specs::of(kind).position(|spec| spec.name == it.id).unwrap_or(0);
    let mut mistakes: Vec<FieldMistake> = faults.iter().map(told).collect();
    mistakes.sort_by_key(rank);
    mistakes
}

pub fn error_of(mistakes: &[FieldMistake], name: &str) -> Option<String> {
    let own = mistakes.iter().find(|it| it.id == name && it.label != "Elsewhere");
    own.map(|it| it.text.clone())
}

fn parts(
    kind: ClientKind,
    typed: &ApplicationFormInput,
    first: Vec<Control>,
    mistakes: &[FieldMistake],
) -> Vec<Part> {
    let mut first = Some(first);
    let part = |group: FieldGroup| {
        let (id, title) = group.words();
        let own = specs::of(kind).filter(|spec| spec.group == group);
        let mut controls: Vec<Control> = own
            .map(|spec| control(spec, typed.get(spec.name), error_of(mistakes, spec.name)))
            .collect();
        if group == FieldGroup::Basics {
            let more = first.take().into_iter().flatten();
            controls.extend(more.map(|control| with_error(control, mistakes)));
        }
        Part { id, title, controls }
    };
    FieldGroup::ALL.into_iter().map(part).filter(|part| !part.controls.is_empty()).collect()
}

fn with_error(control: Control, mistakes: &[FieldMistake]) -> Control {
    match control {
        Control::Line(field) => {
            let error = error_of(mistakes, field.name);
            Control::Line(field.error(error))
        }
        Control::Choice(select) => {
            let error = error_of(mistakes, select.name);
            Control::Choice(select.error(error))
        }
        other @ (Control::Area(_) | Control::Switch(_)) => other,
    }
}

fn control(spec: &Spec, typed: &str, error: Option<String>) -> Control {
    let hint = (!spec.hint.is_empty()).then_some(spec.hint);
    let field = |kind: &'static str, most: usize| {
        let field = Field::new(spec.name, spec.label, typed).of_kind(kind).at_most(most);
        let field = if spec.required { field.required() } else { field };
        let field = match hint {
            Some(hint) => field.hint(hint),
            None => field,
        };
        field.error(error.clone())
    };
    match spec.shape {
        FieldShape::Text => Control::Line(field("text", 1024)),
        // Checked here, so that what is wrong is said in the same words everywhere.
        FieldShape::Url | FieldShape::Numbers => Control::Line(field("text", 2000)),
        FieldShape::Number => Control::Line(field("number", 10)),
        FieldShape::Lines
        | FieldShape::Pairs
        | FieldShape::Certificates
        | FieldShape::Certificate
        | FieldShape::Keys
        | FieldShape::Json => Control::Area(field("text", 20_000)),
        FieldShape::Flag | FieldShape::Member(_) => {
            let toggle = Toggle::new(spec.name, spec.label, !typed.is_empty());
            Control::Switch(toggle.hint(hint).error(error))
        }
        FieldShape::Word(words) => {
            let select = Select::new(spec.name, spec.label, words.iter().copied(), typed);
            let select = match hint {
                Some(hint) => select.hint(hint),
                None => select,
            };
            Control::Choice(select.error(error))
        }
    }
}

/// The purpose of the token in the form that takes metadata.
pub const READ: &str = "read-metadata";

/// The form, empty; of an application that is there, or of a new one.
pub fn upload(console: &ConsoleSession, id: Option<&str>) -> Upload {
    let base = id.map_or_else(|| NEW.to_owned(), path);
    Upload {
        action: format!("{base}/metadata"),
        csrf: console.token(READ, &[id.unwrap_or_default()]),
        error: None,
        metadata: String::new(),
        entity_id: String::new(),
        open: false,
    }
}
