//! A `samlp:Response` without its content, and how it is posted to the application ([SAML bindings §3.5]).
//!
//! [SAML bindings §3.5]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
use super::names::entity_id;
use crate::crypto::xml::{SignaturePlace, Signer, XmlError, escape};
use crate::domain::Timestamp;
use crate::login::{Answer, LoginRequest};
use crate::protocols::common::saml_assertion::{compact, instant};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const END: &str = "</samlp:Response>";

pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The two codes of a status and its message.
pub type SamlStatus = (&'static str, Option<&'static str>, Option<&'static str>);

/// A Response without its content.
pub struct ResponseEnvelope<'a> {
    pub id: &'a str,
    pub issuer: &'a str,
    pub request: &'a LoginRequest,
    pub status: SamlStatus,
    pub now: Timestamp,
}

impl ResponseEnvelope<'_> {
    pub fn write_around(&self, content: &str) -> Result<String, XmlError> {
        let request = self.request;
        let empty = compact(&ResponseXml {
            id: escape(self.id)?,
            now: instant(self.now),
            destination: escape(&request.return_url)?,
            in_response_to: request.in_response_to.as_deref().map(escape).transpose()?,
            issuer: escape(entity_id(self.issuer))?,
            status: self.status,
        })?;
        // What is signed already goes in octet for octet.
        let head = empty.strip_suffix(END).ok_or(XmlError::NotMade)?;
        Ok([head, content, END].concat())
    }

    pub fn sign_around(&self, content: &str, signer: &Signer) -> Result<String, XmlError> {
        signer.sign_enveloped(
            &self.write_around(content)?,
            "ID",
            self.id,
            SignaturePlace::AfterIssuer,
        )
    }
}

/// To the application, with its `RelayState` as it came.
pub fn post(request: &LoginRequest, response: &str) -> Answer {
    let mut fields = vec![("SAMLResponse", STANDARD.encode(response))];
    if let Some(state) = &request.state {
        fields.push(("RelayState", state.clone()));
    }
    Answer::FormPost { action: request.return_url.clone(), fields }
}

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "samlp/response.xml", escape = "none")]
struct ResponseXml {
    id: String,
    now: String,
    destination: String,
    in_response_to: Option<String>,
    issuer: String,
    status: SamlStatus,
}
