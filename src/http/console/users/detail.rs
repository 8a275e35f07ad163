//! One user: profile, roles, sessions, recent events and impersonations.
use super::member::{self, Member, member};
use super::{HERE, kind, named, path};
use crate::domain::permission::{
    AUDIT_READ, AUDIT_READ_OWN, IMPERSONATE, IMPERSONATIONS_READ, RETIRED, USERS_READ, USERS_WRITE,
};
use crate::domain::user::User;
use crate::domain::{SessionId, UserId};
use crate::flows::directory::view_user::{
    Browser, EndSessionRefusal, UserView, end_session as end, impersonations, view_user,
};
use crate::flows::operations::see_audit::{self, EventSearch, visible_to};
use crate::http::console::audit::shown::{ShownEvent, event};
use crate::http::console::impersonations::shown::{self, ImpersonationRow};
use crate::http::console::kit::{ShownMoment, address};
use crate::http::console::sign_in_as::page::hindrance;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, end_sessions};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::headers::render;
use crate::http::ui::labels;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/user.html")]
struct UserPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    here: String,
    name: String,
    active: bool,
    kind: Option<&'static str>,
    /// The organization too, or `None`.
    organization_off: bool,
    facts: Vec<(&'static str, String)>,
    member: Member,
    permissions: Vec<String>,
    last_login: Option<ShownMoment>,
    act: Act,
    sessions: Vec<SignedInSession>,
    /// `None`: not for this person to see.
    access: Option<ImpersonationAccess>,
    events: Option<Vec<ShownEvent>>,
    all_events: String,
}

/// The button that leads to acting as them.
enum Act {
    /// It is not for this person, or this is them.
    No,
    Yes,
    /// No application and no field would change the answer.
    Never(&'static str),
}

/// A browser that they are signed in with.
struct SignedInSession {
    browser: String,
    ip: String,
    since: ShownMoment,
    seen: ShownMoment,
    end: Option<EndSessionForm>,
}

struct EndSessionForm {
    action: String,
    csrf: String,
}

struct ImpersonationAccess {
    of: Vec<ImpersonationRow>,
    by: Vec<ImpersonationRow>,
    all_of: String,
    all_by: String,
}

const FEW: i64 = 5;
const END: &str = "end-session";
const ENDED: (&str, &str) = ("ended", "The session has ended, and all that hung on it.");

pub async fn show(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    console.require(USERS_READ)?;
    let id = named(&console)?;
    page(&console, &id, None, StatusCode::OK).await
}

/// The page, also in answer to a form that was refused: `wrong` is said at the role to be given.
pub async fn page(
    console: &ConsoleSession,
    id: &UserId,
    wrong: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let view = view_user(console.ctx(), console.user(), id).await;
    let view = view.map_err(|e| console.accident(&e))?.ok_or_else(|| console.missing())?;
    let access = access(console, id).await?;
    let events = events(console, id).await?;
    let user = &view.user;
    let member = member(console, user, wrong).await?;
    let sentences: Vec<_> =
        member::SENTENCES.iter().copied().chain([ENDED, end_sessions::DONE]).collect();
    let (page, frame) = console.frame(ConsoleSection::Users, "User", &sentences);
    let page = UserPage {
        page,
        console: frame,
        up: HERE,
        here: path(id),
        name: user.display_name().to_owned(),
        active: user.status.is_active(),
        kind: kind(user.kind),
        organization_off: user.organization.as_ref().is_some_and(|it| !it.status.is_active()),
        facts: facts(&view),
        member,
        permissions: user
            .permissions
            .iter()
            .filter(|it| !RETIRED.contains(it))
            .map(str::to_owned)
            .collect(),
        last_login: view.card.last_login_at.map(ShownMoment::from),
        act: act(console, user).await?,
        sessions: view.sessions.iter().map(|it| signed(console, user, it)).collect(),
        access,
        events,
        all_events: address("/console/audit", &[("subject", id.as_str())]),
    };
    Ok(render(&page, status))
}

async fn act(console: &ConsoleSession, user: &User) -> Result<Act, PageError> {
    if !console.may(IMPERSONATE) || console.user().id == user.id {
        return Ok(Act::No);
    }
    Ok(hindrance(console, user).await?.map_or(Act::Yes, Act::Never))
}

fn facts(view: &UserView) -> Vec<(&'static str, String)> {
    let (user, profile) = (&view.user, &view.user.profile);
    let organization = view.card.organization.clone();
    let verified = if profile.email_verified { " (verified)" } else { "" };
    let email = profile.email.as_ref().map(|email| format!("{email}{verified}"));
    let rows = [
        ("Email", email),
        ("Id", Some(user.id.to_string())),
        ("Organization", organization.or_else(|| Some("Operator".to_owned()))),
        ("Given name", profile.given_name.clone()),
        ("Family name", profile.family_name.clone()),
        ("Nickname", profile.nickname.clone()),
        ("Phone", profile.phone_number.clone()),
        ("Created", Some(ShownMoment::from(view.card.created_at).text)),
        ("Sign-ins", Some(view.card.login_count.to_string())),
    ];
    let given = rows.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.filter(|(_, value)| !value.is_empty()).collect()
}

fn signed(console: &ConsoleSession, user: &User, session: &Browser) -> SignedInSession {
    let may =
        console.may(USERS_WRITE) && user.permissions.is_subset_of(&console.user().permissions);
    let id = session.id.as_str();
    SignedInSession {
        browser: labels::browser(session.user_agent.as_deref()),
        ip: session.ip.clone().unwrap_or_default(),
        since: session.authenticated_at.into(),
        seen: session.last_seen_at.into(),
        end: may.then(|| EndSessionForm {
            action: format!("{}/sessions/{id}/end", path(&user.id)),
            csrf: console.token(END, &[user.id.as_str(), id]),
        }),
    }
}

async fn access(
    console: &ConsoleSession,
    id: &UserId,
) -> Result<Option<ImpersonationAccess>, PageError> {
    if !console.may(IMPERSONATIONS_READ) {
        return Ok(None);
    }
    let found = impersonations(console.ctx(), console.user(), id, FEW).await;
    let (of, by, now) = found.map_err(|e| console.accident(&e))?;
    let rows = |list: Vec<_>| list.iter().map(|it| shown::row(console, it, now)).collect();
    let all = |name| address("/console/impersonations/history", &[(name, id.as_str())]);
    Ok(Some(ImpersonationAccess {
        of: rows(of),
        by: rows(by),
        all_of: all("subject"),
        all_by: all("actor"),
    }))
}

async fn events(
    console: &ConsoleSession,
    id: &UserId,
) -> Result<Option<Vec<ShownEvent>>, PageError> {
    let about = if console.may(AUDIT_READ) {
        EventSearch {
            own: Some(id.to_string()),
            ..visible_to(console.user(), EventSearch::default())
        }
    } else if console.may(AUDIT_READ_OWN) {
        let subject = Some(vec![id.to_string()]);
        visible_to(console.user(), EventSearch { subject, ..EventSearch::default() })
    } else {
        return Ok(None);
    };
    let found = see_audit::newest(console.ctx(), &about, None, 2 * FEW).await;
    let found = found.map_err(|e| console.accident(&e))?;
    Ok(Some(found.rows.iter().map(|it| event(console, it, &found)).collect()))
}

pub async fn end_session(
    console: ConsoleSession,
    posted: Posted,
) -> Result<HttpResponse, PageError> {
    console.require(USERS_WRITE)?;
    let form = posted.only(console.request(), &["csrf"])?;
    let user = named(&console)?;
    let session = console.segment(4).and_then(|id| SessionId::parse(id).ok());
    let session = session.ok_or_else(|| console.missing())?;
    console.check(&form, END, &[user.as_str(), session.as_str()])?;
    let who = (console.user(), &user);
    let ended = end(console.ctx(), who, &session, &console.browser.caller).await;
    ended.map_err(|failure| {
        PageError::failure(console.request(), failure, |reason| match reason {
            EndSessionRefusal::NoSuchSession => console.missing(),
            EndSessionRefusal::HigherPrivileges => superior(&console),
        })
    })?;
    Ok(console.done(&path(&user), "ended"))
}

fn superior(console: &ConsoleSession) -> PageError {
    let text = "They hold permissions that you do not have. Nothing was done.";
    PageError::new(console.request(), StatusCode::FORBIDDEN, "You can't do this", text)
}
