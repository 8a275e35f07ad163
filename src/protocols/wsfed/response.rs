//! What a relying party gets: `wsignin1.0` with a `RequestSecurityTokenResponse` ([WS-Federation 1.2 §13.2.3]).
//!
//! [WS-Federation 1.2 §13.2.3]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use super::names::{FEB_2005, SIGN_IN, V13};
use super::profile::{Lifetime, Manner, Token};
use super::{claims, saml11, saml20};
use crate::crypto::hash::xml_id;
use crate::crypto::xml::{XmlError, escape};
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::federation::{TokenVersion, TrustVersion, WsfedSettings};
use crate::domain::user::User;
use crate::login::{Answer, Login, NameId, ProtocolResponse, Unanswerable};
use crate::protocols::common::saml_assertion::{compact, instant};
use askama::Template;
use chrono::Duration;

/// A token says who signed in; how long they stay signed in is the relying party's affair (E12).
const LIFETIME: Duration = Duration::seconds(570);
/// The clock of a relying party may be behind ours.
const BEHIND: Duration = Duration::seconds(30);

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "wsfed/response.xml", escape = "none")]
struct Response {
    trust: &'static str,
    /// WS-Trust 1.3 puts a single answer into a collection too (§3.2).
    collection: bool,
    created: String,
    expires: String,
    realm: String,
    assertion: String,
    token_type: &'static str,
    key_type: &'static str,
}

pub fn answer(login: &Login<'_>, manner: Manner) -> Result<ProtocolResponse, Unanswerable> {
    let settings = login.client.wsfed.as_deref();
    let settings =
        settings.ok_or_else(|| Unanswerable("it is no relying party of WS-Federation".into()))?;
    let name = name(login.principal.subject(), manner.token)?;
    let wresult = respond(login, settings, (&name, manner.token))
        .map_err(|problem| Unanswerable(problem.to_string()))?;
    let mut fields = vec![("wa", SIGN_IN.to_owned()), ("wresult", wresult)];
    if let Some(context) = &login.request.state {
        fields.push(("wctx", context.clone()));
    }
    let action = login.request.return_url.clone();
    Ok(ProtocolResponse { answer: Answer::FormPost { action, fields }, name: Some(name) })
}

/// What a token would say about `user`, with the name first.
pub fn describe(user: &User, client: &Client, manner: Manner) -> Option<Vec<(String, String)>> {
    let settings = client.wsfed.as_deref()?;
    let name = match name(user, manner.token) {
        Ok(name) => name.value,
        Err(Unanswerable(problem)) => format!("({problem}: nobody is signed in)"),
    };
    let claims = claims::about(user, (&settings.attributes, manner.token), None);
    Some(std::iter::once(("NameIdentifier".to_owned(), name)).chain(claims).collect())
}

/// How the relying party is told to call the user.
fn name(user: &User, token: Token) -> Result<NameId, Unanswerable> {
    let (value, format) = match token {
        Token::Any => (user.id.to_string(), saml11::UNSPECIFIED_NAME),
        Token::UserPrincipal => {
            let email = user.profile.email.clone();
            let missing = || Unanswerable("the user has no e-mail address to be named by".into());
            (email.ok_or_else(missing)?, saml11::UPN_NAME)
        }
    };
    Ok(NameId { value, format: format.to_owned() })
}

fn respond(
    login: &Login<'_>,
    settings: &WsfedSettings,
    (name, token): (&NameId, Token),
) -> Result<String, XmlError> {
    let asked = login.request.token_form.unwrap_or_default();
    let trust = asked.trust.unwrap_or(settings.wst);
    let version = match token {
        Token::Any => asked.token.unwrap_or(settings.token_version),
        Token::UserPrincipal => TokenVersion::Saml11,
    };
    let claims = claims::of(login.principal, &settings.attributes, token);
    let lifetime = Lifetime { from: login.now - BEHIND, until: until(login) };
    let id = xml_id("wsfed assertion", login.code);
    let about = (id.as_str(), settings.realm.as_str());
    let (assertion, token_type) = match version {
        TokenVersion::Saml11 => {
            (saml11::write(login, about, name, &claims, &lifetime)?, saml11::TOKEN_TYPE)
        }
        TokenVersion::Saml20 => {
            (saml20::write(login, about, name, &claims, &lifetime)?, saml20::TOKEN_TYPE)
        }
    };
    let (namespace, key_type) = match trust {
        TrustVersion::Feb2005 => {
            (FEB_2005, "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey")
        }
        TrustVersion::V13 => (V13, "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Bearer"),
    };
    let response = Response {
        trust: namespace,
        collection: trust == TrustVersion::V13,
        created: instant(lifetime.from),
        expires: instant(lifetime.until),
        realm: escape(&settings.realm)?,
        assertion,
        token_type,
        key_type,
    };
    compact(&response)
}

/// Never past the hard end of an impersonation.
fn until(login: &Login<'_>) -> Timestamp {
    let until = login.now + LIFETIME;
    let hard_end = login.principal.impersonation().map(|by| by.terms().ends_at);
    hard_end.map_or(until, |hard_end| until.min(hard_end))
}
