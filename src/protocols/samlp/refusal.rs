//! The words of a no: a status without any assertion ([SAML core §3.2.2], D37).
//!
//! Messages are fixed texts; nothing that was sent comes back in them.
//!
//! [SAML core §3.2.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
use super::response::{ResponseEnvelope, SamlStatus, post};
use crate::crypto::hash::xml_id;
use crate::crypto::random;
use crate::crypto::xml::{Signer, XmlError};
use crate::domain::Timestamp;
use crate::flows::login::authorize::AuthorizeRefusal;
use crate::login::{Answer, LoginRequest};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamlRefusal {
    NoPassive,
    NoAuthnContext,
    RequestDenied,
    InvalidNameIdPolicy,
    /// The user's address is not verified, or there is none.
    NoVerifiedEmail,
    UnsupportedBinding,
    RequestUnsupported,
    /// A field of the user that XML cannot carry.
    InvalidAttribute,
}

const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";

impl SamlRefusal {
    pub fn words(self) -> SamlStatus {
        let (first, second, message) = match self {
            Self::NoPassive => (
                RESPONDER,
                "urn:oasis:names:tc:SAML:2.0:status:NoPassive",
                "the user has to sign in",
            ),
            Self::NoAuthnContext => (
                RESPONDER,
                "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext",
                "the authentication that was asked for cannot be had",
            ),
            Self::RequestDenied => (
                RESPONDER,
                "urn:oasis:names:tc:SAML:2.0:status:RequestDenied",
                "the user has no access to this application",
            ),
            Self::InvalidNameIdPolicy => (
                REQUESTER,
                "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy",
                "users are not named in the way that was asked for",
            ),
            Self::NoVerifiedEmail => (
                RESPONDER,
                "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy",
                "the user has no verified e-mail address to be named by",
            ),
            Self::UnsupportedBinding => (
                REQUESTER,
                "urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding",
                "answers go by HTTP-POST only",
            ),
            Self::RequestUnsupported => (
                REQUESTER,
                "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported",
                "a request may not name the user",
            ),
            Self::InvalidAttribute => (
                RESPONDER,
                "urn:oasis:names:tc:SAML:2.0:status:InvalidAttrNameOrValue",
                "a field of the user cannot be written in XML",
            ),
        };
        (first, Some(second), Some(message))
    }

    /// Of the flow's reasons, consent and hints are never asked for in this protocol.
    pub fn of_flow(refusal: AuthorizeRefusal) -> Self {
        match refusal {
            AuthorizeRefusal::LoginRequired
            | AuthorizeRefusal::ImpersonationEnded
            | AuthorizeRefusal::InteractionRequired => Self::NoPassive,
            AuthorizeRefusal::UnmetRequirements => Self::NoAuthnContext,
            AuthorizeRefusal::NoName => Self::NoVerifiedEmail,
            AuthorizeRefusal::AccessDenied
            | AuthorizeRefusal::ConsentRequired
            | AuthorizeRefusal::ForgedHint => Self::RequestDenied,
        }
    }
}

/// Signed always, so that nobody tells an application a no that is not ours.
pub fn refuse(
    request: &LoginRequest,
    refusal: SamlRefusal,
    (issuer, now, signer): (&str, Timestamp, &Signer),
) -> Result<Answer, XmlError> {
    let id = xml_id("samlp refusal", &random::secret());
    let envelope = ResponseEnvelope { id: &id, issuer, request, status: refusal.words(), now };
    let xml = envelope.sign_around("", signer)?;
    Ok(post(request, &xml))
}
