//! `/me/impersonation`: whom this browser acts as, for a person and for a program; and an end to it.
use crate::domain::{ClientId, ImpersonationId};
use crate::flows::Context;
use crate::flows::login::browser::{HeldSession, Live, stop};
use crate::http::error::ApiError;
use crate::http::extract::acting_as::{ActingAs, ActingRefusal};
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::forms;
use crate::http::ui::frame::{frame, minutes_left};
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::times::{self, ShownMoment};
use crate::http::ui::{parameter, wants_html};
use crate::http::{caller, cookies};
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "impersonation.html")]
struct ImpersonationPage {
    page: Page,
    actor_name: String,
    /// Empty: a page that says so.
    sessions: Vec<RunningList>,
}

struct RunningList {
    id: String,
    subject_name: String,
    /// May be empty.
    subject_email: String,
    application: String,
    started: ShownMoment,
    ends_at: ShownMoment,
    ends_at_rfc3339: String,
    minutes_left: i64,
    csrf: String,
}

/// Proof of a running impersonation, if there is one: the cookies of the browser, or an access token of
/// the application that it signed in to.
pub enum RunningImpersonation {
    Browser(Box<BrowserSession>),
    /// A bearer that acts as somebody, by itself or with `As-User` or `On-Behalf-Of`.
    Token {
        live: Option<Box<Live>>,
        ctx: web::Data<Context>,
    },
}

impl RunningImpersonation {
    /// Running ones, and those of a browser that are over.
    fn held(&self) -> Vec<(&ImpersonationId, &ClientId)> {
        match self {
            Self::Browser(browser) => {
                browser.seen.held.iter().map(|held| (&held.impersonation, &held.client)).collect()
            }
            Self::Token { live, .. } => {
                live.iter().map(|live| (live.granted.id(), live.granted.client())).collect()
            }
        }
    }

    fn running(&self) -> Vec<&Live> {
        match self {
            Self::Browser(browser) => {
                browser.seen.held.iter().filter_map(|held| held.live.as_ref()).collect()
            }
            Self::Token { live, .. } => live.as_deref().into_iter().collect(),
        }
    }

    fn ctx(&self) -> &Context {
        match self {
            Self::Browser(browser) => &browser.ctx,
            Self::Token { ctx, .. } => ctx,
        }
    }
}

impl FromRequest for RunningImpersonation {
    type Error = ActingRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ActingRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if request.headers().contains_key(header::AUTHORIZATION) {
                return by_token(&request).await;
            }
            let browser = BrowserSession::of(&request).await.map_err(ApiError::from)?;
            Ok(Self::Browser(Box::new(browser)))
        })
    }
}

async fn by_token(request: &HttpRequest) -> Result<RunningImpersonation, ActingRefusal> {
    let acting = ActingAs::extract(request).await?;
    let ctx = request.app_data::<web::Data<Context>>().ok_or_else(ApiError::unavailable)?.clone();
    let live = acting.impersonation().map(|granted| {
        let application = Arc::clone(&acting.token().client);
        Box::new(Live { granted: granted.clone(), application, now: acting.token().at.now })
    });
    Ok(RunningImpersonation::Token { live, ctx })
}

pub async fn get(acting: RunningImpersonation, request: HttpRequest) -> HttpResponse {
    match &acting {
        RunningImpersonation::Browser(browser) if wants_html(&request) => page(browser),
        RunningImpersonation::Browser(_) | RunningImpersonation::Token { .. } => {
            json_answer(&acting)
        }
    }
}

fn page(browser: &BrowserSession) -> HttpResponse {
    let first = browser.running().next();
    let actor = first.map(|(_, live)| live.granted.actor().display_name().to_owned());
    let page = ImpersonationPage {
        page: Page { bar: None, ..frame(browser, "Running impersonations") },
        actor_name: browser.own_name().or(actor).unwrap_or_default(),
        sessions: browser.running().map(|(held, live)| running(browser, held, live)).collect(),
    };
    render(&page, StatusCode::OK)
}

fn running(browser: &BrowserSession, held: &HeldSession, live: &Live) -> RunningList {
    let (subject, terms) = (live.granted.subject(), live.granted.terms());
    RunningList {
        id: held.impersonation.to_string(),
        subject_name: subject.display_name().to_owned(),
        subject_email: subject.profile.email.clone().unwrap_or_default(),
        application: live.application.name.clone(),
        started: times::moment(terms.starts_at),
        ends_at: times::clock(terms.ends_at),
        ends_at_rfc3339: terms.ends_at.to_rfc3339(),
        minutes_left: minutes_left(live),
        csrf: forms::token(&browser.ctx, "stop", &[held.session.as_str()]),
    }
}

fn json_answer(acting: &RunningImpersonation) -> HttpResponse {
    let running: Vec<Value> = acting.running().into_iter().map(describe).collect();
    // The one that ends first stands at the top, for applications that know of one only.
    let mut body = running.first().cloned().unwrap_or_else(|| json!({}));
    if let Some(members) = body.as_object_mut() {
        members.insert("impersonated".to_owned(), (!running.is_empty()).into());
        members.insert("impersonations".to_owned(), running.into());
    }
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept, Authorization, Cookie"))
        .json(body)
}

fn describe(live: &Live) -> Value {
    let (granted, terms) = (&live.granted, live.granted.terms());
    let actor = granted.actor();
    json!({
        "id": granted.id(),
        "subject": { "user_id": granted.subject().id },
        "impersonator": { "user_id": actor.id, "email": actor.profile.email },
        "client_id": granted.client(),
        "mode": granted.mode(),
        "started_at": terms.starts_at,
        "ends_at": terms.ends_at,
        "seconds_left": (terms.ends_at - live.now).num_seconds().max(0),
    })
}

/// Ends what runs: the one of `?id=`, or all. Again is no error; where there is none it is a conflict.
pub async fn delete(
    acting: RunningImpersonation,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if let RunningImpersonation::Browser(browser) = &acting {
        check_own_page(&request, browser.ctx.issuer())?;
    }
    let id = parameter(&request, "id");
    let mut ending = acting.held();
    ending.retain(|(held, _)| id.is_empty() || held.as_str() == id);
    if ending.is_empty() {
        let text = "no such impersonation runs here";
        return Err(ApiError::new(StatusCode::CONFLICT, "not_impersonated", text));
    }
    for (held, _) in &ending {
        stop(acting.ctx(), held, &caller(&request)).await?;
    }
    let gone = ending.iter().map(|(_, client)| cookies::set_ended(&request, client));
    let answer =
        HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish();
    Ok(with_cookies(answer, gone))
}

/// A cookie alone is no proof that a page of ours asks: the browser or the script has to say so.
fn check_own_page(request: &HttpRequest, issuer: &str) -> Result<(), ApiError> {
    let says_so = ["sec-fetch-site", "origin", "x-requested-with"]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    if says_so && forms::is_same_origin(request, issuer) {
        return Ok(());
    }
    let text = "this can be asked only by a page of this server";
    Err(ApiError::new(StatusCode::FORBIDDEN, "access_denied", text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const HERE: &str = "https://id.example";

    #[test]
    fn h01_only_a_page_of_ours_ends_an_impersonation_by_its_cookie() {
        let ask = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::delete(), |r, h| r.insert_header(*h));
            check_own_page(&request.to_http_request(), HERE).is_ok()
        };
        assert!(ask(&[("x-requested-with", "fetch")]));
        assert!(ask(&[("sec-fetch-site", "same-origin"), ("origin", HERE)]));
        assert!(ask(&[("origin", HERE)]));
        assert!(!ask(&[]));
        assert!(!ask(&[("origin", "https://evil.example"), ("x-requested-with", "fetch")]));
        assert!(!ask(&[("sec-fetch-site", "cross-site"), ("x-requested-with", "fetch")]));
        assert!(!ask(&[("sec-fetch-site", "same-site")]));
    }
}
