//! What a relying party asks, read and checked ([WS-Federation 1.2 §13.2]).
//!
//! The protocol has no answer for a bad request, so only the person at the browser is told ([`BadWsfedRequest`]), and
//! nothing of what was sent is repeated.
//!
//! [WS-Federation 1.2 §13.2]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use super::names::{CLEANUP, SIGN_IN, SIGN_OUT};
use super::parameters::SentParameters;
use super::refusal::BadWsfedRequest;
use super::{
    profile::{Manner, ReplyAddress},
    wreq,
};
use crate::crypto::xml::values::date_time;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::login::LoginRequest;
use crate::protocols::common::checked::Checked;
use chrono::Duration;

/// `wctx` is returned as it was; no cookie or form is made for more.
pub const MAX_CONTEXT_LEN: usize = 8 * 1024;
/// How far the clock of a relying party may be from ours.
const SKEW: Duration = Duration::minutes(5);

/// The ways in which a sign-in with a password is asked for: `wauth` (§13.2.2), the names of SAML 1.1
/// (core §7.1) and of SAML 2.0.
const PASSWORD: &[&str] = &[
    "urn:oasis:names:tc:SAML:1.0:am:password",
    "urn:oasis:names:tc:SAML:1.0:am:unspecified",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
    "urn:federation:authentication:password",
    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
];

/// `wa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WsfedAction {
    SignIn,
    SignOut,
    Cleanup,
}

pub fn action(sent: &SentParameters) -> Result<WsfedAction, BadWsfedRequest> {
    match sent.get("wa") {
        Some(SIGN_IN) => Ok(WsfedAction::SignIn),
        Some(SIGN_OUT) => Ok(WsfedAction::SignOut),
        Some(CLEANUP) => Ok(WsfedAction::Cleanup),
        Some(_) | None => Err(BadWsfedRequest::Action),
    }
}

/// `now` is the clock of the database, asked for when the request says what time it is.
pub fn read(
    client: &Client,
    sent: &SentParameters,
    manner: Manner,
    now: Option<Timestamp>,
) -> Result<Checked, BadWsfedRequest> {
    check_what_is_not_spoken(sent)?;
    check_realm(client, sent)?;
    let return_url = reply(client, sent.get("wreply"), manner.reply)?;
    check_time(sent.get("wct"), now)?;
    // `whr` names where a user signs in; there is one place for that here, and its page asks.
    let minutes = freshness(sent.get("wfresh"))?;
    let request = LoginRequest {
        state: context(sent)?,
        // What is asked for is what the token says.
        authn_context: method(sent.get("wauth"))?,
        token_form: sent.get("wreq").map(wreq::read).transpose()?,
        ..LoginRequest::plain(manner.protocol, client.id.clone(), return_url)
    };
    Ok(Checked {
        again: minutes == Some(0),
        max_age: minutes.filter(|minutes| *minutes > 0).map(|minutes| minutes * 60),
        ..Checked::plain(request)
    })
}

/// Nothing is fetched for anybody (E08), and this server takes no tokens of others.
fn check_what_is_not_spoken(sent: &SentParameters) -> Result<(), BadWsfedRequest> {
    if ["wreqptr", "wresultptr", "wattrptr", "wpseudoptr"].iter().any(|name| sent.has(name)) {
        return Err(BadWsfedRequest::Pointer);
    }
    if sent.has("wresult") {
        return Err(BadWsfedRequest::Token);
    }
    Ok(())
}

/// Byte for byte: it is what the token is for (E01, E12).
fn check_realm(client: &Client, sent: &SentParameters) -> Result<(), BadWsfedRequest> {
    let realm = client.wsfed.as_ref().map(|wsfed| wsfed.realm.as_str());
    let realm = realm.filter(|realm| !realm.is_empty());
    if realm.is_some() && realm == sent.get("wtrealm") {
        Ok(())
    } else {
        Err(BadWsfedRequest::Realm)
    }
}

/// The address that is meant, if the relying party has registered it (E02).
pub fn reply(
    client: &Client,
    asked: Option<&str>,
    manner: ReplyAddress,
) -> Result<String, BadWsfedRequest> {
    let first = client.redirect_uris.first();
    let found = match (asked, manner) {
        (None, _) => first,
        (Some(asked), ReplyAddress::First) => first.filter(|first| *first == asked),
        (Some(asked), ReplyAddress::Registered) => {
            client.redirect_uris.iter().find(|known| *known == asked)
        }
    };
    found.cloned().ok_or(BadWsfedRequest::Reply)
}

fn context(sent: &SentParameters) -> Result<Option<String>, BadWsfedRequest> {
    match sent.exactly("wctx") {
        Some(text) if text.len() > MAX_CONTEXT_LEN => Err(BadWsfedRequest::Context),
        text => Ok(text.map(str::to_owned)),
    }
}

/// §13.2.2: the time by the relying party's clock, in the form of XML Schema.
fn check_time(sent: Option<&str>, now: Option<Timestamp>) -> Result<(), BadWsfedRequest> {
    let Some(text) = sent else { return Ok(()) };
    let said = date_time(text).ok_or(BadWsfedRequest::Time)?;
    let now = now.ok_or(BadWsfedRequest::Time)?;
    let apart = now.signed_duration_since(said).abs();
    if apart <= SKEW { Ok(()) } else { Err(BadWsfedRequest::Time) }
}

/// Minutes since the sign-in; 0 is a new one.
fn freshness(sent: Option<&str>) -> Result<Option<i64>, BadWsfedRequest> {
    let Some(text) = sent else { return Ok(None) };
    let digits = text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    let minutes = text.parse().ok().filter(|_| digits);
    minutes.map(Some).ok_or(BadWsfedRequest::Freshness)
}

/// What is asked for is done or refused, never pretended (E11).
fn method(sent: Option<&str>) -> Result<Option<String>, BadWsfedRequest> {
    match sent {
        Some(method) if !PASSWORD.contains(&method) => Err(BadWsfedRequest::Method),
        method => Ok(method.map(str::to_owned)),
    }
}
