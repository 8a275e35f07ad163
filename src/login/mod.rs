//! The shape of every room: what an application asks, and how it is answered.
//!
//! A room ([`Protocol`]) is pure: flows load, decide and write; the room only words. Start at
//! [`Principal`], which every answer is about.
pub mod principal;
pub mod request;

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
}

/// What a room is given to word an answer.
pub struct Login<'a> {
    pub principal: &'a Principal,
    pub request: &'a LoginRequest,
    pub client: &'a Client,
    pub issuer: &'a str,
    /// The one-time code that stands for the login; protocols that answer at once ignore it.
    pub code: &'a str,
}

/// A parameter of an impersonation request that the room cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadParameter {
    pub field: &'static str,
    pub problem: String,
}

/// The parameters of an unsolicited login, by name; empty values are not given.
pub type Parameters = std::collections::BTreeMap<String, String>;

/// A protocol that an application can be signed in with.
pub trait Protocol: Send + Sync {
    fn name(&self) -> ProtocolName;

    /// Reads `additionalParameters`: the login request that `client` would have made.
    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter>;

    /// Tells the application who signed in. If the principal has an actor, what the application
    /// learns from this answer names the actor.
    fn answer(&self, login: &Login<'_>) -> Answer;

    /// What an answer would say to `client` about `subject` if they signed in for themselves: names and
    /// values in their order, for people to look at. `None` from a room whose answer says nothing by itself,
    /// because the application fetches it afterwards.
    fn describe(&self, _subject: &User, _client: &Client) -> Option<Vec<(String, String)>> {
        None
    }
}
