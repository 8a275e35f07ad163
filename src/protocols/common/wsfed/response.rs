//! What a relying party gets: `wsignin1.0` with a `RequestSecurityTokenResponse` ([WS-Federation 1.2 §13.2.3]).
//!
//! [WS-Federation 1.2 §13.2.3]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
use super::{Manner, Token, claims, request, saml11, saml20};
use crate::crypto::hash;
use crate::crypto::xml::{XmlError, escape};
use crate::domain::Timestamp;
use crate::domain::federation::{TokenVersion, TrustVersion, WsfedSettings};
use crate::login::{Answer, Login, NameId, Told, Unanswerable};
use askama::Template;
use chrono::{Duration, SecondsFormat};

pub const FEB_2005: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
pub const V13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";

/// A token says who signed in; how long they stay signed in is the relying party's affair (E12).
const LIFETIME: Duration = Duration::minutes(9);
/// The clock of a relying party may be behind ours.
const BEHIND: Duration = Duration::minutes(1);

/// What every form of the token says.
pub(super) struct Words<'a> {
    pub id: String,
    pub issuer: &'a str,
    pub realm: &'a str,
    pub now: Timestamp,
    pub not_before: Timestamp,
    pub not_on_or_after: Timestamp,
    pub authenticated_at: Timestamp,
    pub impersonated: bool,
}

#[derive(Template)]
#[template(path = "wsfed/response.xml")]
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

pub fn answer(login: &Login<'_>, manner: Manner) -> Result<Told, Unanswerable> {
    let settings = login.client.wsfed.as_deref();
    let settings =
        settings.ok_or_else(|| Unanswerable("it is no relying party of WS-Federation".into()))?;
    let name = name(login, manner.token)?;
    let wresult = write(login, settings, (&name, manner.token))
        .map_err(|problem| Unanswerable(problem.to_string()))?;
    let mut fields = vec![("wa", request::SIGN_IN.to_owned()), ("wresult", wresult)];
    if let Some(context) = &login.request.state {
        fields.push(("wctx", context.clone()));
    }
    let action = login.request.return_url.clone();
    Ok(Told { answer: Answer::FormPost { action, fields }, name: Some(name) })
}

/// How the relying party is told to call the user.
fn name(login: &Login<'_>, token: Token) -> Result<NameId, Unanswerable> {
    let user = login.principal.subject();
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

fn write(
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
    let words = words(login, settings);
    let (assertion, token_type) = match version {
        TokenVersion::Saml11 => {
            (saml11::write(&words, name, &claims, login.signer)?, saml11::TOKEN_TYPE)
        }
        TokenVersion::Saml20 => {
            (saml20::write(&words, name, &claims, login.signer)?, saml20::TOKEN_TYPE)
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
        created: time(words.not_before),
        expires: time(words.not_on_or_after),
        realm: escape(&settings.realm)?,
        assertion,
        token_type,
        key_type,
    };
    response.render().map_err(|_| XmlError::NotMade)
}

fn words<'a>(login: &Login<'a>, settings: &'a WsfedSettings) -> Words<'a> {
    let impersonation = login.principal.impersonation();
    let hard_end = impersonation.map(|impersonation| impersonation.terms().ends_at);
    let ends = login.now + LIFETIME;
    Words {
        id: id(login.code),
        issuer: login.issuer,
        realm: &settings.realm,
        now: login.now,
        not_before: login.now - BEHIND,
        not_on_or_after: hard_end.map_or(ends, |hard_end| ends.min(hard_end)),
        authenticated_at: login.principal.authenticated_at(),
        impersonated: impersonation.is_some(),
    }
}

/// An ID that nobody guesses and that tells nothing of what it is made from.
fn id(code: &str) -> String {
    let digest = hash::sha256(format!("wsfed assertion\n{code}").as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("_{hex}")
}

/// In UTC with milliseconds, cut off and never rounded up.
pub(super) fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
