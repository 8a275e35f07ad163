//! The password once more, before somebody who signed in long ago acts as anybody; then on with the form.
use super::PURPOSE;
use super::page::{Scene, targets};
use super::wanted::NAMES;
use super::ways::{Pressed, asked, go_on};
use crate::authentication::throttle::RetryAfter;
use crate::flows::Failure;
use crate::flows::step_up::{Refusal, prove_again};
use crate::http::cookies;
use crate::http::pages::browser::with_cookies;
use crate::http::pages::console::kit::address;
use crate::http::pages::console::users::path;
use crate::http::pages::console::{ConsoleSession, Frame, Section};
use crate::http::pages::error::PageError;
use crate::http::pages::forms::Posted;
use crate::http::pages::frame::Page;
use crate::http::pages::headers::render_leading_to;
use crate::http::pages::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "console/prove.html")]
struct ProvePage {
    page: Page,
    console: Frame,
    /// The form as it was filled in.
    back: String,
    here: String,
    subject: String,
    /// For password managers; may be empty.
    email: String,
    carried: Vec<(&'static str, String)>,
    pressed: &'static str,
    csrf: String,
    error: Option<&'static str>,
}

/// Asks for the password; what was filled in stays with it.
pub fn page(
    console: &ConsoleSession,
    scene: &Scene,
    (pressed, error): (Pressed, Option<&'static str>),
    status: StatusCode,
) -> HttpResponse {
    let (page, frame) = console.frame(Section::Users, "Is it still you?", &[]);
    let form = format!("{}/sign-in-as", path(&scene.subject.id));
    let carried = scene.wanted.pairs();
    let query: Vec<(&str, &str)> =
        carried.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = ProvePage {
        page,
        console: frame,
        back: address(&form, &query),
        here: format!("{form}/prove"),
        subject: scene.subject.display_name().to_owned(),
        email: console.user().profile.email.clone().unwrap_or_default(),
        pressed: pressed.as_str(),
        csrf: console.token(PURPOSE, &[scene.subject.id.as_str()]),
        error,
        carried,
    };
    render_leading_to(&page, status, &targets(&scene.clients))
}

/// How long to wait, where [`proof_refused`] says to wait.
pub fn wait_of(refusal: Refusal) -> Option<RetryAfter> {
    match refusal {
        Refusal::Throttled(wait) => Some(wait),
        Refusal::WrongPassword | Refusal::TooLong => None,
    }
}

pub async fn post(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let own = ["csrf", "pressed", "username", "password"];
    let names: Vec<&str> = NAMES.iter().copied().chain(own).collect();
    let mut form = posted.only(console.request(), &names)?;
    let scene = asked(&console, &form).await?;
    let pressed = Pressed::ALL.into_iter().find(|it| it.as_str() == form.get("pressed"));
    let pressed = pressed.ok_or_else(|| console.malformed("A button of the form is not ours."))?;
    let typed = form.take("password");
    let caller = &console.browser.caller;
    let proven = match prove_again(console.ctx(), console.session(), typed, caller).await {
        Ok(proven) => proven,
        Err(Failure::Refused(refusal)) => {
            let (status, text) = proof_refused(refusal);
            let answer = page(&console, &scene, (pressed, Some(text)), status);
            return Ok(throttled::told(answer, wait_of(refusal)));
        }
        Err(Failure::Accident(cause)) => return Err(console.accident(&cause)),
        Err(Failure::Busy) => return Err(PageError::busy(console.request())),
    };
    let cookie = cookies::set_own(console.request(), &proven.session_token);
    let console = console.proven(proven.session);
    // Whatever becomes of it, the old cookie is dead.
    let answer = match go_on(&console, &scene, pressed).await {
        Ok(answer) => answer,
        Err(error) => actix_web::ResponseError::error_response(&error),
    };
    Ok(with_cookies(answer, [cookie]))
}

/// Why the password was not taken, for people.
pub fn proof_refused(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::WrongPassword => (StatusCode::FORBIDDEN, "The password is wrong."),
        Refusal::TooLong => (StatusCode::BAD_REQUEST, "A password has at most 4096 bytes."),
        Refusal::Throttled(wait) => (StatusCode::TOO_MANY_REQUESTS, throttled::words(wait)),
    }
}
