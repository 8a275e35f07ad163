//! Forms of the console that need a fresh proof of the person.
//!
//! A `POST` that gives power (a role, a secret, a key, an application, an organization) takes a
//! [`FreshConsoleSession`]. When the sign-in is older than the step-up window, the extractor answers with
//! "Confirm your password": that page carries the posted fields in hidden inputs and posts them, with the password, to
//! the address of the first form. So nothing that was filled in is lost, and the handler sees the form as it was.
//! A handler that can judge only later whether a proof is needed takes a [`ConfirmableForm`] and draws [`page`].
use super::frame::{ConsoleFrame, ConsoleSection};
use super::session::{ConsoleRefusal, ConsoleSession};
use crate::authentication::Session;
use crate::flows::Failure;
use crate::flows::login::next_cookie::PresentedCookie;
use crate::flows::login::step_up::{StepUpRefusal, is_recent, prove_again};
use crate::http::cookies;
use crate::http::pages::step_up::{PASSWORD, USERNAME, wait_of, words_of};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{Form, LARGEST, Posted};
use crate::http::ui::headers::{FormTargets, render_leading_to};
use crate::http::ui::layout::Page;
use crate::http::ui::throttled;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::future::LocalBoxFuture;

/// Beside the fields of every page that asks; the form that is carried has a token of its own.
const CSRF: &str = "step_up_csrf";
const PURPOSE: &str = "step-up";
/// For the fields that the page adds, percent-encoded.
const ROOM: usize = 16 * 1024;

/// Proof that the person at the console signed in, or confirmed their password, within the step-up window; with the
/// form that they posted.
pub struct FreshConsoleSession {
    console: ConsoleSession,
    posted: Posted,
}

impl FreshConsoleSession {
    pub fn into_parts(self) -> (ConsoleSession, Posted) {
        (self.console, self.posted)
    }
}

impl FromRequest for FreshConsoleSession {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let confirmable = ConfirmableForm::from_request(request, payload);
        Box::pin(async move {
            let ConfirmableForm { console, posted, not_proven } = confirmable.await?;
            let stale = match not_proven {
                Some(_) => true,
                None => !console.is_fresh().await?,
            };
            if !stale {
                return Ok(Self { console, posted });
            }
            let prompt =
                StepUpPrompt { back: up(console.request()), not_proven, ..StepUpPrompt::default() };
            let answer = page(&console, &posted.0, &prompt);
            Err(InternalError::from_response("the password is to be confirmed", answer).into())
        })
    }
}

/// A form of the console; when the password came with it, it has been checked.
pub struct ConfirmableForm {
    pub console: ConsoleSession,
    /// Without the fields of the page that asks for the password.
    pub posted: Posted,
    /// The password that came with it was not taken.
    pub not_proven: Option<StepUpRefusal>,
}

impl FromRequest for ConfirmableForm {
    type Error = ConsoleRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleRefusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload);
        Box::pin(async move {
            let (console, is_superseded) = ConsoleSession::of_form(&request).await?;
            let payload =
                payload.await.map_err(|_| console.malformed("The form cannot be read."))?;
            let mut posted = Posted::read(&request, payload, LARGEST + ROOM).await?;
            let csrf = posted.0.take(CSRF);
            posted.0.take(USERNAME);
            let Some(password) = posted.0.take_given(PASSWORD) else {
                if is_superseded {
                    return Err(ConsoleRefusal::sign_in(&request));
                }
                return Ok(Self { console, posted, not_proven: None });
            };
            console.check_token(&csrf, PURPOSE, &[request.path()])?;
            let caller = &console.browser.caller;
            let presented =
                PresentedCookie { session: console.session(), token: &console.browser.own_token() };
            match prove_again(console.ctx(), presented, password, caller).await {
                Ok(proven) => {
                    request.extensions_mut().insert(RenewedSession(proven.session_token));
                    let console = console.proven(proven.session);
                    Ok(Self { console, posted, not_proven: None })
                }
                Err(Failure::Refused(refusal)) => {
                    Ok(Self { console, posted, not_proven: Some(refusal) })
                }
                Err(Failure::Accident(cause)) => Err(console.accident(&cause).into()),
                Err(Failure::Busy) => Err(PageError::busy(&request).into()),
            }
        })
    }
}

impl ConsoleSession {
    async fn is_fresh(&self) -> Result<bool, PageError> {
        let session: &Session = self.session();
        is_recent(self.ctx(), session).await.map_err(|cause| self.accident(&cause))
    }
}

/// The secret of a session that was renewed while its request was answered.
struct RenewedSession(String);

/// Sets the cookie of a renewed session on whatever the handler answers, refusals too: the old cookie is dead.
pub async fn set_renewed_cookie(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    let renewed = answer.request().extensions_mut().remove::<RenewedSession>();
    if let Some(RenewedSession(secret)) = renewed {
        let cookie = cookies::set_own(answer.request(), &secret);
        if answer.response_mut().add_cookie(&cookie).is_err() {
            tracing::error!("a cookie cannot be written");
        }
    }
    Ok(answer)
}

/// What the page says beside the form that it carries.
#[derive(Default)]
pub struct StepUpPrompt {
    /// The page to go back to.
    pub back: String,
    /// Where the answer to the carried form may lead.
    pub targets: FormTargets,
    pub not_proven: Option<StepUpRefusal>,
}

#[derive(Template)]
#[template(path = "console/step_up.html")]
struct StepUpPage {
    page: Page,
    console: ConsoleFrame,
    back: String,
    /// What the password is asked for, as the beginning of a sentence.
    purpose: &'static str,
    here: String,
    /// For password managers; may be empty.
    email: String,
    carried: Vec<(String, String)>,
    csrf: String,
    error: Option<&'static str>,
}

/// Asks for the password; what was filled in stays with it.
pub fn page(console: &ConsoleSession, form: &Form, prompt: &StepUpPrompt) -> HttpResponse {
    let request = console.request();
    let (page, frame) =
        console.frame(ConsoleSection::of_path(request.path()), "Confirm your password", &[]);
    let refused = prompt.not_proven.map(words_of);
    let (status, error) =
        refused.map_or((StatusCode::FORBIDDEN, None), |(status, text)| (status, Some(text)));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let page = StepUpPage {
        page,
        console: frame,
        back: prompt.back.clone(),
        purpose: purpose_of(request.path()),
        here: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        email: console.user().profile.email.clone().unwrap_or_default(),
        carried: form.fields().map(owned).collect(),
        csrf: console.token(PURPOSE, &[request.path()]),
        error,
    };
    let answer = render_leading_to(&page, status, &prompt.targets);
    throttled::told(answer, prompt.not_proven.and_then(wait_of))
}

/// The page of the object that a form is about: `/console/roles/support` of `/console/roles/support/delete`.
fn up(request: &HttpRequest) -> String {
    let parts: Vec<&str> = request.path().split('/').take(4).collect();
    parts.join("/")
}

/// What the form at `path` does.
fn purpose_of(path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').skip(2).collect();
    match parts.as_slice() {
        ["users", _, "sign-in-as", ..] => "Signing in as another user",
        ["users", _, "roles", "give"] => "Giving a role",
        ["users", _, "roles", "take"] => "Taking a role away",
        ["users" | "organizations", _, "end-sessions"] | ["keys", "end-sessions"] => {
            "Ending sessions and tokens"
        }
        ["users", _, "status"] => "Switching a user on or off",
        ["new-application"] => "Creating an application",
        ["applications", _, "edit"] => "Changing an application",
        ["applications", _, "secret"] => "A new client secret",
        ["applications", _, "status"] => "Switching an application on or off",
        ["applications", _, "end-tokens"] => "Ending the tokens of an application",
        ["applications", _, "delete"] => "Deleting an application",
        ["new-organization"] => "Creating an organization",
        ["organizations", _, "status"] => "Switching an organization on or off",
        ["organizations", _, "delete"] => "Deleting an organization",
        ["organizations", _] => "Changing an organization",
        ["new-role"] => "Creating a role",
        ["roles", _, "delete"] => "Deleting a role",
        ["roles", _] => "Changing a role",
        ["keys", ..] => "Rotating the signing keys",
        _ => "This change",
    }
}
