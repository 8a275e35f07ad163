//! A new organization.
use super::{path, refused};
use crate::domain::organization::LONGEST_NAME;
use crate::domain::permission::ORGANIZATIONS_WRITE;
use crate::flows::Failure;
use crate::flows::directory::manage_organizations::{OrganizationRefusal, create as make, rights};
use crate::http::console::kit::Field;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/organization_new.html")]
struct NewOrganizationPage {
    page: Page,
    console: ConsoleFrame,
    name: Field,
    id: Field,
    impersonation: bool,
    csrf: String,
}

const PURPOSE: &str = "new-organization";

#[derive(Default)]
struct OrganizationFormInput {
    name: String,
    id: String,
    impersonation: bool,
}

pub async fn form(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    check_may(&console)?;
    let typed = OrganizationFormInput { impersonation: true, ..OrganizationFormInput::default() };
    Ok(page(&console, &typed, StatusCode::OK, None))
}

fn check_may(console: &ConsoleSession) -> Result<(), PageError> {
    console.require(ORGANIZATIONS_WRITE)?;
    let failure = Failure::Refused(OrganizationRefusal::NotPermitted);
    if rights(console.user()).found { Ok(()) } else { Err(refused(console, failure)) }
}

fn page(
    console: &ConsoleSession,
    typed: &OrganizationFormInput,
    status: StatusCode,
    error: Option<(&'static str, &'static str)>,
) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Organizations, "New organization", &[]);
    let wrong = |name| error.filter(|(field, _)| *field == name).map(|(_, text)| text.to_owned());
    let page = NewOrganizationPage {
        page,
        console: frame,
        name: Field::new("name", "Name", &typed.name)
            .required()
            .at_most(LONGEST_NAME)
            .error(wrong("name")),
        id: Field::new("id", "Id", &typed.id)
            .at_most(255)
            .hint("Your own id. Can't be changed. Leave empty to generate one.")
            .error(wrong("id")),
        impersonation: typed.impersonation,
        csrf: console.token(PURPOSE, &[]),
    };
    render(&page, status)
}

pub async fn create(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    check_may(&console)?;
    let form = posted.only(console.request(), &["csrf", "name", "id", "impersonation"])?;
    console.check(&form, PURPOSE, &[])?;
    let typed = OrganizationFormInput {
        name: form.get("name").to_owned(),
        id: form.get("id").to_owned(),
        impersonation: form.get("impersonation") == "on",
    };
    let wanted = (typed.id.as_str(), typed.name.as_str(), typed.impersonation);
    let made = make(console.ctx(), console.user(), wanted, &console.browser.caller).await;
    let (status, error) = match made {
        Ok(id) => return Ok(console.done(&path(id.as_str()), "created")),
        Err(Failure::Refused(OrganizationRefusal::BadName)) => {
            (StatusCode::BAD_REQUEST, ("name", "A name is a line of 1 to 255 characters."))
        }
        Err(Failure::Refused(OrganizationRefusal::BadId)) => {
            (StatusCode::BAD_REQUEST, ("id", "An id has 1 to 255 characters, and no line break."))
        }
        Err(Failure::Refused(OrganizationRefusal::IdTaken)) => {
            (StatusCode::CONFLICT, ("id", "There is an organization of this id already."))
        }
        Err(failure) => return Err(refused(&console, failure)),
    };
    Ok(page(&console, &typed, status, Some(error)))
}
