//! The confirmation page of a link: actor, subject, application and end of the impersonation.
use super::step_up::{PASSWORD, USERNAME, wait_of, words_of};
use crate::authentication::Session;
use crate::domain::protocol::{Mode, ProtocolName};
use crate::domain::user::User;
use crate::flows::Context;
use crate::flows::impersonation::see_impersonations::ImpersonationRecord;
use crate::flows::login::step_up::StepUpRefusal;
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::forms::{self, Form};
use crate::http::ui::frame::frame;
use crate::http::ui::headers::{FormTargets, render_leading_to};
use crate::http::ui::layout::Page;
use crate::http::ui::throttled;
use crate::http::ui::times::{self, ShownMoment};
use crate::impersonation::ImpersonationRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    page: Page,
    actor_name: String,
    actor_email: String,
    subject_name: String,
    subject_email: String,
    application: String,
    protocol: String,
    read_only: bool,
    until: ShownMoment,
    duration_minutes: i64,
    reason: Option<String>,
    ticket: Option<String>,
    /// Path and query of the link itself, exactly as it came: the MAC covers it.
    action: String,
    csrf: String,
    asks_password: bool,
    /// For password managers; may be empty.
    username: String,
    error: Option<&'static str>,
}

/// Whether the page asks for the password in addition to the click.
#[derive(Debug, Clone, Copy)]
pub enum ConfirmedRequest {
    Nothing,
    /// The decision needs a fresh proof.
    Password,
    /// The password that came was not taken.
    PasswordAgain(StepUpRefusal),
}

/// `ask` has been decided with a yes for the person of `session`, or with one that needs a fresh proof.
pub fn page(
    browser: &BrowserSession,
    (ask, record): (&ImpersonationRequest, &ImpersonationRecord),
    (session, asking): (&Session, ConfirmedRequest),
) -> HttpResponse {
    let posted = browser.request.method() == Method::POST;
    let refused = match asking {
        ConfirmedRequest::PasswordAgain(refusal) => Some(refusal),
        ConfirmedRequest::Password | ConfirmedRequest::Nothing => None,
    };
    let (status, error) = match asking {
        ConfirmedRequest::PasswordAgain(refusal) => {
            let (status, text) = words_of(refusal);
            (status, Some(text))
        }
        ConfirmedRequest::Password if posted => (StatusCode::FORBIDDEN, None),
        ConfirmedRequest::Password | ConfirmedRequest::Nothing => (StatusCode::OK, None),
    };
    let length = ask.terms.ends_at - ask.terms.starts_at;
    let action = browser.request.uri().path_and_query().map(ToString::to_string);
    let page = ConfirmPage {
        page: frame(browser, "Confirm impersonation"),
        actor_name: ask.actor.display_name().to_owned(),
        actor_email: address(&ask.actor),
        subject_name: ask.subject.display_name().to_owned(),
        subject_email: address(&ask.subject),
        application: ask.client.name.clone(),
        protocol: in_words(ask.protocol).to_owned(),
        read_only: ask.mode == Mode::ReadOnly,
        until: times::clock(ask.terms.ends_at),
        duration_minutes: length.num_minutes(),
        reason: record.reason.clone(),
        ticket: record.ticket.clone(),
        action: action.unwrap_or_default(),
        csrf: forms::token(&browser.ctx, "confirm", &bound_to(record, session)),
        asks_password: !matches!(asking, ConfirmedRequest::Nothing),
        username: session.user.profile.email.clone().unwrap_or_default(),
        error,
    };
    // The application is the next stop, and comes back here with a request of its own.
    let page = render_leading_to(&page, status, &FormTargets::Applications);
    throttled::told(page, refused.and_then(wait_of))
}

/// The password that came with a confirmation, if one did.
pub fn typed_password(body: &[u8]) -> Option<String> {
    Form::parse(body).ok()?.take_given(PASSWORD)
}

/// The form was made for this link and this session, and posted by a page of ours.
pub fn is_genuine(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    (record, session): (&ImpersonationRecord, &Session),
) -> bool {
    let form = Form::parse(body).and_then(|form| form.only(&["csrf", USERNAME, PASSWORD]));
    forms::may_be_ours(request, ctx.issuer())
        && form.is_ok_and(|form| {
            forms::verify(ctx, "confirm", &bound_to(record, session), form.get("csrf"))
        })
}

fn bound_to<'a>(record: &'a ImpersonationRecord, session: &'a Session) -> [&'a str; 2] {
    [session.id.as_str(), record.id.as_str()]
}

/// What tells people of the same name apart: the e-mail address, else the id.
fn address(user: &User) -> String {
    user.profile.email.clone().unwrap_or_else(|| user.id.to_string())
}

fn in_words(protocol: ProtocolName) -> &'static str {
    match protocol {
        ProtocolName::Oauth2 => "OpenID Connect",
        ProtocolName::Samlp => "SAML 2.0",
        ProtocolName::Wsfed => "WS-Federation",
        ProtocolName::WsfedRms => "WS-Federation for Rights Management",
    }
}
