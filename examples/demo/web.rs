//! Shared by all handlers: the shop, its cookies, and the error page.

use std::fmt;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::backchannel::Seen;
use crate::federation::sessions::Federated;
use crate::pages;
use crate::provider::{Directory, Unreachable};
use crate::session::{Logins, Sessions};
use crate::settings::Settings;

pub struct Shop {
    pub settings: Settings,
    pub directory: Directory,
    pub sessions: Sessions,
    pub logins: Logins,
    pub logout_tokens: Seen,
    pub federated: Federated,
}

/// An error in words for the visitor. Details go to the log.
#[derive(Debug)]
pub struct Problem {
    pub shop: String,
    pub status: StatusCode,
    pub title: &'static str,
    pub text: String,
}

pub type Answer = Result<HttpResponse, Problem>;

impl Shop {
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            settings,
            directory: Directory::new()?,
            sessions: Sessions::default(),
            logins: Logins::default(),
            logout_tokens: Seen::default(),
            federated: Federated::default(),
        })
    }

    pub fn problem(
        &self,
        status: StatusCode,
        title: &'static str,
        text: impl Into<String>,
    ) -> Problem {
        Problem { shop: self.settings.name.clone(), status, title, text: text.into() }
    }

    pub fn bad_request(&self, text: impl Into<String>) -> Problem {
        self.problem(StatusCode::BAD_REQUEST, "That link does not work", text)
    }

    pub fn unreachable(&self, _: Unreachable) -> Problem {
        self.problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Sign-in is not available",
            "The identity provider does not answer. Please try again in a moment.",
        )
    }

    pub fn busy(&self) -> Problem {
        self.problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too busy",
            "Too many people are signing in. Please try again in a few minutes.",
        )
    }

    /// A parameter given twice is refused here, not resolved.
    pub fn query<T: DeserializeOwned>(&self, request: &HttpRequest) -> Result<T, Problem> {
        Query::<T>::from_query(request.query_string())
            .map(Query::into_inner)
            .map_err(|_| self.bad_request("Its parameters are not readable."))
    }

    /// The prefix keeps neighbours on other ports and subdomains from setting our cookies; over
    /// plain http there is no such prefix.
    fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.settings.is_https() { "__Host-" } else { "" };
        format!("{prefix}northwind_{name}")
    }

    pub fn cookie(&self, request: &HttpRequest, name: &str) -> Option<String> {
        request.cookie(&self.cookie_name(name)).map(|cookie| cookie.value().to_owned())
    }

    pub fn set_cookie(&self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build(self.cookie_name(name), value)
            .path("/")
            .http_only(true)
            .secure(self.settings.is_https())
            // Lax, not Strict: the provider sends people back to us, and the cookie must be there.
            .same_site(SameSite::Lax)
            .finish()
    }

    pub fn clear_cookie(&self, name: &str) -> Cookie<'static> {
        let mut cookie = self.set_cookie(name, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        pages::problem(self)
    }
}

/// 303, so that a browser that posted here asks there with GET.
pub fn see_other(address: &str, cookies: &[Cookie<'static>]) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, address));
    for cookie in cookies {
        response.cookie(cookie.clone());
    }
    response.finish()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the demo reads the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Redirects to the registered host first, because a browser that opened `localhost` would come back from the provider
/// to the registered host without the cookies of `localhost`.
pub async fn on_our_own_host<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let asked = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let page = request.method() == Method::GET && request.path() != "/healthz";
    if let Some(shop) = request.app_data::<Data<Shop>>()
        && page
        && asked != Some(shop.settings.host().as_str())
    {
        let mut address = shop.settings.home();
        address.set_path(request.path());
        address.set_query(Some(request.query_string()).filter(|query| !query.is_empty()));
        let response = see_other(address.as_str(), &[]);
        return Ok(request.into_response(response).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}
