//! What service providers are told: a Response by HTTP-POST ([SAML bindings §3.5], [SAML profiles §4.1.4.2]).
//!
//! [SAML bindings §3.5]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
//! [SAML profiles §4.1.4.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
use super::names::entity_id;
use super::refusal::{SamlRefusal, refuse};
use super::response::{ResponseEnvelope, SUCCESS, post};
use crate::crypto::certificate::PublicKey;
use crate::crypto::hash::xml_id;
use crate::crypto::xml::{Cipher, XmlError, encrypt};
use crate::domain::client::Client;
use crate::domain::federation::{NameIdFormat, SamlSettings};
use crate::domain::user::User;
use crate::login::{Login, NameId, ProtocolResponse, Unanswerable};
use crate::protocols::common::attributes;
use crate::protocols::common::saml_assertion::{
    Assertion, PASSWORD_PROTECTED, Spelling, UNSPECIFIED,
};
use chrono::Duration;

/// Counted back for applications whose clock is behind.
const SKEW: Duration = Duration::seconds(30);
/// Together with [`SKEW`] five minutes (D18).
const LIFETIME: Duration = Duration::seconds(270);

/// Who signed in; or why the application cannot be told as it wants to be.
pub fn with_assertion(login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable> {
    let settings = login.client.saml.as_deref();
    let settings = settings.ok_or_else(|| Unanswerable("it is no service provider".into()))?;
    let Some(name) = name(login, settings) else {
        return refused(login, SamlRefusal::NoVerifiedEmail);
    };
    let assertion = match assertion(login, settings, &name) {
        Ok(assertion) => assertion,
        Err(XmlError::Character) => return refused(login, SamlRefusal::InvalidAttribute),
        Err(problem) => return Err(Unanswerable(problem.to_string())),
    };
    let response = response(login, settings, assertion)?;
    Ok(ProtocolResponse { answer: post(login.request, &response), name: Some(name) })
}

/// Nobody is named, so nobody is signed in.
fn refused(login: &Login<'_>, refusal: SamlRefusal) -> Result<ProtocolResponse, Unanswerable> {
    let answer = refuse(login.request, refusal, (login.issuer, login.now, login.signer))
        .map_err(|problem| Unanswerable(problem.to_string()))?;
    Ok(ProtocolResponse { answer, name: None })
}

/// How the application is told to call the user.
///
/// The user's id is what Auth0 sends, so accounts that an application keys by it live on; and like the
/// pairwise name it is nothing that the user could change (D17). `None`: no verified e-mail address.
fn name(login: &Login<'_>, settings: &SamlSettings) -> Option<NameId> {
    let request = login.request;
    let format = settings.name_format(request.name_id_format.as_deref());
    let user = login.principal.subject();
    let value = match format {
        NameIdFormat::Persistent => {
            login.pairwise.sign("saml persistent", &[&settings.entity_id, user.id.as_str()])
        }
        NameIdFormat::Transient => xml_id("samlp transient", login.code),
        NameIdFormat::EmailAddress => verified(user)?.to_owned(),
        NameIdFormat::Unspecified => user.id.to_string(),
    };
    Some(NameId { value, format: format.uri().to_owned() })
}

/// What an assertion would say about `user` if they asked for nothing special, with the name first.
pub fn describe(user: &User, client: &Client) -> Option<Vec<(String, String)>> {
    let settings = client.saml.as_deref()?;
    let name = match settings.name_format(None) {
        NameIdFormat::Persistent => "(another one for each application)".to_owned(),
        NameIdFormat::Transient => "(another one at each sign-in)".to_owned(),
        NameIdFormat::EmailAddress => match verified(user) {
            Some(email) => email.to_owned(),
            None => "(no verified e-mail address: nobody is signed in)".to_owned(),
        },
        NameIdFormat::Unspecified => user.id.to_string(),
    };
    let attributes = attributes::about(user, &settings.attributes, None);
    Some(std::iter::once(("NameID".to_owned(), name)).chain(attributes).collect())
}

/// An address that anybody could have typed names nobody (D17).
fn verified(user: &User) -> Option<&str> {
    user.profile.email.as_deref().filter(|_| user.profile.email_verified)
}

fn assertion(
    login: &Login<'_>,
    settings: &SamlSettings,
    name: &NameId,
) -> Result<String, XmlError> {
    let (request, now) = (login.request, login.now);
    let acting = login.principal.impersonation();
    let ends_at = acting.map(|acting| acting.terms().ends_at);
    let delegate = acting
        .filter(|_| settings.delegation_restriction)
        .map(|acting| (acting.actor().id.as_str(), acting.terms().starts_at));
    let assertion = Assertion {
        spelling: Spelling::Prefixed,
        id: &xml_id("samlp assertion", login.code),
        issuer: entity_id(login.issuer),
        audience: &settings.entity_id,
        recipient: &request.return_url,
        in_response_to: request.in_response_to.as_deref(),
        name,
        context: match acting {
            // The subject has not signed in, and this server never says so (DEC6).
            Some(_) => UNSPECIFIED,
            None => request.authn_context.as_deref().unwrap_or(PASSWORD_PROTECTED),
        },
        authenticated_at: login.principal.authenticated_at(),
        session_index: login.id,
        session_ends: ends_at,
        attributes: &attributes::of(login.principal, &settings.attributes),
        delegate,
        now,
        not_before: now - SKEW,
        not_on_or_after: ends_at.map_or(now + LIFETIME, |end| end.min(now + LIFETIME)),
    };
    assertion.sign(login.signer)
}

fn response(
    login: &Login<'_>,
    settings: &SamlSettings,
    assertion: String,
) -> Result<String, Unanswerable> {
    let content =
        if settings.encrypt_assertion { encrypted(settings, &assertion)? } else { assertion };
    let id = xml_id("samlp response", login.code);
    let (issuer, request, now) = (login.issuer, login.request, login.now);
    let envelope =
        ResponseEnvelope { id: &id, issuer, request, status: (SUCCESS, None, None), now };
    let response = if settings.sign_response {
        envelope.sign_around(&content, login.signer)
    } else {
        envelope.write_around(&content)
    };
    response.map_err(|problem| Unanswerable(problem.to_string()))
}

/// For the application's eyes, or for nobody's: there is no falling back to plain text (D26).
fn encrypted(settings: &SamlSettings, assertion: &str) -> Result<String, Unanswerable> {
    let certificate = settings.encryption_certificate.as_deref();
    let certificate =
        certificate.ok_or_else(|| Unanswerable("there is no key to encrypt with".into()))?;
    let cipher = settings.encryption_algorithm.as_deref();
    let cipher = cipher.map_or(Some(Cipher::default()), Cipher::parse);
    let cipher =
        cipher.ok_or_else(|| Unanswerable("an algorithm that is not spoken here".into()))?;
    let encrypted = PublicKey::parse(certificate)
        .map_err(XmlError::from)
        .and_then(|key| encrypt(assertion, &key, cipher))
        .map_err(|problem| Unanswerable(format!("its key to encrypt with: {problem}")))?;
    Ok(format!("<saml:EncryptedAssertion>{encrypted}</saml:EncryptedAssertion>"))
}
