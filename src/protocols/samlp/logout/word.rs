//! Our side of a logout, in words: the request to a service provider and the answer to one.
use crate::crypto::hash::xml_id;
use crate::crypto::xml::{SignaturePlace, Signer, XmlError, escape};
use crate::domain::Timestamp;
use crate::domain::federation::{NameIdFormat, SamlSettings, SloBinding};
use crate::flows::impersonation::start_impersonation::encode;
use crate::login::{Answer, LogoutNotification, Unanswerable};
use crate::protocols::common::saml_assertion::{compact, instant};
use crate::protocols::samlp::names::entity_id;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;

/// How long a service provider may act on a request.
const LIFETIME: Duration = Duration::minutes(5);

/// A `LogoutRequest` ([SAML core §3.7.1]); `None` when the application has no address for it.
///
/// # Errors
///
/// When a name holds a character that XML does not have.
///
/// [SAML core §3.7.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
pub fn logout_notification(
    notification: &LogoutNotification<'_>,
) -> Result<Option<Answer>, Unanswerable> {
    let saml = notification.client.saml.as_deref();
    let (Some(settings), Some(name)) = (saml, notification.name) else { return Ok(None) };
    let Some(address) = settings.slo_url.as_deref() else { return Ok(None) };
    let write = || {
        compact(&LogoutRequestXml {
            id: escape(notification.message)?,
            now: instant(notification.now),
            destination: escape(address)?,
            not_on_or_after: instant(notification.now + LIFETIME),
            issuer: escape(entity_id(notification.issuer))?,
            format: escape(&name.format)?,
            qualified: name.format == NameIdFormat::Persistent.uri(),
            audience: escape(&settings.entity_id)?,
            name: escape(&name.value)?,
            session_index: escape(notification.login)?,
        })
    };
    let message = SamlLogoutMessage {
        kind: "SAMLRequest",
        id: notification.message,
        relay_state: notification.state,
        signer: notification.signer,
    };
    let sent = write().and_then(|xml| message.send(&xml, settings, address));
    sent.map(Some).map_err(|problem| Unanswerable(problem.to_string()))
}

/// How a sign-out went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogoutOutcome {
    Done,
    /// Some other application did not say that it is done.
    Partial,
    /// The application calls nobody so.
    Unknown,
}

impl LogoutOutcome {
    fn status(self) -> (&'static str, Option<&'static str>) {
        const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
        match self {
            Self::Done => (SUCCESS, None),
            Self::Partial => (SUCCESS, Some("urn:oasis:names:tc:SAML:2.0:status:PartialLogout")),
            Self::Unknown => (
                "urn:oasis:names:tc:SAML:2.0:status:Requester",
                Some("urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"),
            ),
        }
    }
}

/// What is answered, and by whom.
pub(super) struct LogoutReply<'a> {
    pub(super) issuer: &'a str,
    pub(super) in_response_to: &'a str,
    pub(super) relay_state: Option<&'a str>,
    pub(super) outcome: LogoutOutcome,
    pub(super) now: Timestamp,
    pub(super) signer: &'a Signer,
}

impl LogoutReply<'_> {
    /// A `LogoutResponse` (SAML core §3.7.2); `None` when the application has no address for it.
    pub(super) fn send(&self, settings: &SamlSettings) -> Result<Option<Answer>, XmlError> {
        let Some(address) = settings.logout_response_url() else { return Ok(None) };
        let id = xml_id("logout response", &format!("{}\n{}", self.in_response_to, self.now));
        let xml = compact(&LogoutResponseXml {
            id: escape(&id)?,
            now: instant(self.now),
            destination: escape(address)?,
            in_response_to: escape(self.in_response_to)?,
            issuer: escape(entity_id(self.issuer))?,
            status: self.outcome.status(),
        })?;
        let message = SamlLogoutMessage {
            kind: "SAMLResponse",
            id: &id,
            relay_state: self.relay_state,
            signer: self.signer,
        };
        message.send(&xml, settings, address).map(Some)
    }
}

/// A message that is ready but for its signature.
struct SamlLogoutMessage<'a> {
    kind: &'static str,
    id: &'a str,
    relay_state: Option<&'a str>,
    signer: &'a Signer,
}

impl SamlLogoutMessage<'_> {
    fn send(&self, xml: &str, settings: &SamlSettings, address: &str) -> Result<Answer, XmlError> {
        match settings.slo_binding {
            SloBinding::Redirect => self.redirect(xml, address),
            SloBinding::Post => self.post(xml, address),
        }
    }

    /// Deflated, and the signature over the query ([SAML bindings §3.4.4.1]).
    ///
    /// [SAML bindings §3.4.4.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
    fn redirect(&self, xml: &str, address: &str) -> Result<Answer, XmlError> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        let deflated = deflate.write_all(xml.as_bytes()).and_then(|()| deflate.finish());
        let deflated = deflated.map_err(|_| XmlError::NotMade)?;
        let mut query = format!("{}={}", self.kind, encode(&STANDARD.encode(deflated)));
        if let Some(state) = self.relay_state {
            query = format!("{query}&RelayState={}", encode(state));
        }
        query = format!("{query}&SigAlg={}", encode(self.signer.method().uri()));
        let signature = self.signer.sign_octets(query.as_bytes())?;
        let joint = if address.contains('?') { '&' } else { '?' };
        let signature = encode(&STANDARD.encode(signature));
        Ok(Answer::Redirect(format!("{address}{joint}{query}&Signature={signature}")))
    }

    fn post(&self, xml: &str, address: &str) -> Result<Answer, XmlError> {
        let signed = self.signer.sign_enveloped(xml, "ID", self.id, SignaturePlace::AfterIssuer)?;
        let mut fields = vec![(self.kind, STANDARD.encode(signed))];
        fields.extend(self.relay_state.map(|state| ("RelayState", state.to_owned())));
        Ok(Answer::FormPost { action: address.to_owned(), fields })
    }
}

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "samlp/logout_request.xml", escape = "none")]
struct LogoutRequestXml {
    id: String,
    now: String,
    destination: String,
    not_on_or_after: String,
    issuer: String,
    format: String,
    qualified: bool,
    audience: String,
    name: String,
    session_index: String,
}

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "samlp/logout_response.xml", escape = "none")]
struct LogoutResponseXml {
    id: String,
    now: String,
    destination: String,
    in_response_to: String,
    issuer: String,
    status: (&'static str, Option<&'static str>),
}
