//! All sessions and tokens of a user, of an organization or of everybody end; each is asked for once more, with how many
//! there are. Those of an application are ended on its own page.
use super::sure::SurePage;
use super::{ConsoleSection, ConsoleSession, FreshConsoleSession, organizations, users};
use crate::domain::permission::{KEYS_WRITE, ORGANIZATIONS_WRITE, USERS_WRITE};
use crate::flows::Failure;
use crate::flows::directory::manage_organizations::view;
use crate::flows::logout::sign_out_all::{
    Alive, SignOutAllRefusal, SignOutBy, SignOutReach, in_words, preview, sign_out_all,
};
use crate::http::cookies;
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::{Action, bare};
use crate::http::ui::message::{Message, Tone};
use crate::http::ui::read;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web;

const END: &str = "end-all-sessions";
/// What the page of a user or an organization says afterwards.
pub const DONE: (&str, &str) =
    ("sessions-ended", "All sessions and tokens from before now are over. Signing in again works.");

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        super::resource("/console/users/{user_id}/end-sessions", "GET, HEAD, POST")
            .route(read().to(ask_user))
            .route(web::post().to(end_user)),
    )
    .service(
        super::resource("/console/organizations/{id}/end-sessions", "GET, HEAD, POST")
            .route(read().to(ask_organization))
            .route(web::post().to(end_organization)),
    )
    .service(
        super::resource("/console/keys/end-sessions", "GET, HEAD, POST")
            .route(read().to(ask_everybody))
            .route(web::post().to(end_everybody)),
    );
}

/// What the page is about.
struct EndSessionsOf {
    reach: SignOutReach,
    section: ConsoleSection,
    name: String,
    here: String,
    heading: &'static str,
}

async fn user(console: &ConsoleSession) -> Result<EndSessionsOf, PageError> {
    console.require(USERS_WRITE)?;
    let user = users::seen(console).await?;
    Ok(EndSessionsOf {
        name: user.display_name().to_owned(),
        here: users::path(&user.id),
        reach: SignOutReach::User(user.id),
        section: ConsoleSection::Users,
        heading: "End all sessions and tokens of this user?",
    })
}

async fn organization(console: &ConsoleSession) -> Result<EndSessionsOf, PageError> {
    console.require(ORGANIZATIONS_WRITE)?;
    let id = organizations::named(console)?;
    let view = view(console.ctx(), console.user(), &id).await;
    let view = view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    Ok(EndSessionsOf {
        name: view.record.name,
        here: organizations::path(id.as_str()),
        reach: SignOutReach::Organization(id),
        section: ConsoleSection::Organizations,
        heading: "End all sessions and tokens of this organization?",
    })
}

fn everybody(console: &ConsoleSession) -> Result<EndSessionsOf, PageError> {
    console.require(KEYS_WRITE)?;
    match console.organization() {
        Some(_) => Err(console.missing()),
        None => Ok(EndSessionsOf {
            reach: SignOutReach::Everybody,
            section: ConsoleSection::Keys,
            name: "Everybody".to_owned(),
            here: "/console/keys".to_owned(),
            heading: "End all sessions and tokens of everybody?",
        }),
    }
}

async fn ask_user(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let subject = user(&console).await?;
    ask(&console, subject).await
}

async fn ask_organization(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let subject = organization(&console).await?;
    ask(&console, subject).await
}

async fn ask_everybody(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    let subject = everybody(&console)?;
    ask(&console, subject).await
}

async fn ask(console: &ConsoleSession, subject: EndSessionsOf) -> Result<HttpResponse, PageError> {
    let alive = preview(console.ctx(), SignOutBy::Person(console.user()), &subject.reach).await;
    let alive = alive.map_err(|failure| refused(console, failure))?;
    let (page, frame) = console.frame(subject.section, subject.heading, &[]);
    let page = SurePage {
        page,
        console: frame,
        action: format!("{}/end-sessions", subject.here),
        csrf: console.token(END, &[&subject.here]),
        here: subject.here,
        name: subject.name,
        heading: subject.heading,
        texts: texts(alive),
        status: None,
        typed: None,
        submit: "End all sessions",
        bad: true,
    };
    Ok(render(&page, StatusCode::OK))
}

fn texts(alive: Alive) -> Vec<String> {
    let counts = format!(
        "These end now: {} sessions, {} access tokens and {} impersonations.",
        in_words(alive.sessions),
        in_words(alive.tokens),
        in_words(alive.impersonations)
    );
    let rest = "Refresh tokens, codes and links that were not opened end with them. Nobody is switched off: people sign in \
                again with their password. Applications are told as far as they asked to be.";
    vec![counts, rest.to_owned()]
}

fn refused(console: &ConsoleSession, failure: Failure<SignOutAllRefusal>) -> PageError {
    PageError::failure(console.request(), failure, |refusal| match refusal {
        SignOutAllRefusal::Unknown => console.missing(),
        SignOutAllRefusal::NotPermitted => {
            let text = "They have permissions that you lack, or this is for the operator's staff.";
            let heading = "This is not for you to do";
            PageError::new(console.request(), StatusCode::FORBIDDEN, heading, text)
        }
    })
}

async fn end_user(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    let subject = user(&console).await?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, END, &[&subject.here])?;
    end(&console, &subject).await?;
    Ok(console.done(&subject.here, DONE.0))
}

async fn end_organization(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    let subject = organization(&console).await?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, END, &[&subject.here])?;
    end(&console, &subject).await?;
    Ok(console.done(&subject.here, DONE.0))
}

async fn end_everybody(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    let subject = everybody(&console)?;
    let form = posted.only(console.request(), &["csrf"])?;
    console.check(&form, END, &[&subject.here])?;
    let alive = end(&console, &subject).await?;
    Ok(with_cookies(everybody_ended(alive), [cookies::remove_session(console.request())]))
}

async fn end(console: &ConsoleSession, subject: &EndSessionsOf) -> Result<Alive, PageError> {
    let asking = SignOutBy::Person(console.user());
    let ended = sign_out_all(console.ctx(), asking, &subject.reach, &console.browser.caller).await;
    ended.map_err(|failure| refused(console, failure))
}

/// Not a redirect: whoever did it is signed out too.
fn everybody_ended(alive: Alive) -> HttpResponse {
    let heading = "All sessions and tokens have ended";
    Message {
        tone: Tone::Success,
        heading: heading.to_owned(),
        text: format!(
            "Ended: {} sessions, yours too, {} access tokens and {} impersonations.",
            in_words(alive.sessions),
            in_words(alive.tokens),
            in_words(alive.impersonations)
        ),
        request_id: None,
        actions: vec![Action::new("Sign in", "/login?return_to=%2Fconsole")],
    }
    .render(bare(heading), StatusCode::OK)
}
