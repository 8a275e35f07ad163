//! The three ways on: at once in this window, by a link, by a code for another window.
use super::check::{Verdict, refused, start};
use super::page::{Scene, draw};
use super::wanted::{NAMES, Wanted};
use super::{PURPOSE, prove};
use crate::domain::protocol::Redeem;
use crate::flows::Failure;
use crate::flows::hand_over::make_code;
use crate::flows::redeem_impersonation::own::{OpenRefusal, open_now};
use crate::flows::redeem_impersonation::{RedeemRefusal, Redeemed};
use crate::flows::start_impersonation::{Start, StartRefusal, start_impersonation};
use crate::flows::step_up;
use crate::http::cookies;
use crate::http::pages::answer;
use crate::http::pages::browser::with_cookies;
use crate::http::pages::console::users::path;
use crate::http::pages::console::{ConsoleSession, Frame, Section};
use crate::http::pages::error::PageError;
use crate::http::pages::forms::{Form, Posted};
use crate::http::pages::frame::Page;
use crate::http::pages::headers::render;
use crate::http::pages::times;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// What is shown once: nothing redirects here, because neither may stand in an address.
#[derive(Template)]
#[template(path = "console/handed_over.html")]
struct HandedOverPage {
    page: Page,
    console: Frame,
    up: String,
    again: String,
    subject: String,
    application: String,
    until: String,
    way: Way,
}

enum Way {
    Link { url: String, direct: bool },
    Code { code: String, place: String },
}

/// Which button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Open,
    Link,
    Code,
}

impl Pressed {
    pub const ALL: [Self; 3] = [Self::Open, Self::Link, Self::Code];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Link => "link",
            Self::Code => "code",
        }
    }
}

pub async fn open(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    press(&console, posted, Pressed::Open).await
}

pub async fn link(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    press(&console, posted, Pressed::Link).await
}

pub async fn code(console: ConsoleSession, posted: Posted) -> Result<HttpResponse, PageError> {
    press(&console, posted, Pressed::Code).await
}

/// Whoever signed in long ago shows first that it is still them.
async fn press(
    console: &ConsoleSession,
    posted: Posted,
    pressed: Pressed,
) -> Result<HttpResponse, PageError> {
    let names: Vec<&str> = NAMES.iter().copied().chain(["csrf"]).collect();
    let form = posted.only(console.request(), &names)?;
    let scene = asked(console, &form).await?;
    let stale = step_up::is_needed(console.ctx(), console.session()).await;
    if stale.map_err(|cause| console.accident(&cause))? {
        return Ok(prove::page(console, &scene, (pressed, None), StatusCode::FORBIDDEN));
    }
    go_on(console, &scene, pressed).await
}

/// A form that was ours, and what it is about.
pub async fn asked(console: &ConsoleSession, form: &Form) -> Result<Scene, PageError> {
    let scene = Scene::set(console, Wanted::posted(form)).await?;
    console.check(form, PURPOSE, &[scene.subject.id.as_str()])?;
    Ok(scene)
}

/// What the button says.
pub async fn go_on(
    console: &ConsoleSession,
    scene: &Scene,
    pressed: Pressed,
) -> Result<HttpResponse, PageError> {
    let asked = match scene.application(console) {
        Some(application) => start(console, &scene.wanted, &scene.subject, application)
            .map_err(|refusal| refused(&refusal)),
        None => Err(scene.nothing()),
    };
    let start = match asked {
        Ok(start) => start,
        Err(verdict) => return Ok(not_so(console, scene, verdict)),
    };
    match pressed {
        Pressed::Open => open_at_once(console, scene, &start).await,
        Pressed::Link => make_link(console, scene, &start).await,
        Pressed::Code => make_code_for(console, scene, &start).await,
    }
}

/// The form again, with what stands in the way.
fn not_so(console: &ConsoleSession, scene: &Scene, verdict: Verdict) -> HttpResponse {
    let status = match verdict {
        Verdict::Refused { .. } => StatusCode::FORBIDDEN,
        Verdict::Nothing(_) | Verdict::Mend { .. } | Verdict::Allowed { .. } => {
            StatusCode::BAD_REQUEST
        }
    };
    draw(console, scene, verdict, status)
}

/// At once: the link is made and used up in one act.
async fn open_at_once(
    console: &ConsoleSession,
    scene: &Scene,
    start: &Start,
) -> Result<HttpResponse, PageError> {
    let opened = open_now(console.ctx(), start, console.session(), &console.browser.caller).await;
    match opened {
        Ok(redeemed) => Ok(enter(console, redeemed)),
        Err(failure) => {
            let verdict = verdict_of(console, failure.map(|it| in_words(&it)))?;
            Ok(not_so(console, scene, verdict))
        }
    }
}

fn enter(console: &ConsoleSession, redeemed: Redeemed) -> HttpResponse {
    let request = console.request();
    let cookie = cookies::set_impersonated(request, &redeemed.client, &redeemed.session_token);
    with_cookies(answer(request, redeemed.answer), [cookie])
}

fn in_words(refusal: &OpenRefusal) -> Verdict {
    match refusal {
        OpenRefusal::Start(refusal) => refused(refusal),
        OpenRefusal::Redeem(RedeemRefusal::Denied(denial)) => {
            refused(&StartRefusal::Denied(*denial))
        }
        // Our own link, made a moment ago: revoked by somebody, or outrun by a clock.
        OpenRefusal::Redeem(
            RedeemRefusal::Duplicate
            | RedeemRefusal::BadMac
            | RedeemRefusal::OtherPath
            | RedeemRefusal::Expired
            | RedeemRefusal::Used
            | RedeemRefusal::Revoked
            | RedeemRefusal::WrongPerson
            | RedeemRefusal::Forged
            | RedeemRefusal::NotToBeConfirmed,
        ) => Verdict::Nothing("It was ended before it began. Try again."),
    }
}

fn verdict_of(console: &ConsoleSession, failure: Failure<Verdict>) -> Result<Verdict, PageError> {
    match failure {
        Failure::Refused(verdict) => Ok(verdict),
        Failure::Accident(cause) => Err(console.accident(&cause)),
        Failure::Busy => Err(PageError::busy(console.request())),
    }
}

/// A link to be opened by the actor, wherever they are signed in.
async fn make_link(
    console: &ConsoleSession,
    scene: &Scene,
    start: &Start,
) -> Result<HttpResponse, PageError> {
    match start_impersonation(console.ctx(), start, &console.browser.caller).await {
        Ok(issued) => {
            let direct = issued.redeem == Redeem::Direct;
            let way = Way::Link { url: issued.url, direct };
            Ok(hand_over(console, scene, way, times::clock(issued.link_expires_at)))
        }
        Err(failure) => {
            let verdict = verdict_of(console, failure.map(|it| refused(&it)))?;
            Ok(not_so(console, scene, verdict))
        }
    }
}

/// A code to be typed at `/go`.
async fn make_code_for(
    console: &ConsoleSession,
    scene: &Scene,
    start: &Start,
) -> Result<HttpResponse, PageError> {
    match make_code(console.ctx(), start, &console.browser.caller).await {
        Ok(code) => {
            let place = format!("{}/go", console.ctx().issuer());
            let way = Way::Code { code: code.text, place };
            Ok(hand_over(console, scene, way, times::clock(code.expires_at)))
        }
        Err(failure) => {
            let verdict = verdict_of(console, failure.map(|it| refused(&it)))?;
            Ok(not_so(console, scene, verdict))
        }
    }
}

fn hand_over(console: &ConsoleSession, scene: &Scene, way: Way, until: String) -> HttpResponse {
    let (page, frame) = console.frame(Section::Users, "Sign in as user", &[]);
    let application = scene.wanted.client(&scene.clients);
    let page = HandedOverPage {
        page,
        console: frame,
        up: path(&scene.subject.id),
        again: format!("{}/sign-in-as", path(&scene.subject.id)),
        subject: scene.subject.display_name().to_owned(),
        application: application.map(|it| it.name.clone()).unwrap_or_default(),
        until,
        way,
    };
    render(&page, StatusCode::OK)
}
