//! A message on its way in: Redirect and POST bindings ([SAML bindings §3.4, §3.5]), and who vouches for it.
//!
//! Reading and verifying look at one tree; what comes out of [`Received::authentic`] is all that may be read from.
//!
//! [SAML bindings §3.4, §3.5]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
use super::names::DEFLATE;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::{
    Document, Element, Limits, Name, XmlError, is_signed, read, verify, verify_octets,
};
use crate::domain::federation::SamlSettings;
use crate::http::form::pairs;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;

/// 80 bytes are recommended ([SAML bindings §3.4.3]); many need more.
///
/// [SAML bindings §3.4.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
pub const MAX_RELAY_STATE_LEN: usize = 2048;
const REQUEST: &str = "SAMLRequest";
const RESPONSE: &str = "SAMLResponse";
const KNOWN: [&str; 6] = [REQUEST, RESPONSE, "RelayState", "SigAlg", "Signature", "SAMLEncoding"];

/// Why a message is not taken, for the person at the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableMessage(pub &'static str);

const BROKEN: UnreadableMessage = UnreadableMessage("The SAML message cannot be read.");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    Request,
    Response,
}

/// A message as it came.
pub struct Received {
    pub kind: MessageKind,
    pub relay_state: Option<String>,
    xml: Vec<u8>,
    detached: Option<Detached>,
}

/// The signature of the Redirect binding, over the query as it was sent.
struct Detached {
    octets: Vec<u8>,
    method: String,
    signature: Vec<u8>,
}

/// What may be read from, and whether anybody has vouched for it.
#[derive(Clone, Copy)]
pub struct SamlMessage<'d> {
    pub element: Element<'d>,
    pub signed: bool,
}

/// Whether a message without a signature is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    Demanded,
    Optional,
}

impl Received {
    /// From a query, as it was received. `None`: there is no message in it.
    pub fn of_query(query: &str) -> Result<Option<Self>, UnreadableMessage> {
        let sent = SentMessage::read(query)?;
        let Some((kind, name)) = sent.kind()? else { return Ok(None) };
        if sent.value("SAMLEncoding")?.is_some_and(|encoding| encoding != DEFLATE) {
            return Err(UnreadableMessage(
                "The SAML message has an encoding that is not known here.",
            ));
        }
        let deflated = decode(&sent.value(name)?.unwrap_or_default())?;
        Ok(Some(Self {
            kind,
            xml: inflate(&deflated)?,
            relay_state: relay_state(&sent)?,
            detached: sent.detached(name)?,
        }))
    }

    /// From a form. Some applications deflate what they post, too.
    pub fn of_form(body: &[u8]) -> Result<Option<Self>, UnreadableMessage> {
        let body = std::str::from_utf8(body).map_err(|_| BROKEN)?;
        let sent = SentMessage::read(body)?;
        let Some((kind, name)) = sent.kind()? else { return Ok(None) };
        if sent.raw.contains_key("Signature") || sent.raw.contains_key("SigAlg") {
            return Err(UnreadableMessage(
                "The signature of a posted SAML message belongs into it.",
            ));
        }
        let decoded = decode(&sent.value(name)?.unwrap_or_default())?;
        let text = decoded.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&decoded);
        let xml = if text.trim_ascii_start().first() == Some(&b'<') {
            decoded
        } else {
            inflate(&decoded)?
        };
        Ok(Some(Self { kind, xml, relay_state: relay_state(&sent)?, detached: None }))
    }

    pub fn read(&self) -> Result<Document, UnreadableMessage> {
        read(&self.xml, &Limits::MESSAGE).map_err(|_| BROKEN)
    }

    /// The message, which is an `expected`. A signature that is there must be the application's (D04).
    pub fn authentic<'d>(
        &self,
        document: &'d Document,
        settings: &SamlSettings,
        expected: Name,
        demand: Signature,
    ) -> Result<SamlMessage<'d>, UnreadableMessage> {
        let message = document.unverified();
        if !message.is(expected) {
            return Err(UnreadableMessage(
                "The SAML message is not of the kind that belongs here.",
            ));
        }
        let enveloped = is_signed(document);
        if self.detached.is_none() && !enveloped {
            return match demand {
                Signature::Demanded => Err(UnreadableMessage(
                    "The SAML message is not signed, and the application has to sign.",
                )),
                Signature::Optional => Ok(SamlMessage { element: message, signed: false }),
            };
        }
        let keys: Vec<PublicKey> = settings
            .signing_certificates()
            .filter_map(|certificate| PublicKey::parse(certificate).ok())
            .collect();
        if let Some(Detached { octets, method, signature }) = &self.detached {
            verify_octets(method, &keys, octets, signature).map_err(unproven)?;
        }
        let element =
            if enveloped { verify(document, &keys, expected).map_err(unproven)? } else { message };
        Ok(SamlMessage { element, signed: true })
    }
}

fn unproven(cause: XmlError) -> UnreadableMessage {
    UnreadableMessage(match cause {
        XmlError::NoKey => {
            "The SAML message is signed, but the application has registered no certificate to check it with."
        }
        XmlError::Algorithm => {
            "The SAML message is signed with an algorithm that is not accepted here."
        }
        XmlError::SignatureShape => {
            "The SAML message is signed in a form that is not accepted here: one signature of the whole message, referred to by its ID, with the transforms enveloped-signature and exclusive canonicalisation."
        }
        XmlError::Key(_) => "A certificate that the application has registered cannot be used.",
        XmlError::TooMuch
        | XmlError::Encoding
        | XmlError::Character
        | XmlError::Doctype
        | XmlError::Instruction
        | XmlError::Malformed
        | XmlError::DuplicateId
        | XmlError::Unexpected
        | XmlError::Missing
        | XmlError::Repeated
        | XmlError::NotText
        | XmlError::NotSigned
        | XmlError::BadSignature
        | XmlError::NotMade => "The signature of the SAML message is not the application's.",
    })
}

/// The parameters of a binding, as they were sent.
struct SentMessage<'a> {
    raw: BTreeMap<&'a str, &'a str>,
}

impl<'a> SentMessage<'a> {
    /// Each at most once, and its name in plain letters: who spells one in another way wants two readers to see
    /// two things (D05).
    fn read(text: &'a str) -> Result<Self, UnreadableMessage> {
        let mut raw = BTreeMap::new();
        for (nth, part) in text.split('&').filter(|part| !part.is_empty()).enumerate() {
            let (sent, value) = part.split_once('=').unwrap_or((part, ""));
            // A name that cannot be decoded is none that is known, and what others hold is not read.
            let decoded = pairs(sent.as_bytes()).unwrap_or_default();
            let name = decoded.first().map_or("", |(name, _)| name.as_str());
            if nth == 200 {
                return Err(BROKEN);
            }
            if !KNOWN.contains(&name) {
                continue;
            }
            if sent != name || raw.insert(sent, value).is_some() {
                return Err(UnreadableMessage(
                    "A parameter of the SAML message is given twice, or in a strange spelling.",
                ));
            }
        }
        Ok(Self { raw })
    }

    fn kind(&self) -> Result<Option<(MessageKind, &'static str)>, UnreadableMessage> {
        match (self.raw.contains_key(REQUEST), self.raw.contains_key(RESPONSE)) {
            (false, false) => Ok(None),
            (true, false) => Ok(Some((MessageKind::Request, REQUEST))),
            (false, true) => Ok(Some((MessageKind::Response, RESPONSE))),
            (true, true) => Err(UnreadableMessage("There are two SAML messages in one.")),
        }
    }

    fn value(&self, name: &str) -> Result<Option<String>, UnreadableMessage> {
        let Some(raw) = self.raw.get(name) else { return Ok(None) };
        let decoded = pairs(format!("v={raw}").as_bytes()).map_err(|_| BROKEN)?;
        Ok(decoded.into_iter().next().map(|(_, value)| value))
    }

    /// What is signed is what was sent, escapes and all, in the order of the specification
    /// ([SAML bindings §3.4.4.1]).
    ///
    /// [SAML bindings §3.4.4.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
    fn detached(&self, name: &str) -> Result<Option<Detached>, UnreadableMessage> {
        let (method, signature) = match (self.value("SigAlg")?, self.value("Signature")?) {
            (None, None) => return Ok(None),
            (Some(method), Some(signature)) => (method, signature),
            (Some(_), None) | (None, Some(_)) => {
                return Err(UnreadableMessage("The signature of the SAML message is incomplete."));
            }
        };
        let names = [name, "RelayState", "SigAlg"];
        let sent = names.iter().filter_map(|name| Some(format!("{name}={}", self.raw.get(name)?)));
        let octets = sent.collect::<Vec<_>>().join("&").into_bytes();
        Ok(Some(Detached { octets, method, signature: decode(&signature)? }))
    }
}

/// Of a query without a message.
pub fn relay_state_of(query: &str) -> Result<Option<String>, UnreadableMessage> {
    relay_state(&SentMessage::read(query)?)
}

/// Returned exactly as it came, an empty one too ([SAML bindings §3.4.3]).
///
/// [SAML bindings §3.4.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
fn relay_state(sent: &SentMessage<'_>) -> Result<Option<String>, UnreadableMessage> {
    match sent.value("RelayState")? {
        Some(state) if state.len() > MAX_RELAY_STATE_LEN => {
            Err(UnreadableMessage("The RelayState is longer than 2048 bytes."))
        }
        other => Ok(other),
    }
}

/// Base64 with line ends, as many write it; what is outside the alphabet is passed over ([RFC 2045 §6.8]).
///
/// [RFC 2045 §6.8]: https://www.rfc-editor.org/rfc/rfc2045#section-6.8
fn decode(text: &str) -> Result<Vec<u8>, UnreadableMessage> {
    let text: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
        .collect();
    if text.is_empty() {
        return Err(BROKEN);
    }
    STANDARD.decode(text).map_err(|_| BROKEN)
}

/// Raw DEFLATE ([RFC 1951]), whole and nothing behind it, and never more than a message may hold (D14).
///
/// [RFC 1951]: https://www.rfc-editor.org/rfc/rfc1951
fn inflate(deflated: &[u8]) -> Result<Vec<u8>, UnreadableMessage> {
    let mut stream = Decompress::new(false);
    let mut out = Vec::with_capacity(Limits::MESSAGE.bytes.min(deflated.len().saturating_mul(4)));
    loop {
        let taken = usize::try_from(stream.total_in()).map_err(|_| BROKEN)?;
        let rest = deflated.get(taken..).ok_or(BROKEN)?;
        let before = (stream.total_in(), out.len());
        let status =
            stream.decompress_vec(rest, &mut out, FlushDecompress::None).map_err(|_| BROKEN)?;
        let taken = usize::try_from(stream.total_in()).map_err(|_| BROKEN)?;
        match status {
            Status::StreamEnd if taken == deflated.len() => return Ok(out),
            Status::StreamEnd => return Err(BROKEN),
            Status::Ok | Status::BufError => {}
        }
        if out.len() >= Limits::MESSAGE.bytes {
            return Err(UnreadableMessage("The SAML message is too large."));
        }
        if out.len() < out.capacity() && before == (stream.total_in(), out.len()) {
            return Err(BROKEN);
        }
        let more = out.capacity().max(1024).min(Limits::MESSAGE.bytes - out.len());
        out.reserve_exact(more);
    }
}
