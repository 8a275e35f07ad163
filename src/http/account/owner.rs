//! Whose account it is.
use crate::authentication::Session;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::{Context, InternalError};
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::done_in;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Form};
use crate::http::ui::headers::redirect;
use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;

/// Proof of a person, by the session that they signed in to for themselves. Never by an impersonated one:
/// an actor neither reads nor changes the account of the subject (A28 to A33).
pub struct AccountOwner {
    pub browser: BrowserSession,
    session: Session,
}

/// Why a page of the account is not shown.
#[derive(Debug, thiserror::Error)]
pub enum OwnerRefusal {
    #[error("it is elsewhere")]
    Elsewhere { method: Method, to: String },
    #[error(transparent)]
    Page(#[from] PageError),
}

impl ResponseError for OwnerRefusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Elsewhere { .. } => StatusCode::SEE_OTHER,
            Self::Page(page) => page.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Elsewhere { method, to } => redirect(method, to),
            Self::Page(page) => page.error_response(),
        }
    }
}

impl OwnerRefusal {
    fn of(browser: &BrowserSession) -> Self {
        let request = &browser.request;
        let method = request.method().clone();
        let reads = matches!(method, Method::GET | Method::HEAD);
        let acting = browser.running().next().is_some();
        match (acting, reads) {
            (true, true) => Self::Elsewhere { method, to: "/me/impersonation".to_owned() },
            (true, false) => {
                let text = "An account is changed by its owner only. Nothing was done.";
                let heading = "Not while you act as somebody";
                PageError::new(request, StatusCode::FORBIDDEN, heading, text).into()
            }
            (false, true) => {
                let wanted = request.uri().path_and_query().map_or("/account", |it| it.as_str());
                Self::Elsewhere { method, to: format!("/login?return_to={}", encode(wanted)) }
            }
            (false, false) => {
                Self::Elsewhere { method, to: "/login?return_to=%2Faccount".to_owned() }
            }
        }
    }
}

impl FromRequest for AccountOwner {
    type Error = OwnerRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, OwnerRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let browser = BrowserSession::of(&request).await;
            let browser = browser.map_err(|cause| PageError::accident(&request, &cause))?;
            match browser.own().cloned() {
                Some(session) => Ok(Self { browser, session }),
                None => Err(OwnerRefusal::of(&browser)),
            }
        })
    }
}

/// The owner, also by the cookie that their session had until a moment ago: for a form that asks for the password,
/// which is posted twice when its button is pressed twice.
pub struct RepeatableOwner(pub AccountOwner);

impl FromRequest for RepeatableOwner {
    type Error = OwnerRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, OwnerRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let browser = BrowserSession::of(&request).await;
            let browser = browser.map_err(|cause| PageError::accident(&request, &cause))?;
            let session = match browser.own().cloned() {
                Some(session) => Some(session),
                None => browser.superseded().await?,
            };
            match session {
                Some(session) => Ok(Self(AccountOwner { browser, session })),
                None => Err(OwnerRefusal::of(&browser)),
            }
        })
    }
}

impl AccountOwner {
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn ctx(&self) -> &Context {
        &self.browser.ctx
    }

    pub fn request(&self) -> &HttpRequest {
        &self.browser.request
    }

    pub fn accident(&self, cause: &InternalError) -> PageError {
        self.browser.accident(cause)
    }

    /// One answer for objects that do not exist and those of other accounts, so that ids cannot be probed.
    pub fn missing(&self) -> PageError {
        let text = "It doesn't exist in your account.";
        PageError::new(self.request(), StatusCode::NOT_FOUND, "Page not found", text)
            .leading_to("Your account", "/account")
    }

    /// A token for a form of `purpose` about `about`, for this session alone.
    pub fn token(&self, purpose: &str, about: &str) -> String {
        forms::token(self.ctx(), purpose, &[self.session.id.as_str(), about])
    }

    /// Refuses a form whose `csrf` was not made for this: also one that is left over from another session.
    pub fn check(&self, form: &Form, purpose: &str, about: &str) -> Result<(), PageError> {
        let parts = [self.session.id.as_str(), about];
        self.browser.check_token(form.get("csrf"), purpose, &parts)
    }

    /// Back to a page after a form; `done` is a word that the page has a sentence for.
    pub fn done(&self, path: &str, done: &str) -> HttpResponse {
        redirect(self.request().method(), &format!("{path}?done={done}"))
    }

    /// The sentence for what was just done.
    pub fn flash(&self, sentences: &[(&str, &'static str)]) -> Option<&'static str> {
        done_in(self.request(), sentences)
    }
}
