//! The Box-shaped API: `/2.0/users`.
//!
//! Every handler's first argument is [`BoxCall`]: a bearer, and as whom the call is made ([`ActingAs`]). [`wire`] reads
//! bodies, [`listing`] queries; [`answer`] writes users, [`error`] the one envelope of everything that goes
//! wrong.
mod answer;
mod error;
mod listing;
mod users;
mod wire;

use super::{body, read};
use crate::domain::caller::Caller;
use crate::flows::directory::manage_users::Calling;
use crate::http::caller;
use crate::http::edge::RequestId;
use crate::http::extract::Anyone;
use crate::http::extract::acting_as::{ActingAs, ActingRefusal};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError, web};
use error::BoxError;
use futures_util::future::LocalBoxFuture;

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/2.0/users")
            .route(read().to(users::list))
            .route(web::post().to(users::create))
            .default_service(web::to(only_get_and_post)),
    )
    .service(
        web::resource("/2.0/users/me")
            .route(read().to(users::me))
            .default_service(web::to(only_get)),
    )
    .service(
        web::resource("/2.0/users/{user_id}")
            .route(read().to(users::read))
            .route(web::put().to(users::change))
            .route(web::delete().to(users::delete))
            .default_service(web::to(only_get_put_and_delete)),
    );
}

/// Proof of the caller: a bearer, and as whom the call is made, as flows take it.
struct BoxCall {
    who: ActingAs,
    caller: Caller,
}

impl FromRequest for BoxCall {
    type Error = BoxCallRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, BoxCallRefusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (who, request) = (ActingAs::from_request(request, payload), request.clone());
        Box::pin(async move {
            let refused = |refusal| BoxCallRefusal { refusal, request_id: request_id(&request) };
            Ok(Self { who: who.await.map_err(refused)?, caller: caller(&request) })
        })
    }
}

/// The same reasons, as Box's SDKs read them: they get a new token only when 401 comes with an empty body.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
struct BoxCallRefusal {
    refusal: ActingRefusal,
    request_id: String,
}

impl ResponseError for BoxCallRefusal {
    fn status_code(&self) -> StatusCode {
        self.refusal.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let answer = self.refusal.error_response();
        match answer.status() {
            StatusCode::UNAUTHORIZED => answer.drop_body().map_into_boxed_body(),
            StatusCode::BAD_REQUEST => {
                let problem = BoxError::Body(StatusCode::BAD_REQUEST, self.refusal.to_string());
                problem.answer(&self.request_id)
            }
            StatusCode::SERVICE_UNAVAILABLE => BoxError::Unavailable.answer(&self.request_id),
            _ => answer,
        }
    }
}

fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

impl BoxCall {
    fn calling(&self) -> Calling<'_> {
        Calling {
            token: self.who.token(),
            user: self.who.user(),
            impersonation: self.who.impersonation(),
            caller: &self.caller,
        }
    }
}

async fn only_get_and_post(_: Anyone, request: HttpRequest) -> HttpResponse {
    BoxError::MethodNotAllowed("GET, HEAD, POST").answer(&request_id(&request))
}

async fn only_get(_: Anyone, request: HttpRequest) -> HttpResponse {
    BoxError::MethodNotAllowed("GET, HEAD").answer(&request_id(&request))
}

async fn only_get_put_and_delete(_: Anyone, request: HttpRequest) -> HttpResponse {
    BoxError::MethodNotAllowed("GET, HEAD, PUT, DELETE").answer(&request_id(&request))
}
