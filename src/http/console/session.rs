//! The session of a person who may use the console.
use super::frame::{ConsoleFrame, ConsoleSection, menu, surroundings};
use crate::authentication::Session;
use crate::domain::OrganizationId;
use crate::domain::permission::{
    AUDIT_READ, AUDIT_READ_OWN, CLIENTS_READ, IMPERSONATIONS_READ, KEYS_WRITE, ORGANIZATIONS_READ,
    ROLES_WRITE, USERS_READ,
};
use crate::domain::user::User;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::{Accident, Context};
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Form};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::redirect;
use crate::http::ui::layout::Page;
use crate::http::{
    pages::sign_out,
    ui::{done_in, parameter},
};
use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;

/// Each of these permissions gives access to at least one page of the console.
const ANY_OF: &[&str] = &[
    USERS_READ,
    IMPERSONATIONS_READ,
    AUDIT_READ,
    AUDIT_READ_OWN,
    CLIENTS_READ,
    ORGANIZATIONS_READ,
    ROLES_WRITE,
    KEYS_WRITE,
];

/// Whether `user` may open any page of the console.
pub fn may_enter(user: &User) -> bool {
    ANY_OF.iter().any(|permission| user.permissions.holds(permission))
}

/// Proof of a person who may use the console, by their own session.
///
/// An impersonated session does not count here (DEC5), whatever permissions its subject has.
pub struct ConsoleSession {
    pub browser: BrowserSession,
    session: Session,
}

/// Why the console is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleRefusal {
    #[error("nobody is signed in")]
    SignIn { method: Method, to: String },
    #[error(transparent)]
    Page(#[from] PageError),
}

impl ResponseError for ConsoleRefusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn { .. } => StatusCode::SEE_OTHER,
            Self::Page(page) => page.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::SignIn { method, to } => redirect(method, to),
            Self::Page(page) => page.error_response(),
        }
    }
}

impl ConsoleRefusal {
    /// After signing in, a page is shown that was asked for; a form is not posted again.
    pub fn sign_in(request: &HttpRequest) -> Self {
        let wanted = match *request.method() {
            Method::GET | Method::HEAD => {
                request.uri().path_and_query().map_or("", |it| it.as_str())
            }
            _ => "/console",
        };
        let to = format!("/login?return_to={}", encode(wanted));
        Self::SignIn { method: request.method().clone(), to }
    }
}

impl FromRequest for ConsoleSession {
    type Error = ConsoleRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ConsoleRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

fn not_permitted(request: &HttpRequest) -> PageError {
    let text = "Your roles don't allow this. Ask an administrator if you need access.";
    PageError::new(request, StatusCode::FORBIDDEN, "You don't have access to this page", text)
        .leading_to("Your account", "/account")
}

impl ConsoleSession {
    pub async fn of(request: &HttpRequest) -> Result<Self, ConsoleRefusal> {
        let browser = BrowserSession::of(request).await;
        let browser = browser.map_err(|cause| PageError::accident(request, &cause))?;
        let Some(session) = browser.own().cloned() else {
            return Err(ConsoleRefusal::sign_in(request));
        };
        Self::enter(browser, session)
    }

    /// For a form that asks for the password, which is posted twice when its button is pressed twice: also by the cookie
    /// that the session had until a moment ago. True when it is that cookie, which counts only beside the password.
    pub async fn of_form(request: &HttpRequest) -> Result<(Self, bool), ConsoleRefusal> {
        let browser = BrowserSession::of(request).await;
        let browser = browser.map_err(|cause| PageError::accident(request, &cause))?;
        if let Some(session) = browser.own().cloned() {
            return Ok((Self::enter(browser, session)?, false));
        }
        match browser.superseded().await? {
            Some(session) => Ok((Self::enter(browser, session)?, true)),
            None => Err(ConsoleRefusal::sign_in(request)),
        }
    }

    fn enter(browser: BrowserSession, session: Session) -> Result<Self, ConsoleRefusal> {
        let request = &browser.request.clone();
        if !may_enter(&session.user) {
            return Err(not_permitted(request).into());
        }
        let console = Self { browser, session };
        let (page, frame) = console.frame(ConsoleSection::of_path(request.path()), "Console", &[]);
        request.extensions_mut().insert(surroundings(page, frame));
        Ok(console)
    }

    /// The person who is signed in.
    pub fn user(&self) -> &User {
        &self.session.user
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same person, who has confirmed their password.
    #[must_use]
    pub fn proven(self, session: Session) -> Self {
        Self { session, ..self }
    }

    pub fn ctx(&self) -> &Context {
        &self.browser.ctx
    }

    pub fn request(&self) -> &HttpRequest {
        &self.browser.request
    }

    pub fn may(&self, permission: &str) -> bool {
        self.session.user.permissions.holds(permission)
    }

    pub fn require(&self, permission: &str) -> Result<(), PageError> {
        if self.may(permission) {
            return Ok(());
        }
        Err(not_permitted(self.request()).leading_to("Back to the console", "/console"))
    }

    /// Only what is of this organization is seen; `None` for staff of the operator, who see all.
    pub fn organization(&self) -> Option<&OrganizationId> {
        self.session.user.organization_id()
    }

    /// Whether an object of `organization` is seen at all; what is not seen is [`Self::missing`].
    pub fn sees(&self, organization: Option<&OrganizationId>) -> bool {
        self.organization().is_none_or(|mine| organization == Some(mine))
    }

    /// One answer for objects that do not exist and those of other organizations, so that ids cannot be probed.
    pub fn missing(&self) -> PageError {
        let text = "It doesn't exist, or you don't have access.";
        PageError::new(self.request(), StatusCode::NOT_FOUND, "Page not found", text)
            .leading_to("Back to the console", "/console")
    }

    pub fn malformed(&self, text: &'static str) -> PageError {
        PageError::malformed(self.request(), text)
    }

    pub fn accident(&self, cause: &Accident) -> PageError {
        self.browser.accident(cause)
    }

    /// One value of the query; empty when it is not given or given twice.
    pub fn parameter(&self, name: &str) -> String {
        parameter(self.request(), name)
    }

    /// The `nth` part of the path, from 0, decoded once: an id may hold any character, a slash too.
    pub fn segment(&self, nth: usize) -> Option<String> {
        let raw = self.request().uri().path().split('/').skip(1).nth(nth)?;
        let text = percent_encoding::percent_decode_str(raw).decode_utf8().ok()?;
        Some(text.into_owned())
    }

    /// A token for a form of `purpose` about `parts`, for this session alone.
    pub fn token(&self, purpose: &str, parts: &[&str]) -> String {
        forms::token(self.ctx(), purpose, &self.bound(parts))
    }

    /// Refuses a form whose `csrf` was not made for this.
    pub fn check(&self, form: &Form, purpose: &str, parts: &[&str]) -> Result<(), PageError> {
        self.check_token(form.get("csrf"), purpose, parts)
    }

    /// The same for a form of another shape.
    pub fn check_token(&self, token: &str, purpose: &str, parts: &[&str]) -> Result<(), PageError> {
        self.browser.check_token(token, purpose, &self.bound(parts))
    }

    fn bound<'a>(&'a self, parts: &[&'a str]) -> Vec<&'a str> {
        std::iter::once(self.session.id.as_str()).chain(parts.iter().copied()).collect()
    }

    /// Back to a page after a form; `done` is a word that the page has a sentence for.
    pub fn done(&self, path: &str, done: &str) -> HttpResponse {
        let joint = if path.contains('?') { '&' } else { '?' };
        redirect(self.request().method(), &format!("{path}{joint}done={}", encode(done)))
    }

    /// What every page of the console is given. `title` is ours alone, see [`Page`].
    ///
    /// `sentences` are the words of [`Self::done`] that lead here, with what is said about them.
    pub fn frame(
        &self,
        section: ConsoleSection,
        title: &str,
        sentences: &[(&str, &'static str)],
    ) -> (Page, ConsoleFrame) {
        let flash = done_in(self.request(), sentences);
        let page = frame(&self.browser, title);
        let console = ConsoleFrame::new(menu(self.user(), section), self.user(), flash)
            .signing_out(sign_out::token(&self.browser));
        (page, console)
    }
}
