//! `AuthnRequest` ([SAML core §3.4.1]), read from what was verified and from nothing else.
//!
//! Until it is sure where the application takes answers, a mistake is shown here and sent nowhere (D01).
//!
//! [SAML core §3.4.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
use super::message::SamlMessage;
use super::names::{ENTITY, POST, saml, samlp};
use super::refusal::SamlRefusal;
use crate::crypto::xml::values::{boolean, collapse, date_time, is_ncname, unsigned_short};
use crate::crypto::xml::{Element, XmlError};
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::federation::{NameIdFormat, SamlSettings};
use crate::domain::protocol::ProtocolName;
use crate::login::LoginRequest;
use crate::protocols::common::checked::Checked;
use crate::protocols::common::saml_assertion::{PASSWORD, PASSWORD_PROTECTED, UNSPECIFIED};
use chrono::Duration;

/// How far the clock of an application may be from ours (D19).
const SKEW: Duration = Duration::minutes(5);
const MAX_ID_LEN: usize = 256;

/// Why a request is not answered with an assertion.
pub enum BadSamlRequest {
    /// Shown to the person, and sent nowhere.
    Here(&'static str),
    /// Told to the application.
    There(Box<LoginRequest>, SamlRefusal),
}

const NOT_A_REQUEST: BadSamlRequest =
    BadSamlRequest::Here("The request is no AuthnRequest of SAML 2.0.");
const NO_COMPARISON: BadSamlRequest = BadSamlRequest::Here(
    "The request compares ways of signing in by a word that SAML 2.0 does not have (Comparison).",
);
const NOT_A_FLAG: BadSamlRequest = BadSamlRequest::Here(
    "The request has a ForceAuthn or IsPassive that is neither true nor false.",
);

impl From<XmlError> for BadSamlRequest {
    fn from(_: XmlError) -> Self {
        NOT_A_REQUEST
    }
}

/// Where and when a request came in.
pub struct AcsPlace<'a> {
    /// The addresses that it can be meant for.
    pub urls: &'a [String],
    pub relay_state: Option<String>,
    pub now: Timestamp,
}

/// What the request says of itself, whoever it is from.
pub fn issuer(request: Element<'_>) -> Result<String, BadSamlRequest> {
    let issuer = request.required_child(saml("Issuer"))?;
    if issuer.filled("Format").is_some_and(|format| format != ENTITY) {
        return Err(NOT_A_REQUEST);
    }
    Ok(issuer.text()?.trim().to_owned())
}

pub fn read(
    (client, settings): (&Client, &SamlSettings),
    message: SamlMessage<'_>,
    place: AcsPlace<'_>,
) -> Result<Checked, BadSamlRequest> {
    let sent = message.element;
    if sent.required("Version")? != "2.0" {
        return Err(BadSamlRequest::Here("The request is not of SAML 2.0."));
    }
    let id = sent.filled("ID").filter(|id| is_message_id(id));
    let id = id.ok_or(BadSamlRequest::Here("The request has no usable ID."))?;
    if issuer(sent)? != settings.entity_id {
        return Err(BadSamlRequest::Here("The request is from another application."));
    }
    check_time(sent, place.now)?;
    check_destination(message, place.urls)?;
    let return_url = acs_url(sent, client, settings)?;
    let plain = LoginRequest::plain(ProtocolName::Samlp, client.id.clone(), return_url);
    let request = LoginRequest { state: place.relay_state, in_response_to: Some(id), ..plain };
    let (again, silent) = (flag(sent, "ForceAuthn")?, flag(sent, "IsPassive")?);
    match wishes(sent, settings) {
        Ok((name_id_format, authn_context)) => {
            let request = LoginRequest { name_id_format, authn_context, ..request };
            Ok(Checked { again, silent, ..Checked::plain(request) })
        }
        Err(SamlRequestRefusal::Bad(bad)) => Err(bad),
        Err(SamlRequestRefusal::Refusal(refusal)) => {
            Err(BadSamlRequest::There(Box::new(request), refusal))
        }
    }
}

fn check_time(sent: Element<'_>, now: Timestamp) -> Result<(), BadSamlRequest> {
    let issued = date_time(sent.required("IssueInstant")?)
        .ok_or(BadSamlRequest::Here("The request does not say when it was made."))?;
    let away = issued.signed_duration_since(now).abs();
    if away > SKEW {
        return Err(BadSamlRequest::Here(
            "The request is too old, or the application's clock is wrong. Go back to the application and try again.",
        ));
    }
    Ok(())
}

/// A signed request says where it goes, so that it cannot be taken elsewhere ([SAML bindings §3.4.5.2]).
///
/// [SAML bindings §3.4.5.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
fn check_destination(message: SamlMessage<'_>, urls: &[String]) -> Result<(), BadSamlRequest> {
    match message.element.filled("Destination") {
        Some(destination) if is_one_of(&destination, urls) => Ok(()),
        Some(_) => Err(BadSamlRequest::Here("The request is meant for another address.")),
        None if message.signed => {
            Err(BadSamlRequest::Here("The signed request does not say where it goes."))
        }
        None => Ok(()),
    }
}

/// An address of ours is the same with a slash at its end, as it is routed.
pub fn is_one_of(destination: &str, ours: &[String]) -> bool {
    let plain = destination.strip_suffix('/').unwrap_or(destination);
    ours.iter().any(|url| url == plain)
}

/// Registered byte for byte, by address or by number, or the first.
fn acs_url(
    sent: Element<'_>,
    client: &Client,
    settings: &SamlSettings,
) -> Result<String, BadSamlRequest> {
    let unregistered = "The application asked for the answer at a place it has not registered.";
    // An empty address is none that is registered, and an empty number is none.
    let url = sent.collapsed("AssertionConsumerServiceURL");
    let index = sent.collapsed("AssertionConsumerServiceIndex");
    let found = match (url, index) {
        (Some(_), Some(_)) => {
            return Err(BadSamlRequest::Here(
                "The application asked for the answer at two places.",
            ));
        }
        (Some(url), None) => client.redirect_uris.iter().find(|known| **known == url),
        (None, Some(index)) => unsigned_short(&index)
            .and_then(|index| settings.acs_url(index))
            .and_then(|url| client.redirect_uris.iter().find(|known| *known == url)),
        (None, None) => client.redirect_uris.first(),
    };
    found.cloned().ok_or(BadSamlRequest::Here(unregistered))
}

type Wishes = (Option<String>, Option<String>);

/// Why a wish is not granted.
enum SamlRequestRefusal {
    Bad(BadSamlRequest),
    Refusal(SamlRefusal),
}

impl From<XmlError> for SamlRequestRefusal {
    fn from(cause: XmlError) -> Self {
        Self::Bad(cause.into())
    }
}

impl From<SamlRefusal> for SamlRequestRefusal {
    fn from(refusal: SamlRefusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// The format of the name and the class of the authentication.
fn wishes(sent: Element<'_>, settings: &SamlSettings) -> Result<Wishes, SamlRequestRefusal> {
    // `AttributeConsumingServiceIndex` names one of several sets of attributes; there is one set here, and every answer
    // has all of it.
    if sent.filled("ProtocolBinding").is_some_and(|binding| binding != POST) {
        return Err(SamlRefusal::UnsupportedBinding.into());
    }
    // Whoever is named in it would have to be the one who signs in (SAML core §3.4.1.4).
    if sent.child(saml("Subject"))?.is_some() {
        return Err(SamlRefusal::RequestUnsupported.into());
    }
    let format = match sent.child(samlp("NameIDPolicy"))? {
        Some(policy) => name_id_format(policy, settings)?,
        None => None,
    };
    let context = match sent.child(samlp("RequestedAuthnContext"))? {
        Some(asked) => Some(authn_context(asked)?.to_owned()),
        None => None,
    };
    Ok((format, context))
}

/// `unspecified` leaves it to us, like nothing at all ([SAML core §3.4.1.1]).
///
/// [SAML core §3.4.1.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
fn name_id_format(
    policy: Element<'_>,
    settings: &SamlSettings,
) -> Result<Option<String>, SamlRefusal> {
    let qualifier = policy.attribute("SPNameQualifier").filter(|qualifier| !qualifier.is_empty());
    if qualifier.is_some_and(|qualifier| qualifier != settings.entity_id) {
        return Err(SamlRefusal::InvalidNameIdPolicy);
    }
    let Some(uri) = policy.filled("Format") else { return Ok(None) };
    match NameIdFormat::parse_uri(&uri).ok_or(SamlRefusal::InvalidNameIdPolicy)? {
        NameIdFormat::Unspecified => Ok(None),
        known @ (NameIdFormat::Persistent
        | NameIdFormat::Transient
        | NameIdFormat::EmailAddress) => Ok(Some(known.uri().to_owned())),
    }
}

/// The class that the answer will name if the user signs in ([SAML core §3.3.2.2.1]); only passwords are asked
/// for here, so nothing stronger is ever said.
///
/// The classes are in the order of preference: of those that match exactly, the first that can be met is the one that
/// is said.
///
/// [SAML core §3.3.2.2.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
fn authn_context(sent: Element<'_>) -> Result<&'static str, SamlRequestRefusal> {
    /// The strongest first.
    const KNOWN: [&str; 3] = [PASSWORD_PROTECTED, PASSWORD, UNSPECIFIED];
    let mut met = Vec::new();
    for class in sent.children_named(saml("AuthnContextClassRef")) {
        let asked = collapse(&class.text()?);
        met.extend(KNOWN.into_iter().find(|known| *known == asked));
    }
    let strongest = || KNOWN.into_iter().find(|known| met.contains(known));
    let said = match sent.filled("Comparison").as_deref().unwrap_or("exact") {
        "exact" => met.first().copied(),
        "maximum" => strongest(),
        "minimum" => met.first().map(|_| PASSWORD_PROTECTED),
        "better" => None,
        _ => return Err(SamlRequestRefusal::Bad(NO_COMPARISON)),
    };
    said.ok_or_else(|| SamlRefusal::NoAuthnContext.into())
}

/// A word that is no boolean is refused, because it would otherwise count as "no".
fn flag(sent: Element<'_>, name: &str) -> Result<bool, BadSamlRequest> {
    match sent.attribute(name).map(boolean) {
        None => Ok(false),
        Some(Some(flag)) => Ok(flag),
        Some(None) => Err(NOT_A_FLAG),
    }
}

/// `ID` of a message, wherever one is read.
pub fn is_message_id(id: &str) -> bool {
    id.len() <= MAX_ID_LEN && is_ncname(id)
}
