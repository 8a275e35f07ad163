//! `/consent`: an application of somebody else asks for access, and its user answers.
use super::browser::BrowserSession;
use super::error::PageError;
use super::forms::{self, Posted};
use super::frame::{Page, frame};
use super::headers::{FormTargets, redirect, render_leading_to};
use super::parameter;
use super::return_to::ReturnTo;
use crate::authentication::{Authenticated, Session};
use crate::domain::api_scope::ApiScope;
use crate::domain::scope;
use crate::flows::consent::{self, ConsentRefusal, Question};
use crate::flows::start_impersonation::encode;
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
    scopes: Vec<AskedScope>,
    /// The request to go on with.
    return_to: String,
    csrf: String,
}

struct AskedScope {
    name: String,
    /// Continues "It will be able to": "Read your orders".
    description: String,
}

/// Only somebody signed in for themselves answers: what staff allow, the user has not allowed.
pub async fn get(browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let return_to = ReturnTo::parse(&parameter(&browser.request, "return_to"));
    let Some((session, proof)) = &browser.seen.own else {
        return Ok(sign_in_first(&browser.request, &return_to));
    };
    let question = consent::describe(&browser.ctx, proof, return_to.as_str()).await;
    let question = question.map_err(|failure| {
        PageError::failure(&browser.request, failure, words(&browser.request))
    })?;
    Ok(page(&browser, session, &return_to, &question))
}

fn sign_in_first(request: &HttpRequest, return_to: &ReturnTo) -> HttpResponse {
    redirect(request.method(), &format!("/login?return_to={}", encode(return_to.as_str())))
}

fn page(
    browser: &BrowserSession,
    session: &Session,
    return_to: &ReturnTo,
    question: &Question,
) -> HttpResponse {
    let user = &session.user;
    let page = ConsentPage {
        page: frame(browser, "Allow access"),
        application: question.client.name.clone(),
        name: user.display_name().to_owned(),
        email: user.profile.email.clone().unwrap_or_default(),
        scopes: question.scope.iter().map(asked).collect(),
        return_to: return_to.as_str().to_owned(),
        csrf: forms::token(&browser.ctx, "consent", &[session.id.as_str(), return_to.as_str()]),
    };
    render_leading_to(&page, StatusCode::OK, &FormTargets::of_client(&question.client))
}

fn asked(name: &str) -> AskedScope {
    let description = match name {
        scope::OPENID => "Know who you are".to_owned(),
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

/// The token is bound to the request, so that two tabs never answer for each other.
pub async fn post(browser: BrowserSession, posted: Posted) -> Result<HttpResponse, PageError> {
    let request = &browser.request;
    let form = posted.only(request, &["csrf", "return_to", "decision"])?;
    let return_to = ReturnTo::parse(form.get("return_to"));
    let Some((session, proof)) = &browser.seen.own else {
        return Ok(sign_in_first(request, &return_to));
    };
    let bound_to = [session.id.as_str(), return_to.as_str()];
    if !forms::verify(&browser.ctx, "consent", &bound_to, form.get("csrf")) {
        return Err(PageError::forged(request));
    }
    let to = answer(&browser, proof, &return_to, form.get("decision")).await?;
    Ok(redirect(request.method(), &to))
}

async fn answer(
    browser: &BrowserSession,
    proof: &Authenticated,
    return_to: &ReturnTo,
    decision: &str,
) -> Result<String, PageError> {
    let request = &browser.request;
    match decision {
        "allow" => consent::grant(&browser.ctx, proof, return_to.as_str())
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
