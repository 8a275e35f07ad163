//! The three buttons of "Sign in as user": open now, copy a link, or get a code for another browser.
use super::PURPOSE;
use super::check::{CheckVerdict, refused, start};
use super::page::{SignInAsData, draw, targets};
use super::wanted::{NAMES, SignInAsRequest};
use crate::domain::protocol::Redeem;
use crate::flows::Failure;
use crate::flows::impersonation::handover_code::make_code;
use crate::flows::impersonation::redeem_impersonation::own::{OpenRefusal, open_now};
use crate::flows::impersonation::redeem_impersonation::{RedeemRefusal, Redeemed};
use crate::flows::impersonation::start_impersonation::{Start, StartRefusal, start_impersonation};
use crate::flows::login::step_up::StepUpRefusal;
use crate::http::console::kit::address;
use crate::http::console::step_up::{self, ConfirmableForm, StepUpPrompt};
use crate::http::console::users::path;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession};
use crate::http::cookies;
use crate::http::pages::answer;
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Form;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::times::{self, ShownMoment};
use crate::impersonation::Denial;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// What is shown once: nothing redirects here, because neither may stand in an address.
#[derive(Template)]
#[template(path = "console/handed_over.html")]
struct HandedOverPage {
    page: Page,
    console: ConsoleFrame,
    up: String,
    again: String,
    subject: String,
    application: String,
    until: ShownMoment,
    way: HandedOver,
}

enum HandedOver {
    Link { url: String, direct: bool },
    Code { code: String, place: String },
}

/// Which button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressed {
    Open,
    Link,
    Code,
}

pub async fn open(form: ConfirmableForm) -> Result<HttpResponse, PageError> {
    press(form, Pressed::Open).await
}

pub async fn link(form: ConfirmableForm) -> Result<HttpResponse, PageError> {
    press(form, Pressed::Link).await
}

pub async fn code(form: ConfirmableForm) -> Result<HttpResponse, PageError> {
    press(form, Pressed::Code).await
}

async fn press(form: ConfirmableForm, pressed: Pressed) -> Result<HttpResponse, PageError> {
    let ConfirmableForm { console, posted, not_proven } = form;
    let names: Vec<&str> = NAMES.iter().copied().chain(["csrf"]).collect();
    let form = posted.only(console.request(), &names)?;
    let scene = SignInAsData::set(&console, SignInAsRequest::posted(&form)).await?;
    console.check(&form, PURPOSE, &[scene.subject.id.as_str()])?;
    if not_proven.is_some() {
        return Ok(confirm(&console, &scene, &form, not_proven));
    }
    match go_on(&console, &scene, pressed).await? {
        Ok(answer) => Ok(answer),
        Err(Obstacle::StepUp) => Ok(confirm(&console, &scene, &form, None)),
        Err(Obstacle::Verdict(verdict)) => Ok(not_so(&console, &scene, verdict)),
    }
}

/// Asks for the password, and leads back to the form as it was filled in.
fn confirm(
    console: &ConsoleSession,
    scene: &SignInAsData,
    form: &Form,
    not_proven: Option<StepUpRefusal>,
) -> HttpResponse {
    let pairs = scene.wanted.pairs();
    let query: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let back = address(&format!("{}/sign-in-as", path(&scene.subject.id)), &query);
    let targets = targets(&scene.clients);
    step_up::page(console, form, &StepUpPrompt { back, targets, not_proven })
}

/// Why a button did not lead on.
enum Obstacle {
    /// The decision needs a fresh proof, and nothing else.
    StepUp,
    Verdict(CheckVerdict),
}

impl From<&StartRefusal> for Obstacle {
    fn from(refusal: &StartRefusal) -> Self {
        if *refusal == StartRefusal::Denied(Denial::StepUpRequired) {
            Self::StepUp
        } else {
            Self::Verdict(refused(refusal))
        }
    }
}

type SignInAsOutcome = Result<Result<HttpResponse, Obstacle>, PageError>;

/// What the button says.
async fn go_on(
    console: &ConsoleSession,
    scene: &SignInAsData,
    pressed: Pressed,
) -> SignInAsOutcome {
    let Some(application) = scene.application(console) else {
        return Ok(Err(Obstacle::Verdict(scene.nothing())));
    };
    let start = match start(console, &scene.wanted, &scene.subject, application) {
        Ok(start) => start,
        Err(refusal) => return Ok(Err(Obstacle::from(&refusal))),
    };
    match pressed {
        Pressed::Open => open_at_once(console, &start).await,
        Pressed::Link => make_link(console, scene, &start).await,
        Pressed::Code => make_code_for(console, scene, &start).await,
    }
}

/// Shows the form again with the verdict.
fn not_so(console: &ConsoleSession, scene: &SignInAsData, verdict: CheckVerdict) -> HttpResponse {
    let status = match verdict {
        CheckVerdict::Refused { .. } => StatusCode::FORBIDDEN,
        CheckVerdict::Nothing(_) | CheckVerdict::Mend { .. } | CheckVerdict::Allowed { .. } => {
            StatusCode::BAD_REQUEST
        }
    };
    draw(console, scene, verdict, status)
}

/// At once: the link is made and used up in one act.
async fn open_at_once(console: &ConsoleSession, start: &Start) -> SignInAsOutcome {
    let opened = open_now(console.ctx(), start, console.session(), &console.browser.caller).await;
    match opened {
        Ok(redeemed) => Ok(Ok(enter(console, redeemed))),
        Err(failure) => obstacle_of(console, failure.map(|it| in_words(&it))),
    }
}

fn enter(console: &ConsoleSession, redeemed: Redeemed) -> HttpResponse {
    let request = console.request();
    let cookie = cookies::set_impersonated(request, &redeemed.client, &redeemed.session_token);
    with_cookies(answer(request, redeemed.answer), [cookie])
}

fn in_words(refusal: &OpenRefusal) -> Obstacle {
    match refusal {
        OpenRefusal::Start(refusal) => Obstacle::from(refusal),
        OpenRefusal::Redeem(RedeemRefusal::Denied(denial)) => {
            Obstacle::from(&StartRefusal::Denied(*denial))
        }
        // Our own link, made a moment ago: revoked by somebody, or outrun by a clock.
        OpenRefusal::Redeem(
            RedeemRefusal::Duplicate
            | RedeemRefusal::CredentialBeside
            | RedeemRefusal::BadMac
            | RedeemRefusal::OtherPath
            | RedeemRefusal::Expired
            | RedeemRefusal::Used
            | RedeemRefusal::Revoked
            | RedeemRefusal::WrongPerson
            | RedeemRefusal::Forged
            | RedeemRefusal::NotToBeConfirmed,
        ) => Obstacle::Verdict(CheckVerdict::Nothing("It was ended before it began. Try again.")),
    }
}

fn obstacle_of(console: &ConsoleSession, failure: Failure<Obstacle>) -> SignInAsOutcome {
    match failure {
        Failure::Refused(obstacle) => Ok(Err(obstacle)),
        Failure::Accident(cause) => Err(console.accident(&cause)),
        Failure::Busy => Err(PageError::busy(console.request())),
    }
}

/// A link to be opened by the actor, wherever they are signed in.
async fn make_link(
    console: &ConsoleSession,
    scene: &SignInAsData,
    start: &Start,
) -> SignInAsOutcome {
    match start_impersonation(console.ctx(), start, &console.browser.caller).await {
        Ok(issued) => {
            let direct = issued.redeem == Redeem::Direct;
            let way = HandedOver::Link { url: issued.url, direct };
            Ok(Ok(hand_over(console, scene, way, times::clock(issued.link_expires_at))))
        }
        Err(failure) => obstacle_of(console, failure.map(|it| Obstacle::from(&it))),
    }
}

/// A code to be typed at `/go`.
async fn make_code_for(
    console: &ConsoleSession,
    scene: &SignInAsData,
    start: &Start,
) -> SignInAsOutcome {
    match make_code(console.ctx(), start, &console.browser.caller).await {
        Ok(code) => {
            let place = format!("{}/go", console.ctx().issuer());
            let way = HandedOver::Code { code: code.text, place };
            Ok(Ok(hand_over(console, scene, way, times::clock(code.expires_at))))
        }
        Err(failure) => obstacle_of(console, failure.map(|it| Obstacle::from(&it))),
    }
}

fn hand_over(
    console: &ConsoleSession,
    scene: &SignInAsData,
    way: HandedOver,
    until: ShownMoment,
) -> HttpResponse {
    let (page, frame) = console.frame(ConsoleSection::Users, "Sign in as user", &[]);
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
