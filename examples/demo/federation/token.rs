//! A signed assertion of SAML 1.1 or 2.0, and the checks before it is accepted.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use understudy::crypto::certificate::PublicKey;
use understudy::crypto::xml::{self, Element, Limits, Name, XmlError};

pub const SAML11: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
pub const SAML20: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// How far our clock and the provider's may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(60);

#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("something is missing or not readable in it")]
    Form,
    #[error("it says that the sign-in failed")]
    Failed,
    #[error("another provider made it")]
    Issuer,
    #[error("it is for somebody else")]
    Audience,
    #[error("it is too old or too new")]
    Time,
    #[error("this browser has not asked for it")]
    NotAsked,
    #[error("it was used before")]
    Replayed,
}

/// What the provider signs with.
pub struct Keys(Vec<PublicKey>);

impl Keys {
    /// From metadata that the provider has signed itself, fetched from its own address.
    pub fn of_metadata(text: &str, issuer: &str) -> Result<Self, Untrusted> {
        let mut keys = Vec::new();
        // With a namespace prefix or without: each start tag is followed by its end tag.
        for piece in text.split("X509Certificate>").skip(1).step_by(2) {
            let certificate = piece.split('<').next().unwrap_or_default();
            keys.push(PublicKey::parse(certificate).map_err(|_| Untrusted::Form)?);
        }
        let document = xml::read(text.as_bytes(), &Limits::MESSAGE)?;
        let entity = xml::verify(&document, &keys, Name::new(METADATA, "EntityDescriptor"))?;
        if entity.attribute("entityID") != Some(issuer) {
            return Err(Untrusted::Issuer);
        }
        Ok(Self(keys))
    }
}

/// What was proven.
#[derive(Debug, Clone)]
pub struct Token {
    pub id: String,
    pub name: String,
    pub claims: BTreeMap<String, String>,
    /// Of the provider's login.
    pub session_index: Option<String>,
    pub in_response_to: Option<String>,
    pub until: DateTime<Utc>,
    pub session_until: Option<DateTime<Utc>>,
    /// For a curious reader.
    pub xml: String,
}

/// Who is spoken to.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub recipient: &'a str,
    pub now: DateTime<Utc>,
}

/// The one assertion in `message`, verified by itself: nothing outside of it is looked at, so nothing can
/// be wrapped around it.
pub fn read(message: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Token, Untrusted> {
    let (start, end) = ("<saml:Assertion ", "</saml:Assertion>");
    let at = message.find(start).ok_or(Untrusted::Form)?;
    let rest = message.get(at..).ok_or(Untrusted::Form)?;
    let length = rest.find(end).ok_or(Untrusted::Form)? + end.len();
    let text = rest.get(..length).ok_or(Untrusted::Form)?;
    let document = xml::read(text.as_bytes(), &Limits::MESSAGE)?;
    let namespace = document.unverified().namespace().to_owned();
    let namespace =
        [SAML11, SAML20].into_iter().find(|it| *it == namespace).ok_or(Untrusted::Form)?;
    let assertion = xml::verify(&document, &keys.0, Name::new(namespace, "Assertion"))?;
    let token = if namespace == SAML20 {
        read20(assertion, expected)
    } else {
        read11(assertion, expected)
    }?;
    Ok(Token { xml: text.to_owned(), ..token })
}

fn read11(assertion: Element<'_>, expected: &Expected<'_>) -> Result<Token, Untrusted> {
    let name = |local| Name::new(SAML11, local);
    if assertion.attribute("Issuer") != Some(expected.issuer) {
        return Err(Untrusted::Issuer);
    }
    let conditions = assertion.required_child(name("Conditions"))?;
    let until = check_time(conditions, expected.now)?;
    let audience = conditions.required_child(name("AudienceRestrictionCondition"))?;
    check_audience(audience, name("Audience"), expected)?;
    let statement = assertion.required_child(name("AuthenticationStatement"))?;
    let subject = statement.required_child(name("Subject"))?;
    let mut claims = BTreeMap::new();
    for attribute in
        assertion.required_child(name("AttributeStatement"))?.children_named(name("Attribute"))
    {
        let (space, word) =
            (attribute.required("AttributeNamespace")?, attribute.required("AttributeName")?);
        let value = attribute.required_child(name("AttributeValue"))?.text()?;
        claims.insert(format!("{space}/{word}"), value);
    }
    Ok(Token {
        id: assertion.required("AssertionID")?.to_owned(),
        name: subject.required_child(name("NameIdentifier"))?.text()?,
        claims,
        session_index: None,
        in_response_to: None,
        until,
        session_until: None,
        xml: String::new(),
    })
}

fn read20(assertion: Element<'_>, expected: &Expected<'_>) -> Result<Token, Untrusted> {
    let name = |local| Name::new(SAML20, local);
    if assertion.required_child(name("Issuer"))?.text()? != expected.issuer {
        return Err(Untrusted::Issuer);
    }
    let conditions = assertion.required_child(name("Conditions"))?;
    let until = check_time(conditions, expected.now)?;
    check_audience(
        conditions.required_child(name("AudienceRestriction"))?,
        name("Audience"),
        expected,
    )?;
    let subject = assertion.required_child(name("Subject"))?;
    let confirmation = subject.required_child(name("SubjectConfirmation"))?;
    let confirmed = confirmation.required_child(name("SubjectConfirmationData"))?;
    if confirmed.attribute("Recipient") != Some(expected.recipient) {
        return Err(Untrusted::Audience);
    }
    if time(confirmed.required("NotOnOrAfter")?)? + SKEW <= expected.now {
        return Err(Untrusted::Time);
    }
    let statement = assertion.required_child(name("AuthnStatement"))?;
    let mut claims = BTreeMap::new();
    for attribute in
        assertion.required_child(name("AttributeStatement"))?.children_named(name("Attribute"))
    {
        let value = attribute.required_child(name("AttributeValue"))?.text()?;
        claims.insert(attribute.required("Name")?.to_owned(), value);
    }
    Ok(Token {
        id: assertion.required("ID")?.to_owned(),
        name: subject.required_child(name("NameID"))?.text()?,
        claims,
        session_index: statement.attribute("SessionIndex").map(str::to_owned),
        in_response_to: confirmed.attribute("InResponseTo").map(str::to_owned),
        until,
        session_until: statement.attribute("SessionNotOnOrAfter").map(time).transpose()?,
        xml: String::new(),
    })
}

fn time(text: &str) -> Result<DateTime<Utc>, Untrusted> {
    text.parse().map_err(|_| Untrusted::Form)
}

fn check_time(conditions: Element<'_>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Untrusted> {
    let from = time(conditions.required("NotBefore")?)?;
    let until = time(conditions.required("NotOnOrAfter")?)?;
    if from - SKEW <= now && now < until + SKEW { Ok(until) } else { Err(Untrusted::Time) }
}

fn check_audience(
    within: Element<'_>,
    name: Name,
    expected: &Expected<'_>,
) -> Result<(), Untrusted> {
    for audience in within.children_named(name) {
        if audience.text()? == expected.audience {
            return Ok(());
        }
    }
    Err(Untrusted::Audience)
}

/// Whether a detached signature of the provider is over `octets` (SAML Redirect binding).
pub fn is_signed(keys: &Keys, method: &str, octets: &[u8], signature: &[u8]) -> bool {
    xml::verify_octets(method, &keys.0, octets, signature).is_ok()
}
