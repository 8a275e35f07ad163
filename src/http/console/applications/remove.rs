//! Switching an application off and on, and taking it away; each is asked for once more.
use super::{HERE, by, path, refuse, seen, superior};
use crate::domain::permission::CLIENTS_WRITE;
use crate::domain::{ClientId, Status};
use crate::http::console::sure::SurePage;
use crate::http::console::{ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::provision::applications::{self, ApplicationView, may_write};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

const STATUS: &str = "application-status";
const DELETE: &str = "delete-application";
const END_TOKENS: &str = "end-tokens-of-application";

async fn writable(console: &ConsoleSession) -> Result<(ClientId, ApplicationView), PageError> {
    console.require(CLIENTS_WRITE)?;
    let (id, view) = seen(console).await?;
    if may_write(console.user(), &view.record) { Ok((id, view)) } else { Err(superior(console)) }
}

pub async fn ask_status(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let (_, view) = writable(&console).await?;
    let here = path(&view.record.id);
    let on = view.record.status == Status::Active.as_str();
    let (heading, submit, wanted, text) = if on {
        let text = "Nobody signs in to it any more, its credentials are refused, and every impersonation in it \
                    ends now. Its access tokens, refresh tokens and codes end for good: when it is switched on \
                    again, people and programs get new ones. Its settings stay.";
        ("Switch off this application?", "Switch off", Status::Inactive, text)
    } else {
        let text = "People sign in to it again, with the settings and the secret that it had. Tokens from before \
                    it was switched off stay dead.";
        ("Switch on this application?", "Switch on", Status::Active, text)
    };
    let (page, frame) = console.frame(ConsoleSection::Applications, heading, &[]);
    let page = SurePage {
        page,
        console: frame,
        action: format!("{here}/status"),
        here,
        csrf: console.token(STATUS, &[&view.record.id]),
        name: view.record.name,
        heading,
        texts: vec![text.to_owned()],
        status: Some(wanted.as_str()),
        typed: None,
        submit,
        bad: on,
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn set_status(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(CLIENTS_WRITE)?;
    let form = posted.only(console.request(), &["csrf", "status"])?;
    let (id, view) = seen(&console).await?;
    console.check(&form, STATUS, &[&view.record.id])?;
    let status = Status::parse(form.get("status"));
    let status = status.ok_or_else(|| console.malformed("There is no such status."))?;
    let set = applications::set_status(console.ctx(), by(&console), &id, status).await;
    set.map_err(|failure| refuse(&console, failure))?;
    let done = if status.is_active() { "on" } else { "off" };
    Ok(console.done(&path(&view.record.id), done))
}

pub async fn ask_end_tokens(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let (_, view) = writable(&console).await?;
    let here = path(&view.record.id);
    let heading = "End all tokens of this application?";
    let text = "Its access tokens, refresh tokens and codes stop working now, and every impersonation in it ends. The \
                application stays switched on: whoever is still signed in to Understudy gets it new tokens without \
                typing a password. If somebody knows its secret, make a new secret first.";
    let (page, frame) = console.frame(ConsoleSection::Applications, heading, &[]);
    let page = SurePage {
        page,
        console: frame,
        action: format!("{here}/end-tokens"),
        here,
        csrf: console.token(END_TOKENS, &[&view.record.id]),
        name: view.record.name,
        heading,
        texts: vec![text.to_owned()],
        status: None,
        typed: None,
        submit: "End all tokens",
        bad: true,
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn end_tokens(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(CLIENTS_WRITE)?;
    let form = posted.only(console.request(), &["csrf"])?;
    let (id, view) = seen(&console).await?;
    console.check(&form, END_TOKENS, &[&view.record.id])?;
    let ended = applications::end_tokens(console.ctx(), by(&console), &id).await;
    ended.map_err(|failure| refuse(&console, failure))?;
    Ok(console.done(&path(&view.record.id), "tokens-ended"))
}

pub async fn ask(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let (_, view) = writable(&console).await?;
    let here = path(&view.record.id);
    let mut texts = vec![
        "Its registration, its secrets, its tokens and its consents are gone for good, and every \
         impersonation in it ends now. What was recorded about it stays in the audit trail."
            .to_owned(),
    ];
    match view.card.users {
        0 => {}
        1 => texts.push("The one user that it made is deleted with it.".to_owned()),
        users => texts.push(format!("The {users} users that it made are deleted with it.")),
    }
    texts.push("If it may be needed again, switch it off instead.".to_owned());
    let (page, frame) =
        console.frame(ConsoleSection::Applications, "Delete this application?", &[]);
    let page = SurePage {
        page,
        console: frame,
        action: format!("{here}/delete"),
        here,
        csrf: console.token(DELETE, &[&view.record.id]),
        name: view.record.name,
        heading: "Delete this application?",
        texts,
        status: None,
        typed: None,
        submit: "Delete for good",
        bad: true,
    };
    Ok(render(&page, StatusCode::OK))
}

pub async fn delete(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    console.require(CLIENTS_WRITE)?;
    let form = posted.only(console.request(), &["csrf"])?;
    let (id, view) = seen(&console).await?;
    console.check(&form, DELETE, &[&view.record.id])?;
    let deleted = applications::delete(console.ctx(), by(&console), &id).await;
    deleted.map_err(|failure| refuse(&console, failure))?;
    Ok(console.done(HERE, "deleted"))
}
