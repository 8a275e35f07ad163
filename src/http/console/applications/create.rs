//! A new application: which kind, then the form, then its secret, once.
use super::edit::{FormNotes, Homes, fault_of, names};
use super::form::{ApplicationFormInput, FormEntry, name_missing};
use super::secret::hand_over;
use super::shown::{Control, Sheet, draw, upload};
use super::specs::KINDS;
use super::{HERE, NEW, by, path, refuse, superior};
use crate::crypto::random;
use crate::domain::client::ClientKind;
use crate::domain::permission::{CLIENTS_WRITE, IMPERSONATE_ADMIN};
use crate::domain::text::is_plain_line;
use crate::flows::Failure;
use crate::http::console::kit::{Field, address};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::provision::applications;
use crate::provision::entry::{Fault, blank};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

const CREATE: &str = "create-application";

#[derive(Template)]
#[template(path = "console/application_kinds.html")]
struct KindsPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    kinds: Vec<ApplicationKind>,
}

struct ApplicationKind {
    href: String,
    label: &'static str,
    text: &'static str,
}

/// The global client is not for everybody to make.
fn may_make(console: &ConsoleSession, kind: ClientKind) -> bool {
    let operator = console.organization().is_none() && console.may(IMPERSONATE_ADMIN);
    kind != ClientKind::Global || operator
}

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(CLIENTS_WRITE)?;
    let wanted = console.parameter("kind");
    let Some(kind) = ClientKind::parse(&wanted) else {
        let (page, frame) = console.frame(ConsoleSection::Applications, "New application", &[]);
        let may = KINDS.into_iter().filter(|(kind, ..)| may_make(&console, *kind));
        let kinds = may.map(|(kind, label, text)| {
            let href = address(NEW, &[("kind", kind.as_str())]);
            ApplicationKind { href, label, text }
        });
        let page = KindsPage { page, console: frame, up: HERE, kinds: kinds.collect() };
        return Ok(render(&page, StatusCode::OK));
    };
    let entry = blank(kind);
    draw_new(&console, (kind, &entry), FormNotes::default()).await
}

/// The form of a new one with this in it.
pub async fn draw_new(
    console: &ConsoleSession,
    (kind, entry): (ClientKind, &FormEntry),
    beside: FormNotes,
) -> Result<HttpResponse, PageError> {
    if !may_make(console, kind) {
        return Err(superior(console));
    }
    let homes = Homes::of(console, None).await.map_err(|e| console.accident(&e))?;
    let wrong = beside.upload.as_ref().is_some_and(|upload| upload.error.is_some());
    let status = if wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let fresh = NewApplicationForm { kind, id: random::client_id(), organization: String::new() };
    let typed = ApplicationFormInput::of(entry, kind);
    Ok(page(console, &fresh, (&typed, &homes), beside, status))
}

struct NewApplicationForm {
    kind: ClientKind,
    id: String,
    organization: String,
}

fn page(
    console: &ConsoleSession,
    fresh: &NewApplicationForm,
    (typed, homes): (&ApplicationFormInput, &Homes),
    beside: FormNotes,
    status: StatusCode,
) -> HttpResponse {
    let id = Field::new("client_id", "Client ID", &fresh.id).required().at_most(255);
    let id = id.hint("What the application calls itself here. It stays as it is.");
    let uploads = fresh.kind == ClientKind::Saml;
    let mut first = vec![Control::Line(id)];
    first.extend(homes.control(console, &fresh.organization));
    let sheet = Sheet {
        kind: fresh.kind,
        typed,
        first,
        faults: beside.faults,
        action: address(NEW, &[("kind", fresh.kind.as_str())]),
        csrf: console.token(CREATE, &[fresh.kind.as_str()]),
        version: String::new(),
        up: (NEW.to_owned(), "New application".to_owned()),
        heading: "New application",
        name: String::new(),
        submit: "Create application",
        note: beside.note,
        notices: beside.notices,
        clashes: Vec::new(),
        upload: beside.upload.or_else(|| uploads.then(|| upload(console, None))),
    };
    draw(console, sheet, status)
}

pub async fn save(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(CLIENTS_WRITE)?;
    let kind = ClientKind::parse(&console.parameter("kind"));
    let kind = kind.ok_or_else(|| console.malformed("There is no such kind of application."))?;
    let form = posted.only(console.request(), &names(&console, kind, &["csrf", "client_id"]))?;
    console.check(&form, CREATE, &[kind.as_str()])?;
    if !may_make(&console, kind) {
        return Err(superior(&console));
    }
    let typed = ApplicationFormInput::posted(kind, |name| form.get(name).to_owned());
    let id = form.get("client_id").trim().to_owned();
    if typed.is_unreadable() || !is_plain_line(&id) {
        return Err(console.malformed("A field holds a character that cannot be shown."));
    }
    let homes = Homes::of(&console, None).await.map_err(|e| console.accident(&e))?;
    let mut entry = blank(kind);
    if !id.is_empty() {
        entry.insert("client_id".to_owned(), Value::from(id.as_str()));
    }
    let mut faults = typed.put(&mut entry, kind);
    faults.extend(homes.put(&console, &form, &mut entry));
    let organization = form.get("organization").to_owned();
    let fresh = NewApplicationForm { kind, id, organization };
    let again = |faults: Vec<Fault>, status| {
        let beside = FormNotes { faults, ..FormNotes::default() };
        Ok(page(&console, &fresh, (&typed, &homes), beside, status))
    };
    faults.extend(name_missing(&entry));
    let read = match homes.read(&console, &entry, faults).await? {
        Ok(read) => read,
        Err(faults) => return again(faults, StatusCode::BAD_REQUEST),
    };
    match applications::create(console.ctx(), by(&console), &read).await {
        Ok(Some(secret)) => Ok(hand_over(&console, read.record(), &secret, true)),
        Ok(None) => Ok(console.done(&path(&read.record().id), "created")),
        Err(Failure::Refused(reason)) => match fault_of(&reason) {
            Some(fault) => again(vec![fault], StatusCode::CONFLICT),
            None => Err(refuse(&console, Failure::Refused(reason))),
        },
        Err(failure) => Err(refuse(&console, failure)),
    }
}
