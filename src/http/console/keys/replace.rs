//! Emergency: somebody may have a key. All of them go at once, and everything that they may have opened.
use super::list::purpose;
use super::{HERE, require};
use crate::flows::Failure;
use crate::flows::logout::sign_out_all::{Alive, in_words};
use crate::flows::operations::replace_keys::{ReplaceKeysRefusal, Replaced, replace_seen};
use crate::flows::operations::see_keys::{KeyState, list_keys};
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::cookies;
use crate::http::pages::step_up::{wait_of, words_of};
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::headers::render;
use crate::http::ui::layout::{Action, Page, bare};
use crate::http::ui::message::{Message, Tone};
use crate::http::ui::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

const REPLACE: &str = "replace-keys";

#[derive(Template)]
#[template(path = "console/keys_replace.html")]
struct ReplaceKeysPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    rows: Vec<ReplacedSigning>,
    /// For password managers; may be empty.
    email: String,
    csrf: String,
    error: Option<&'static str>,
}

struct ReplacedSigning {
    id: String,
    purpose: &'static str,
    algorithm: String,
}

/// The keys that sign now: a form is good for these.
async fn signing(console: &ConsoleSession) -> Result<Vec<ReplacedSigning>, PageError> {
    let (keys, _) = list_keys(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let current = keys.into_iter().filter(|key| key.state == KeyState::Current);
    let row = |key: crate::flows::operations::see_keys::ShownKey| ReplacedSigning {
        purpose: purpose(&key.purpose),
        algorithm: key.algorithm,
        id: key.id,
    };
    Ok(current.map(row).collect())
}

fn names(rows: &[ReplacedSigning]) -> Vec<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

pub async fn ask(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let rows = signing(&console).await?;
    Ok(page(&console, rows, None, StatusCode::OK))
}

fn page(
    console: &ConsoleSession,
    rows: Vec<ReplacedSigning>,
    error: Option<&'static str>,
    status: StatusCode,
) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Keys, "Replace every key?", &[]);
    let page = ReplaceKeysPage {
        page,
        console: frame,
        up: HERE,
        csrf: console.token(REPLACE, &[&names(&rows).join(" ")]),
        rows,
        email: console.user().profile.email.clone().unwrap_or_default(),
        error,
    };
    render(&page, status)
}

pub async fn replace(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let mut form = posted.only(console.request(), &["csrf", "username", "password"])?;
    let rows = signing(&console).await?;
    let seen = names(&rows);
    console.check(&form, REPLACE, &[&seen.join(" ")])?;
    let typed = form.take("password");
    let caller = &console.browser.caller;
    match replace_seen(console.ctx(), console.session(), (typed, &seen), caller).await {
        Ok(done) => Ok(with_cookies(told(&done), [cookies::remove_session(console.request())])),
        Err(Failure::Refused(ReplaceKeysRefusal::NotProven(refusal))) => {
            let (status, text) = words_of(refusal);
            Ok(throttled::told(page(&console, rows, Some(text), status), wait_of(refusal)))
        }
        Err(Failure::Refused(ReplaceKeysRefusal::OthersSign)) => {
            Err(PageError::forged(console.request()))
        }
        Err(Failure::Accident(cause)) => Err(console.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(console.request())),
    }
}

/// Not a redirect: whoever did it is signed out too.
fn told(done: &Replaced) -> HttpResponse {
    let Alive { sessions, tokens, impersonations } = done.ended;
    let (sessions, tokens) = (in_words(sessions), in_words(tokens));
    let impersonations = in_words(impersonations);
    let heading = "Every key has been replaced";
    Message {
        tone: Tone::Success,
        heading: heading.to_owned(),
        text: format!(
            "Ended: {sessions} sessions, yours too, {tokens} tokens and {impersonations} impersonations. Now have each \
             SAML and WS-Federation application read our metadata again: until then it accepts what the old keys \
             signed, and nothing of ours."
        ),
        request_id: None,
        actions: vec![Action::new("Sign in", "/login?return_to=%2Fconsole%2Fkeys")],
    }
    .render(bare(heading), StatusCode::OK)
}
