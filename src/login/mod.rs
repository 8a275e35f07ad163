//! The interface of every protocol: the login request of an application, and the response to it.
//!
//! A [`Protocol`] is pure: flows load, decide and write; a protocol only encodes. Start at [`Principal`], the
//! subject of every response.
pub mod principal;
pub mod request;
#[cfg(test)]
pub mod testing;

use crate::crypto::mac::MacKey;
use crate::crypto::xml::Signer;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::user::User;
pub use principal::Principal;
pub use request::{LoginRequest, ResponseMode};

/// A response that travels through the browser.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// 302 to an absolute URL.
    Redirect(String),
    /// A page that posts the fields to `action`.
    FormPost { action: String, fields: Vec<(&'static str, String)> },
    /// A page that posts `fields` as a message to the window that waits for it, if that has `origin`.
    WebMessage { origin: String, fields: Vec<(&'static str, String)> },
}

/// The input for a response.
pub struct Login<'a> {
    pub principal: &'a Principal,
    pub request: &'a LoginRequest,
    pub client: &'a Client,
    pub issuer: &'a str,
    /// The one-time code of the login; protocols without codes derive their ids from it.
    pub code: &'a str,
    /// The public id of this login at this server: the `SessionIndex` of SAML.
    pub id: &'a str,
    pub now: Timestamp,
    /// The key that signs XML.
    pub signer: &'a Signer,
    /// Derives pairwise subject identifiers.
    pub pairwise: &'a MacKey,
}

/// A protocol's response, and the name of the user in it.
pub struct ProtocolResponse {
    pub answer: Answer,
    /// `None` for OAuth, and for SAML error responses.
    pub name: Option<NameId>,
}

/// The name of a user at one application; its format is a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    pub value: String,
    pub format: String,
}

/// The registered settings do not allow a response, such as a key that cannot encrypt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the application cannot be answered: {0}")]
pub struct Unanswerable(pub String);

/// A logout notification for an application.
pub struct LogoutNotification<'a> {
    pub client: &'a Client,
    pub issuer: &'a str,
    /// The ended login: `SessionIndex`.
    pub login: &'a str,
    pub name: Option<&'a NameId>,
    pub return_url: &'a str,
    /// Opaque; returned with the application's response.
    pub state: Option<&'a str>,
    /// The id of the message.
    pub message: &'a str,
    pub now: Timestamp,
    pub signer: &'a Signer,
}

/// An invalid protocol parameter of an impersonation request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadParameter {
    pub field: &'static str,
    pub problem: String,
}

/// A value to copy, and its usual name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub label: &'static str,
    pub value: String,
}

impl Setting {
    pub fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into() }
    }
}

/// The parameters of an unsolicited login, by name; empty values are omitted.
pub type Parameters = std::collections::BTreeMap<String, String>;

/// A sign-in protocol.
pub trait Protocol: Send + Sync {
    fn name(&self) -> ProtocolName;

    /// Whether the protocol can name `user` to an application.
    fn can_name(&self, _: &User) -> bool {
        true
    }

    /// Parses `additionalParameters`: the login request that `client` would have made.
    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter>;

    /// Encodes the response that signs the user in. If the principal has an actor, the response names the actor.
    ///
    /// # Errors
    ///
    /// The registered settings do not allow a response.
    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable>;

    /// The logout notification that the browser carries to the application. `None`: the application has no address
    /// for it, or is notified in another way.
    fn logout_notification(
        &self,
        notification: &LogoutNotification<'_>,
    ) -> Result<Option<Answer>, Unanswerable>;

    /// The settings for the operator of `client`: this server's names and addresses, in the usual order.
    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting>;

    /// The names and values that a response to `client` would contain if `subject` signed in now, for display.
    /// `None` for a protocol whose response has no such values, because the application fetches them afterwards.
    fn describe(&self, _subject: &User, _client: &Client) -> Option<Vec<(String, String)>> {
        None
    }
}
