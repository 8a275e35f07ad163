//! An assertion of SAML 2.0 ([SAML core §2]), for the rooms that give one out.
//!
//! Everything that varies goes through [`escape`], so no profile writes markup into what we sign (D16).
//!
//! [SAML core §2]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
use crate::crypto::xml::{SignaturePlace, Signer, XmlError, escape};
use crate::domain::Timestamp;
use crate::domain::federation::NameIdFormat;
use crate::login::NameId;
use askama::Template;
use chrono::SecondsFormat;

/// Nothing is said of how the user signed in ([SAML authentication contexts §3.4]).
///
/// [SAML authentication contexts §3.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-authn-context-2.0-os.pdf
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
pub const PASSWORD_PROTECTED: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// How the names of the elements are written. To an XML parser it is the same; many relying parties read
/// names as they stand, and each protocol has its habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `saml:Assertion`, as SAML's own documents and nearly all identity providers write it.
    Prefixed,
    /// `Assertion`, as AD FS and Entra ID put it into answers of WS-Federation.
    Plain,
}

impl Spelling {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Prefixed => "saml:",
            Self::Plain => "",
        }
    }
}

/// What is asserted, and to whom.
pub struct Assertion<'a> {
    pub spelling: Spelling,
    pub id: &'a str,
    pub issuer: &'a str,
    /// Who may believe it, and nobody else.
    pub audience: &'a str,
    /// Where it may be shown.
    pub recipient: &'a str,
    pub in_response_to: Option<&'a str>,
    pub name: &'a NameId,
    /// One of the classes of authentication contexts.
    pub context: &'a str,
    pub authenticated_at: Timestamp,
    /// `SessionIndex`.
    pub session_index: &'a str,
    /// The hard end of an impersonation, after which the application has to ask again.
    pub session_ends: Option<Timestamp>,
    /// The marks among them.
    pub attributes: &'a [(String, String)],
    /// The actor by id, and since when ([SAML V2.0 Condition for Delegation Restriction §2.2]).
    ///
    /// [SAML V2.0 Condition for Delegation Restriction §2.2]: https://docs.oasis-open.org/security/saml/Post2.0/sstc-saml-delegation-cs-01.html
    pub delegate: Option<(&'a str, Timestamp)>,
    pub now: Timestamp,
    pub not_before: Timestamp,
    pub not_on_or_after: Timestamp,
}

impl Assertion<'_> {
    /// Written, and signed so that it can be cut out of what it is put into.
    ///
    /// # Errors
    ///
    /// [`XmlError::Character`] when a value holds a character that XML does not have.
    pub fn sign(&self, signer: &Signer) -> Result<String, XmlError> {
        let xml = self.write()?;
        match self.spelling {
            Spelling::Prefixed => {
                signer.sign_enveloped(&xml, "ID", self.id, SignaturePlace::AfterIssuer)
            }
            Spelling::Plain => signer.sign_token(&xml, "ID", self.id, SignaturePlace::AfterIssuer),
        }
    }

    fn write(&self) -> Result<String, XmlError> {
        let delegate =
            self.delegate.map(|(actor, since)| Ok::<_, XmlError>((escape(actor)?, instant(since))));
        compact(&AssertionXml {
            saml: self.spelling.prefix(),
            id: escape(self.id)?,
            now: instant(self.now),
            issuer: escape(self.issuer)?,
            format: escape(&self.name.format)?,
            qualified: self.name.format == NameIdFormat::Persistent.uri(),
            name: escape(&self.name.value)?,
            recipient: escape(self.recipient)?,
            in_response_to: self.in_response_to.map(escape).transpose()?,
            not_before: instant(self.not_before),
            not_on_or_after: instant(self.not_on_or_after),
            audience: escape(self.audience)?,
            delegate: delegate.transpose()?,
            authenticated_at: instant(self.authenticated_at),
            session_index: escape(self.session_index)?,
            session_ends: self.session_ends.map(instant),
            context: escape(self.context)?,
            attributes: grouped(self.attributes)?,
        })
    }
}

/// Escaped, and no name twice: strict service providers refuse that.
fn grouped(attributes: &[(String, String)]) -> Result<Vec<(String, Vec<String>)>, XmlError> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in attributes {
        let (name, value) = (escape(name)?, escape(value)?);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    Ok(groups)
}

/// As SAML writes times: UTC, with a `Z` (SAML core §1.3.3).
pub fn instant(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The text of a template without the line ends and indents that stand between its elements: white space is
/// content to a signature. No value has a line end, as [`escape`] leaves none.
pub fn compact(template: &impl Template) -> Result<String, XmlError> {
    let text = template.render().map_err(|_| XmlError::NotMade)?;
    Ok(text.lines().map(str::trim).collect())
}

/// Its values are escaped already.
#[derive(Template)]
#[template(path = "samlp/assertion.xml", escape = "none")]
struct AssertionXml {
    /// In front of each name of SAML's.
    saml: &'static str,
    id: String,
    now: String,
    issuer: String,
    format: String,
    qualified: bool,
    name: String,
    recipient: String,
    in_response_to: Option<String>,
    not_before: String,
    not_on_or_after: String,
    audience: String,
    delegate: Option<(String, String)>,
    authenticated_at: String,
    session_index: String,
    session_ends: Option<String>,
    context: String,
    attributes: Vec<(String, Vec<String>)>,
}
