//! Registered settings of SAML 2.0 and WS-Federation applications.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
const AUTH0: &str = "http://schemas.auth0.com/";

/// The fields of a user that can be told, with the name each has (a namespace and a word) unless the
/// application maps it.
pub const USER_FIELDS: [(&str, &str, &str); 11] = [
    ("user_id", XMLSOAP, "nameidentifier"),
    ("email", XMLSOAP, "emailaddress"),
    ("name", XMLSOAP, "name"),
    ("given_name", XMLSOAP, "givenname"),
    ("family_name", XMLSOAP, "surname"),
    ("upn", XMLSOAP, "upn"),
    ("nickname", AUTH0, "nickname"),
    ("picture", AUTH0, "picture"),
    ("phone_number", AUTH0, "phone_number"),
    ("email_verified", AUTH0, "email_verified"),
    ("organization", AUTH0, "organization"),
];

/// How an application wants to know the user ([SAML core §8.3]).
///
/// [SAML core §8.3]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameIdFormat {
    /// Another name for every application, the same at every sign-in.
    Persistent,
    /// Another name at every sign-in.
    Transient,
    /// The e-mail address, if it is verified.
    EmailAddress,
    /// The user's id.
    Unspecified,
}

impl NameIdFormat {
    pub const ALL: [Self; 4] =
        [Self::Persistent, Self::Transient, Self::EmailAddress, Self::Unspecified];

    pub fn uri(self) -> &'static str {
        match self {
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        }
    }

    /// The short name of the provisioning file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Transient => "transient",
            Self::EmailAddress => "emailAddress",
            Self::Unspecified => "unspecified",
        }
    }

    /// By URI, or by its last word as in the provisioning file.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_uri(text).or_else(|| Self::by_word(text))
    }

    /// By URI. A format of SAML 1.1 is known under the name of 2.0 too, and the other way round: the standard itself
    /// printed such a name ([errata E84]), and libraries send it.
    ///
    /// [errata E84]: https://docs.oasis-open.org/security/saml/v2.0/sstc-saml-approved-errata-2.0.html
    pub fn parse_uri(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("urn:oasis:names:tc:SAML:")?;
        let rest = rest.strip_prefix("2.0:").or_else(|| rest.strip_prefix("1.1:"))?;
        Self::by_word(rest.strip_prefix("nameid-format:")?)
    }

    fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// A service provider, as the provisioning file or its metadata describe it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct SamlSettings {
    pub entity_id: String,
    /// The first is the default.
    pub acs_urls: Vec<String>,
    /// The number of each in the application's metadata; without any they are counted from 0.
    pub acs_indexes: Vec<u16>,
    pub slo_url: Option<String>,
    /// Where responses to a logout go, when that is not `slo_url` (`ResponseLocation`).
    pub slo_response_url: Option<String>,
    /// How `slo_url` is spoken to.
    pub slo_binding: SloBinding,
    /// Signs its requests with one of these; several while it changes over.
    pub certificates: Vec<String>,
    /// The older spelling of the same: one certificate.
    pub certificate: Option<String>,
    pub encryption_certificate: Option<String>,
    /// Requests without a signature are refused.
    pub require_signed_requests: bool,
    /// The Response too, not only the Assertion in it.
    pub sign_response: bool,
    pub encrypt_assertion: bool,
    /// What an assertion is encrypted with, by its URI; none: AES-256-GCM.
    pub encryption_algorithm: Option<String>,
    pub name_id_format: Option<String>,
    /// The name that the application knows, and the field of the user that it is filled from.
    pub attributes: BTreeMap<String, String>,
    /// Allows sign-ins that start at this server, without a request.
    pub idp_initiated: bool,
    /// Name the actor in a `Delegation` condition too ([SAML V2.0 Condition for Delegation Restriction]).
    ///
    /// [SAML V2.0 Condition for Delegation Restriction]: https://docs.oasis-open.org/security/saml/Post2.0/sstc-saml-delegation-cs-01.html
    pub delegation_restriction: bool,
}

impl Default for SamlSettings {
    fn default() -> Self {
        Self {
            entity_id: String::new(),
            acs_urls: Vec::new(),
            acs_indexes: Vec::new(),
            slo_url: None,
            slo_response_url: None,
            slo_binding: SloBinding::Redirect,
            certificates: Vec::new(),
            certificate: None,
            encryption_certificate: None,
            require_signed_requests: false,
            sign_response: true,
            encrypt_assertion: false,
            encryption_algorithm: None,
            name_id_format: None,
            attributes: BTreeMap::new(),
            idp_initiated: false,
            delegation_restriction: false,
        }
    }
}

impl SamlSettings {
    /// The address of this number, if there is one: never another in its place.
    pub fn acs_url(&self, index: u16) -> Option<&str> {
        let nth = if self.acs_indexes.is_empty() {
            usize::from(index)
        } else {
            self.acs_indexes.iter().position(|known| *known == index)?
        };
        self.acs_urls.get(nth).map(String::as_str)
    }

    /// Where a response to its `LogoutRequest` goes ([SAML metadata §2.2.2]).
    ///
    /// [SAML metadata §2.2.2]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
    pub fn logout_response_url(&self) -> Option<&str> {
        self.slo_response_url.as_deref().or(self.slo_url.as_deref())
    }

    /// As what it is told the name of a user: as it asks, else as it is registered, else by id.
    pub fn name_format(&self, asked: Option<&str>) -> NameIdFormat {
        let wanted = asked.or(self.name_id_format.as_deref());
        wanted.and_then(NameIdFormat::parse).unwrap_or(NameIdFormat::Unspecified)
    }

    /// Every certificate that a signature of the application may be made with.
    pub fn signing_certificates(&self) -> impl Iterator<Item = &str> {
        self.certificates.iter().chain(&self.certificate).map(String::as_str)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SloBinding {
    #[default]
    Redirect,
    Post,
}

/// The SAML version of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenVersion {
    #[default]
    #[serde(rename = "1.1")]
    Saml11,
    #[serde(rename = "2.0")]
    Saml20,
}

/// The WS-Trust that a token is handed over in: the submission of February 2005, or the standard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustVersion {
    #[default]
    #[serde(rename = "2005/02")]
    Feb2005,
    #[serde(rename = "1.3")]
    V13,
}

/// What a relying party asks for in `wreq`; what it does not say is as it registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenForm {
    pub token: Option<TokenVersion>,
    pub trust: Option<TrustVersion>,
}

/// A relying party of WS-Federation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WsfedSettings {
    /// `wtrealm`, exactly.
    pub realm: String,
    pub reply_urls: Vec<String>,
    pub token_version: TokenVersion,
    pub wst: TrustVersion,
    /// The name that the application knows, and the field of the user that it is filled from.
    pub attributes: BTreeMap<String, String>,
}
