//! The page that a link shows to its actor: who will act as whom, where, and until when.
use super::browser::BrowserSession;
use super::forms::{self, Form};
use super::frame::{Page, frame};
use super::headers::{FormTargets, render_leading_to};
use super::times;
use crate::authentication::Session;
use crate::domain::protocol::{Mode, ProtocolName};
use crate::domain::user::User;
use crate::flows::Context;
use crate::flows::see_impersonations::Record;
use crate::impersonation::ImpersonationRequest;
use actix_web::http::StatusCode;
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
    until: String,
    duration_minutes: i64,
    reason: Option<String>,
    ticket: Option<String>,
    /// Path and query of the link itself, exactly as it came: the MAC covers it.
    action: String,
    csrf: String,
}

/// `ask` has been decided with a yes, for the person of `session`.
pub fn page(
    browser: &BrowserSession,
    (ask, record): (&ImpersonationRequest, &Record),
    session: &Session,
) -> HttpResponse {
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
    };
    // The application is the next stop, and comes back here with a request of its own.
    render_leading_to(&page, StatusCode::OK, &FormTargets::Applications)
}

/// The form was made for this link and this session, and posted by a page of ours.
pub fn is_genuine(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    (record, session): (&Record, &Session),
) -> bool {
    let form = Form::parse(body).and_then(|form| form.only(&["csrf"]));
    forms::may_be_ours(request, ctx.issuer())
        && form.is_ok_and(|form| {
            forms::verify(ctx, "confirm", &bound_to(record, session), form.get("csrf"))
        })
}

fn bound_to<'a>(record: &'a Record, session: &'a Session) -> [&'a str; 2] {
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
