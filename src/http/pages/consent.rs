//! `/consent`: a third-party application asks for access, and the user allows or denies it.
use crate::domain::api_scope::ApiScope;
use crate::domain::scope::{self, Scopes};
use crate::domain::user::User;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::consent::{self, Answering, ConsentQuestion, ConsentRefusal};
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{self, Posted};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{FormTargets, redirect, render_leading_to};
use crate::http::ui::layout::Page;
use crate::http::ui::parameter;
use crate::http::ui::return_to::ReturnTo;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    page: Page,
    application: String,
    name: String,
    /// May be empty.
    email: String,
    /// Empty when there is nothing to consent to, only the sign-in to be confirmed.
    scopes: Vec<AskedScope>,
    /// Who is acted as, in the application, when somebody is.
    acting_as: Option<String>,
    /// The application runs on the device of the person.
    on_device: bool,
    /// The request to go on with.
    return_to: String,
    csrf: String,
}

struct AskedScope {
    name: String,
    /// Continues "This will allow it to": "Read your orders".
    description: String,
}

/// Who answers: the actor of an impersonation in a native application that asks, else the person who is signed in
/// for themselves. What staff allow, the user has not allowed, so an actor only confirms the sign-in.
struct Answerer<'a> {
    answering: Answering<'a>,
    acting_as: Option<&'a User>,
}

impl<'a> Answerer<'a> {
    async fn of(
        browser: &'a BrowserSession,
        return_to: &ReturnTo,
    ) -> Result<Option<Self>, PageError> {
        let native = consent::find_native(&browser.ctx, return_to.as_str()).await;
        let native = native.map_err(|cause| browser.accident(&cause))?;
        let acting =
            native.and_then(|client| browser.running().find(|(held, _)| held.client == client.id));
        Ok(match (acting, &browser.seen.own) {
            (Some((held, live)), _) => Some(Self {
                answering: Answering::Acting(&held.session),
                acting_as: Some(live.granted.subject()),
            }),
            (None, Some((session, proof))) => {
                Some(Self { answering: Answering::Own(&session.id, proof), acting_as: None })
            }
            (None, None) => None,
        })
    }
}

pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let return_to = ReturnTo::parse(&parameter(&browser.request, "return_to"));
    show(&browser, &return_to, StatusCode::OK).await
}

async fn show(
    browser: &BrowserSession,
    return_to: &ReturnTo,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let Some(answerer) = Answerer::of(browser, return_to).await? else {
        return Ok(sign_in_first(&browser.request, return_to));
    };
    let question = consent::describe(&browser.ctx, &answerer.answering, return_to.as_str()).await;
    let question = question.map_err(|failure| {
        PageError::failure(&browser.request, failure, words(&browser.request))
    })?;
    let page = page(browser, &answerer, return_to, &question);
    Ok(render_leading_to(&page, status, &FormTargets::Applications))
}

fn sign_in_first(request: &HttpRequest, return_to: &ReturnTo) -> HttpResponse {
    redirect(request.method(), &format!("/login?return_to={}", encode(return_to.as_str())))
}

fn page(
    browser: &BrowserSession,
    answerer: &Answerer<'_>,
    return_to: &ReturnTo,
    question: &ConsentQuestion,
) -> ConsentPage {
    let user = browser.own().map(|session| &session.user);
    let bound_to = [answerer.answering.session().as_str(), return_to.as_str()];
    ConsentPage {
        page: frame(browser, "Allow access"),
        application: question.client.name.clone(),
        name: user.map(|user| user.display_name().to_owned()).unwrap_or_default(),
        email: user.and_then(|user| user.profile.email.clone()).unwrap_or_default(),
        scopes: question.scope.iter().flat_map(Scopes::iter).map(asked).collect(),
        acting_as: answerer.acting_as.map(|user| user.display_name().to_owned()),
        on_device: question.native,
        return_to: return_to.as_str().to_owned(),
        csrf: forms::token(&browser.ctx, "consent", &bound_to),
    }
}

fn asked(name: &str) -> AskedScope {
    let description = match name {
        scope::OPENID => "See your user ID".to_owned(),
        scope::PROFILE => "See your name and your picture".to_owned(),
        scope::EMAIL => "See your email address".to_owned(),
        scope::PHONE => "See your phone number".to_owned(),
        scope::OFFLINE_ACCESS => "Keep this access while you are away".to_owned(),
        other => match ApiScope::parse(other) {
            Some(own) => own.words().to_owned(),
            None => format!("Use its permission “{other}” for you"),
        },
    };
    AskedScope { name: name.to_owned(), description }
}

/// The token is bound to the request, so that two tabs never answer for each other. A page that stood open while
/// another tab signed in again asks again.
pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let request = &browser.request;
    let form = posted.only(request, &["csrf", "return_to", "decision"])?;
    let return_to = ReturnTo::parse(form.get("return_to"));
    let Some(Answerer { answering, .. }) = Answerer::of(&browser, &return_to).await? else {
        return Ok(sign_in_first(request, &return_to));
    };
    let bound_to = [answering.session().as_str(), return_to.as_str()];
    if !forms::verify(&browser.ctx, "consent", &bound_to, form.get("csrf")) {
        let again = show(&browser, &return_to, StatusCode::FORBIDDEN).await;
        return again.map_err(|_| PageError::forged(request));
    }
    let to = answer(&browser, &answering, &return_to, form.get("decision")).await?;
    Ok(redirect(request.method(), &to))
}

async fn answer(
    browser: &BrowserSession,
    answering: &Answering<'_>,
    return_to: &ReturnTo,
    decision: &str,
) -> Result<String, PageError> {
    let request = &browser.request;
    match decision {
        "allow" => consent::grant(&browser.ctx, answering, return_to.as_str())
            .await
            .map_err(|failure| PageError::failure(request, failure, words(request))),
        "deny" => Ok(consent::deny(return_to.as_str())),
        _ => Err(PageError::malformed(request, "Choose to allow or to deny.")),
    }
}

fn words(request: &HttpRequest) -> impl FnOnce(ConsentRefusal) -> PageError + '_ {
    |refusal| match refusal {
        ConsentRefusal::NoRequest => {
            PageError::malformed(request, "Start again from the application.")
        }
    }
}
