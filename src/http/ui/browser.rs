//! The sessions that the cookies of a browser stand for: its own, and those of its impersonations.
use super::error::PageError;
use super::forms;
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::flows::Context;
use crate::flows::InternalError;
use crate::flows::login::browser::{BrowserTokens, HeldSession, Live, SeenBrowser, meet};
use crate::flows::login::next_cookie::find_superseded;
use crate::http::{caller, cookies};
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;

/// Proof of the sessions that the cookies of a browser stand for. There may be none.
pub struct BrowserSession {
    pub seen: SeenBrowser,
    pub caller: Caller,
    pub ctx: web::Data<Context>,
    pub request: HttpRequest,
}

impl BrowserSession {
    pub async fn of(request: &HttpRequest) -> Result<Self, InternalError> {
        let (ctx, tokens, caller) = parts(request)?;
        let seen = meet(&ctx, &tokens, &caller).await?;
        Ok(Self { seen, caller, ctx, request: request.clone() })
    }

    /// The session of the person who signed in to this browser, not an impersonated one.
    pub fn own(&self) -> Option<&Session> {
        self.seen.own.as_ref().map(|(session, _)| session)
    }

    /// The cookie of its own session as the browser sent it.
    pub fn own_token(&self) -> String {
        cookies::own(&self.request).unwrap_or_default()
    }

    /// The session that had this cookie until a moment ago, for a form that asks for the password and is posted twice.
    pub async fn superseded(&self) -> Result<Option<Session>, PageError> {
        let found = find_superseded(&self.ctx, &self.own_token()).await;
        found.map_err(|cause| self.accident(&cause))
    }

    pub fn running(&self) -> impl Iterator<Item = (&HeldSession, &Live)> {
        self.seen.held.iter().filter_map(|held| Some((held, held.live.as_ref()?)))
    }

    /// Display name for the top of pages: the signed-in person's, also during an impersonation.
    pub fn own_name(&self) -> Option<String> {
        self.own().map(|session| session.user.display_name().to_owned())
    }

    /// Refuses a form whose `token` was not made for this.
    pub fn check_token(&self, token: &str, purpose: &str, parts: &[&str]) -> Result<(), PageError> {
        if forms::verify(&self.ctx, purpose, parts, token) {
            return Ok(());
        }
        Err(PageError::forged(&self.request))
    }

    pub fn accident(&self, cause: &InternalError) -> PageError {
        PageError::accident(&self.request, cause)
    }
}

fn parts(
    request: &HttpRequest,
) -> Result<(web::Data<Context>, BrowserTokens, Caller), InternalError> {
    let missing = || InternalError::Unavailable("no store is configured".into());
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(missing)?;
    let tokens = BrowserTokens {
        own: cookies::own(request),
        impersonated: cookies::all_impersonated(request, cookies::is_secure(request)),
    };
    Ok((ctx.clone(), tokens, caller(request)))
}

impl FromRequest for BrowserSession {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            Self::of(&request).await.map_err(|cause| PageError::accident(&request, &cause))
        })
    }
}

/// Adds cookies to an answer. Their values consist of letters and digits, so none is refused.
pub fn with_cookies(
    mut answer: HttpResponse,
    cookies: impl IntoIterator<Item = Cookie<'static>>,
) -> HttpResponse {
    for cookie in cookies {
        if answer.add_cookie(&cookie).is_err() {
            tracing::error!("a cookie cannot be written");
            return HttpResponse::InternalServerError().finish();
        }
    }
    answer
}
