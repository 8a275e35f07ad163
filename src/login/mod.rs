//! The shape of every room: what an application asks, and how it is answered.
//!
//! A room ([`Protocol`]) is pure: flows load, decide and write; the room only words. Start at
//! [`Principal`], which every answer is about.
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

/// What goes back through the browser.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// 302 to an absolute URL.
    Redirect(String),
    /// A page that posts the fields to `action`.
    FormPost { action: String, fields: Vec<(&'static str, String)> },
    /// A page that sends `fields` to the window that waits for it, if that is of `origin`.
    WebMessage { origin: String, fields: Vec<(&'static str, String)> },
}

/// What a room is given to word an answer.
pub struct Login<'a> {
    pub principal: &'a Principal,
    pub request: &'a LoginRequest,
    pub client: &'a Client,
    pub issuer: &'a str,
    /// The one-time code that stands for the login; protocols that answer at once make their ids of it.
    pub code: &'a str,
    /// Names this login at this server, and is no secret: the `SessionIndex` of SAML.
    pub id: &'a str,
    pub now: Timestamp,
    /// What XML is signed with.
    pub signer: &'a Signer,
    /// Makes the names by which single applications know a user.
    pub pairwise: &'a MacKey,
}

/// What an application is told, and how it was told to call the user.
pub struct ProtocolResponse {
    pub answer: Answer,
    /// In SAML, none: nobody was named, because the answer is a no.
    pub name: Option<NameId>,
}

/// The name of a user at one application; its format is a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    pub value: String,
    pub format: String,
}

/// The application has registered something that cannot be answered, such as a key that encrypts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the application cannot be answered: {0}")]
pub struct Unanswerable(pub String);

/// An application is to hear that a session is over.
pub struct Farewell<'a> {
    pub client: &'a Client,
    pub issuer: &'a str,
    /// The login that is over: `SessionIndex`.
    pub login: &'a str,
    pub name: Option<&'a NameId>,
    pub return_url: &'a str,
    /// Carried, never interpreted: comes back with the application's answer.
    pub state: Option<&'a str>,
    /// Fresh, for the id of the message.
    pub message: &'a str,
    pub now: Timestamp,
    pub signer: &'a Signer,
}

/// A parameter of an impersonation request that the room cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadParameter {
    pub field: &'static str,
    pub problem: String,
}

/// A value to copy, and what applications call it.
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

/// The parameters of an unsolicited login, by name; empty values are not given.
pub type Parameters = std::collections::BTreeMap<String, String>;

/// A protocol that an application can be signed in with.
pub trait Protocol: Send + Sync {
    fn name(&self) -> ProtocolName;

    /// Whether there is a name by which an application can be told of `user`.
    fn can_name(&self, _: &User) -> bool {
        true
    }

    /// Reads `additionalParameters`: the login request that `client` would have made.
    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter>;

    /// Tells the application who signed in. If the principal has an actor, what the application
    /// learns from this answer names the actor.
    ///
    /// # Errors
    ///
    /// When what the application has registered does not let it be answered.
    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable>;

    /// What the browser brings to the application when a session is over. `None`: nothing, because it has
    /// no address for that or hears of it in another way.
    fn farewell(&self, farewell: &Farewell<'_>) -> Result<Option<Answer>, Unanswerable>;

    /// What the operator of `client` sets up on their side: this server's names and addresses for it, in the
    /// order in which they are asked for.
    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting>;

    /// What an answer would say to `client` about `subject` if they signed in for themselves: names and
    /// values in their order, for people to look at. `None` from a room whose answer says nothing by itself,
    /// because the application fetches it afterwards.
    fn describe(&self, _subject: &User, _client: &Client) -> Option<Vec<(String, String)>> {
        None
    }
}
