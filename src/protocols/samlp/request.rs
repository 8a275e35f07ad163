//! `AuthnRequest` ([SAML core §3.4.1]), read from what was verified and from nothing else.
//!
//! Until it is sure where the application takes answers, a mistake is shown here and sent nowhere (D01).
//!
//! [SAML core §3.4.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
use super::message::Message;
use super::names::{ENTITY, POST, saml, samlp};
use super::refusal::Refusal;
use crate::crypto::xml::{Element, XmlError};
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::federation::{NameIdFormat, SamlSettings};
use crate::domain::protocol::ProtocolName;
use crate::login::LoginRequest;
use crate::protocols::common::checked::Checked;
use crate::protocols::common::saml_assertion::{PASSWORD, PASSWORD_PROTECTED, UNSPECIFIED};
use chrono::{DateTime, Duration, Utc};

/// How far the clock of an application may be from ours (D19).
const SKEW: Duration = Duration::minutes(5);
const LONGEST_ID: usize = 256;

/// Why a request is not answered with an assertion.
pub enum Bad {
    /// Shown to the person, and sent nowhere.
    Here(&'static str),
    /// Told to the application.
    There(Box<LoginRequest>, Refusal),
}

const NOT_A_REQUEST: Bad = Bad::Here("The request is no AuthnRequest of SAML 2.0.");

impl From<XmlError> for Bad {
    fn from(_: XmlError) -> Self {
        NOT_A_REQUEST
    }
}

/// Where and when a request came in.
pub struct Place<'a> {
    /// The addresses that it can be meant for.
    pub urls: &'a [String],
    pub relay_state: Option<String>,
    pub now: Timestamp,
}

/// What the request says of itself, whoever it is from.
pub fn issuer(request: Element<'_>) -> Result<String, Bad> {
    let issuer = request.required_child(saml("Issuer"))?;
    if issuer.attribute("Format").is_some_and(|format| format != ENTITY) {
        return Err(NOT_A_REQUEST);
    }
    Ok(issuer.text()?.trim().to_owned())
}

pub fn read(
    (client, settings): (&Client, &SamlSettings),
    message: Message<'_>,
    place: Place<'_>,
) -> Result<Checked, Bad> {
    let sent = message.element;
    if sent.required("Version")? != "2.0" {
        return Err(Bad::Here("The request is not of SAML 2.0."));
    }
    let id = sent.required("ID")?;
    if !is_ncname(id) {
        return Err(Bad::Here("The request has no usable ID."));
    }
    if issuer(sent)? != settings.entity_id {
        return Err(Bad::Here("The request is from another application."));
    }
    check_time(sent, place.now)?;
    check_destination(message, place.urls)?;
    let return_url = acs_url(sent, client, settings)?;
    let plain = LoginRequest::plain(ProtocolName::Samlp, client.id.clone(), return_url);
    let request =
        LoginRequest { state: place.relay_state, in_response_to: Some(id.to_owned()), ..plain };
    let (again, silent) = (flag(sent, "ForceAuthn")?, flag(sent, "IsPassive")?);
    match wishes(sent, settings) {
        Ok((name_id_format, authn_context)) => {
            let request = LoginRequest { name_id_format, authn_context, ..request };
            Ok(Checked { again, silent, ..Checked::plain(request) })
        }
        Err(No::Bad(bad)) => Err(bad),
        Err(No::Refusal(refusal)) => Err(Bad::There(Box::new(request), refusal)),
    }
}

fn check_time(sent: Element<'_>, now: Timestamp) -> Result<(), Bad> {
    let issued = DateTime::parse_from_rfc3339(sent.required("IssueInstant")?)
        .map_err(|_| Bad::Here("The request does not say when it was made."))?;
    let away = issued.with_timezone(&Utc).signed_duration_since(now).abs();
    if away > SKEW {
        return Err(Bad::Here(
            "The request is too old, or the application's clock is wrong. Go back to the application and try again.",
        ));
    }
    Ok(())
}

/// A signed request says where it goes, so that it cannot be taken elsewhere ([SAML bindings §3.4.5.2]).
///
/// [SAML bindings §3.4.5.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
fn check_destination(message: Message<'_>, urls: &[String]) -> Result<(), Bad> {
    match message.element.attribute("Destination") {
        Some(destination) if urls.iter().any(|url| url == destination) => Ok(()),
        Some(_) => Err(Bad::Here("The request is meant for another address.")),
        None if message.signed => Err(Bad::Here("The signed request does not say where it goes.")),
        None => Ok(()),
    }
}

/// Registered byte for byte, by address or by number, or the first.
fn acs_url(sent: Element<'_>, client: &Client, settings: &SamlSettings) -> Result<String, Bad> {
    let unregistered = "The application asked for the answer at a place it has not registered.";
    let url = sent.attribute("AssertionConsumerServiceURL");
    let index = sent.attribute("AssertionConsumerServiceIndex");
    let found = match (url, index) {
        (Some(_), Some(_)) => {
            return Err(Bad::Here("The application asked for the answer at two places."));
        }
        (Some(url), None) => client.redirect_uris.iter().find(|known| *known == url),
        (None, Some(index)) => {
            let digits = index.bytes().all(|digit| digit.is_ascii_digit());
            let index = index.parse::<u16>().ok().filter(|_| digits);
            index
                .and_then(|index| settings.acs_url(index))
                .and_then(|url| client.redirect_uris.iter().find(|known| *known == url))
        }
        (None, None) => client.redirect_uris.first(),
    };
    found.cloned().ok_or(Bad::Here(unregistered))
}

type Wishes = (Option<String>, Option<String>);

/// Why a wish is not granted.
enum No {
    Bad(Bad),
    Refusal(Refusal),
}

impl From<XmlError> for No {
    fn from(cause: XmlError) -> Self {
        Self::Bad(cause.into())
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// The format of the name and the class of the authentication.
fn wishes(sent: Element<'_>, settings: &SamlSettings) -> Result<Wishes, No> {
    if sent.attribute("ProtocolBinding").is_some_and(|binding| binding != POST) {
        return Err(Refusal::UnsupportedBinding.into());
    }
    // Whoever is named in it would have to be the one who signs in (SAML core §3.4.1.4).
    if sent.child(saml("Subject"))?.is_some() {
        return Err(Refusal::RequestUnsupported.into());
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
fn name_id_format(policy: Element<'_>, settings: &SamlSettings) -> Result<Option<String>, Refusal> {
    let qualifier = policy.attribute("SPNameQualifier").filter(|qualifier| !qualifier.is_empty());
    if qualifier.is_some_and(|qualifier| qualifier != settings.entity_id) {
        return Err(Refusal::InvalidNameIdPolicy);
    }
    let Some(uri) = policy.attribute("Format") else { return Ok(None) };
    let known = NameIdFormat::ALL.into_iter().find(|format| format.uri() == uri);
    match known.ok_or(Refusal::InvalidNameIdPolicy)? {
        NameIdFormat::Unspecified => Ok(None),
        NameIdFormat::Persistent | NameIdFormat::Transient | NameIdFormat::EmailAddress => {
            Ok(Some(uri.to_owned()))
        }
    }
}

/// The class that the answer will name if the user signs in ([SAML core §3.3.2.2.1]); only passwords are asked
/// for here, so nothing stronger is ever said.
///
/// [SAML core §3.3.2.2.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
fn authn_context(sent: Element<'_>) -> Result<&'static str, No> {
    let mut asked = Vec::new();
    for class in sent.children_named(saml("AuthnContextClassRef")) {
        asked.push(class.text()?.trim().to_owned());
    }
    let mut known = [PASSWORD_PROTECTED, PASSWORD, UNSPECIFIED].into_iter();
    let strongest = known.find(|class| asked.iter().any(|asked| asked == class));
    let met = match sent.attribute("Comparison").unwrap_or("exact") {
        "exact" | "maximum" => strongest,
        "minimum" => strongest.map(|_| PASSWORD_PROTECTED),
        "better" => None,
        _ => return Err(No::Bad(NOT_A_REQUEST)),
    };
    met.ok_or_else(|| Refusal::NoAuthnContext.into())
}

/// [XML Schema §3.2.2](https://www.w3.org/TR/xmlschema-2/#boolean).
fn flag(sent: Element<'_>, name: &str) -> Result<bool, Bad> {
    match sent.attribute(name).map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(NOT_A_REQUEST),
    }
}

/// [NCName](https://www.w3.org/TR/xml-names/#NT-NCName), as far as anybody writes one.
fn is_ncname(id: &str) -> bool {
    let rest = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    id.len() <= LONGEST_ID
        && id.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && id.chars().all(rest)
}
