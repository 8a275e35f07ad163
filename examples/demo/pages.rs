//! The pages. Everything that comes from a token is text to the templates, and escaped.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use openidconnect::core::CoreGenderClaim;
use openidconnect::{SubjectIdentifier, UserInfoError};
use serde::Deserialize;

use crate::logout::Goodbye;
use crate::marks::{Marks, sentence, time_left};
use crate::orders::{self, Order, Summary};
use crate::provider::OurUserInfo;
use crate::session::Session;
use crate::web::{Answer, Problem, Shop, now, see_other};

const LOGOUT: &str = "/logout";

/// The layout of every page.
pub struct Frame {
    pub shop: String,
    pub user: Option<User>,
    pub banner: Option<Banner>,
    /// Where "Stop" and "Sign out" are posted.
    pub stop: String,
}

pub struct User {
    pub name: String,
    pub email: Option<String>,
    pub initials: String,
    pub form_token: String,
}

pub struct Banner {
    /// The provider's drop-in that shows the bar.
    pub bar_js: String,
    /// The claims that say who acts; the drop-in reads them.
    pub marks: String,
    pub actor: String,
    pub subject: String,
    pub now: String,
    pub sentence: String,
    pub read_only: bool,
    pub time_left: String,
    pub until: String,
    pub until_machine: String,
    pub form_token: String,
}

#[derive(Template)]
#[template(path = "landing.html", config = "examples/demo/askama.toml")]
struct Landing {
    frame: Frame,
    notice: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "dashboard.html", config = "examples/demo/askama.toml")]
struct Dashboard {
    frame: Frame,
    given_name: String,
    orders: Vec<Order>,
    summary: Summary,
    profile: Profile,
}

struct Profile {
    name: String,
    email: Option<String>,
    email_verified: bool,
    subject: String,
    signed_in_at: String,
    actor: Option<String>,
    id_token_claims: String,
    userinfo: String,
}

#[derive(Template)]
#[template(path = "order.html", config = "examples/demo/askama.toml")]
struct OrderPage {
    frame: Frame,
    order: Order,
}

#[derive(Template)]
#[template(path = "problem.html", config = "examples/demo/askama.toml")]
struct ProblemPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
}

enum Visit {
    SignedIn(Box<(Session, OurUserInfo)>),
    SignedOut,
    /// There was a session until this very request.
    Over(&'static str),
}

/// Asks the provider on each page view whether the login is still valid, so that a "stop" elsewhere ends the
/// session here too. A 401 ends it; any other error does not.
async fn visit(shop: &Shop, request: &HttpRequest) -> Result<Visit, Problem> {
    let id = shop.cookie(request, "session").unwrap_or_default();
    let Some(session) = shop.sessions.find(&id) else {
        return Ok(shop.sessions.end(&id).map_or(Visit::SignedOut, |ended| over(&ended)));
    };
    if session.ends_at > now()
        && let Some(info) = userinfo(shop, &session).await?
        && same_actor(&session, info.additional_claims())
    {
        return Ok(Visit::SignedIn(Box::new((session, info))));
    }
    shop.sessions.end(&id);
    Ok(over(&session))
}

fn over(session: &Session) -> Visit {
    Visit::Over(match session.acting {
        Some(_) => "The impersonation has ended. You are signed out here.",
        None => "Your session has ended. Please sign in again.",
    })
}

fn same_actor(session: &Session, marks: &Marks) -> bool {
    let id = |acting: crate::marks::Acting| acting.impersonation_id;
    session.acting.clone().map(id) == marks.acting().map(id)
}

async fn userinfo(shop: &Shop, session: &Session) -> Result<Option<OurUserInfo>, Problem> {
    let unreachable = |it| shop.unreachable(it);
    let provider = shop.directory.provider(&shop.settings).await.map_err(unreachable)?;
    let subject = SubjectIdentifier::new(session.subject.clone());
    let answer = match provider.client.user_info(session.access_token.clone(), Some(subject)) {
        Ok(request) => {
            request.request_async::<Marks, _, CoreGenderClaim>(&shop.directory.http).await
        }
        Err(error) => Err(UserInfoError::Other(error.to_string())),
    };
    match answer {
        Ok(info) => Ok(Some(info)),
        Err(UserInfoError::Response(status, ..)) if status == StatusCode::UNAUTHORIZED.as_u16() => {
            Ok(None)
        }
        Err(UserInfoError::ClaimsVerification(error)) => {
            tracing::warn!(%error, "userinfo belongs to somebody else");
            Ok(None)
        }
        Err(error) => {
            tracing::warn!(%error, "userinfo does not answer");
            Err(shop.unreachable(crate::provider::Unreachable))
        }
    }
}

fn text<T: std::ops::Deref<Target = String>>(
    claim: Option<&openidconnect::LocalizedClaim<T>>,
) -> Option<String> {
    let text = claim?.get(None)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub fn initials(name: &str) -> String {
    name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect::<String>()
}

impl Frame {
    pub fn empty(shop: &str) -> Self {
        Self { shop: shop.to_owned(), user: None, banner: None, stop: LOGOUT.to_owned() }
    }

    fn of(shop: &Shop, session: &Session, name: &str, email: Option<&str>) -> Self {
        let user = User {
            name: name.to_owned(),
            email: email.map(str::to_owned),
            initials: initials(name),
            form_token: session.form_token.clone(),
        };
        let banner = session.acting.as_ref().map(|acting| Banner {
            bar_js: bar_js(shop),
            marks: session.id_token_claims.clone(),
            actor: acting.actor.clone(),
            subject: name.to_owned(),
            now: machine(now()),
            sentence: sentence(acting, name),
            read_only: acting.read_only,
            time_left: time_left(session.ends_at, now()),
            until: session.ends_at.format("%H:%M UTC").to_string(),
            until_machine: machine(session.ends_at),
            form_token: session.form_token.clone(),
        });
        Self { shop: shop.settings.name.clone(), user: Some(user), banner, stop: LOGOUT.to_owned() }
    }
}

/// Where the provider has its bar.
pub fn bar_js(shop: &Shop) -> String {
    format!("{}/impersonation/bar.js", shop.settings.issuer)
}

/// A time as machines read it.
pub fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn display_name(session: &Session, info: &OurUserInfo) -> String {
    text(info.name())
        .or_else(|| info.email().map(|email| email.to_string()))
        .unwrap_or_else(|| session.subject.clone())
}

#[derive(Deserialize)]
struct HomeQuery {
    state: Option<String>,
}

pub async fn home(shop: Data<Shop>, request: HttpRequest) -> Answer {
    let asked: HomeQuery = shop.query(&request)?;
    let goodbye = shop
        .cookie(&request, "goodbye")
        .zip(asked.state)
        .and_then(|(cookie, state)| Goodbye::parse(&cookie, &state));
    match visit(&shop, &request).await? {
        Visit::SignedIn(it) => Ok(render(&dashboard(&shop, &it.0, &it.1), StatusCode::OK, &[])),
        Visit::SignedOut => {
            let notice = goodbye.map(Goodbye::words);
            let forget: &[_] = &[shop.clear_cookie("goodbye")];
            Ok(landing(&shop, notice, if notice.is_some() { forget } else { &[] }))
        }
        Visit::Over(notice) => Ok(landing(&shop, Some(notice), &[shop.clear_cookie("session")])),
    }
}

fn landing(shop: &Shop, notice: Option<&'static str>, cookies: &[Cookie<'static>]) -> HttpResponse {
    let page = Landing { frame: Frame::empty(&shop.settings.name), notice };
    render(&page, StatusCode::OK, cookies)
}

fn dashboard(shop: &Shop, session: &Session, info: &OurUserInfo) -> Dashboard {
    let name = display_name(session, info);
    let email = info.email().map(|email| email.to_string());
    let orders = orders::of(&session.subject, now());
    Dashboard {
        frame: Frame::of(shop, session, &name, email.as_deref()),
        given_name: text(info.given_name()).unwrap_or_else(|| name.clone()),
        summary: orders::summary(&orders),
        orders,
        profile: Profile {
            name,
            email,
            email_verified: info.email_verified() == Some(true),
            subject: session.subject.clone(),
            signed_in_at: at(session.signed_in_at),
            actor: session.acting.as_ref().map(|acting| acting.actor.clone()),
            id_token_claims: session.id_token_claims.clone(),
            userinfo: serde_json::to_string_pretty(info).unwrap_or_default(),
        },
    }
}

fn at(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y, %H:%M UTC").to_string()
}

pub async fn order(shop: Data<Shop>, request: HttpRequest, number: Path<String>) -> Answer {
    let Visit::SignedIn(it) = visit(&shop, &request).await? else {
        let mut login = shop.settings.home();
        login.set_path("/login");
        login.query_pairs_mut().append_pair("return_to", request.path());
        return Ok(see_other(login.as_str(), &[]));
    };
    let (session, info) = &*it;
    let mut orders = orders::of(&session.subject, now()).into_iter();
    let order = orders.find(|order| order.number == *number).ok_or_else(|| missing(&shop))?;
    let name = display_name(session, info);
    let email = info.email().map(|email| email.as_str());
    let page = OrderPage { frame: Frame::of(&shop, session, &name, email), order };
    Ok(render(&page, StatusCode::OK, &[]))
}

pub fn missing(shop: &Shop) -> Problem {
    let text = "There is no such page, or it is somebody else's.";
    shop.problem(StatusCode::NOT_FOUND, "Nothing here", text)
}

pub async fn not_found(shop: Data<Shop>) -> Answer {
    Err(missing(&shop))
}

pub fn problem(problem: &Problem) -> HttpResponse {
    let frame = Frame::empty(&problem.shop);
    let page = ProblemPage { frame, title: problem.title, text: &problem.text };
    render(&page, problem.status, &[])
}

pub fn render(
    page: &impl Template,
    status: StatusCode,
    cookies: &[Cookie<'static>],
) -> HttpResponse {
    let Ok(body) = page.render() else { return HttpResponse::InternalServerError().finish() };
    let mut response = HttpResponse::build(status);
    for cookie in cookies {
        response.cookie(cookie.clone());
    }
    response.content_type(ContentType::html()).body(body)
}

pub async fn healthz() -> &'static str {
    "ok"
}

fn file(kind: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(kind).insert_header((CACHE_CONTROL, "no-cache")).body(body)
}

pub async fn stylesheet() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("static/demo.css"))
}

pub async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("static/over.js"))
}

pub async fn icon() -> HttpResponse {
    file("image/svg+xml", include_str!("static/icon.svg"))
}
