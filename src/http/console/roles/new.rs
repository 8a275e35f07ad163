//! A new role.
use super::form::{RoleFields, RoleFormInput};
use super::{mend, path, refused};
use crate::domain::permission::ROLES_WRITE;
use crate::flows::Failure;
use crate::flows::directory::manage_roles::{
    RoleChange, RoleRefusal, change_role, may_change, rank_of_reader,
};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/role_new.html")]
struct NewRolePage {
    page: Page,
    console: ConsoleFrame,
    fields: RoleFields,
    csrf: String,
}

const PURPOSE: &str = "new-role";

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    check_may(&console)?;
    let typed = RoleFormInput {
        name: String::new(),
        rank: "0".to_owned(),
        permissions: Vec::new(),
        others: String::new(),
    };
    page(&console, &typed, None, StatusCode::OK).await
}

fn check_may(console: &ConsoleSession) -> Result<(), PageError> {
    console.require(ROLES_WRITE)?;
    let failure = Failure::Refused(RoleRefusal::NotPermitted);
    if may_change(console.user()) { Ok(()) } else { Err(refused(console, failure)) }
}

async fn page(
    console: &ConsoleSession,
    typed: &RoleFormInput,
    wrong: Option<(&'static str, &str)>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let rank = rank_of_reader(console.ctx(), &console.user().id).await;
    let rank = rank.map_err(|e| console.accident(&e))?;
    let (page, frame) = console.frame(ConsoleSection::Roles, "New role", &[]);
    let page = NewRolePage {
        page,
        console: frame,
        fields: typed.fields(&console.user().permissions, rank, wrong),
        csrf: console.token(PURPOSE, &[]),
    };
    Ok(render(&page, status))
}

pub async fn create(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    check_may(&console)?;
    let (typed, form) = RoleFormInput::read(&console, posted)?;
    console.check(&form, PURPOSE, &[])?;
    let wanted = typed.role(&typed.name);
    let to = path(wanted.name.trim());
    let change = RoleChange::Create(wanted);
    match change_role(console.ctx(), console.user(), change, &console.browser.caller).await {
        Ok(()) => Ok(console.done(&to, "created")),
        Err(Failure::Refused(refusal)) => match mend(&refusal) {
            Some((status, field, text)) => {
                page(&console, &typed, Some((field, &text)), status).await
            }
            None => Err(refused(&console, Failure::Refused(refusal))),
        },
        Err(failure) => Err(refused(&console, failure)),
    }
}
