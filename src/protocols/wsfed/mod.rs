//! WS-Federation, passive requestors ([WS-Federation 1.2 §13]).
//!
//! A relying party sends the browser with `wsignin1.0` and gets a signed SAML assertion by a form. [`rms`] is its
//! second profile; what differs between the two is in [`profile`].
//!
//! [WS-Federation 1.2 §13]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html
mod metadata;
pub mod routes;
pub mod claims;
pub(crate) mod names;
pub mod parameters;
pub mod profile;
pub(crate) mod refusal;
pub mod request;
pub mod response;
pub mod rms;
pub mod saml11;
pub mod saml20;
pub mod serve;
pub mod sign_out;
#[cfg(test)]
mod tests;
pub mod unsolicited;
mod wreq;

use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::user::User;
use crate::login::{
    Answer, BadParameter, Login, LoginRequest, LogoutNotification, Parameters, Protocol,
    ProtocolResponse, Setting, Unanswerable,
};
use crate::protocols::wsfed::profile::{Manner, ReplyAddress, Token, realm};

pub use serve::refused;

pub struct Wsfed;

const MANNER: Manner =
    Manner { protocol: ProtocolName::Wsfed, token: Token::Any, reply: ReplyAddress::Registered };

impl Protocol for Wsfed {
    fn name(&self) -> ProtocolName {
        MANNER.protocol
    }

    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter> {
        unsolicited::read(client, parameters, MANNER)
    }

    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable> {
        response::answer(login, MANNER)
    }

    fn logout_notification(
        &self,
        notification: &LogoutNotification<'_>,
    ) -> Result<Option<Answer>, Unanswerable> {
        Ok(Some(profile::logout_notification(notification)))
    }

    fn describe(&self, subject: &User, client: &Client) -> Option<Vec<(String, String)>> {
        response::describe(subject, client, MANNER)
    }

    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting> {
        vec![
            Setting::new("Metadata address", metadata::url(issuer, &client.id)),
            Setting::new(
                "Passive sign-in and sign-out address",
                metadata::endpoint(issuer, &client.id),
            ),
            Setting::new("Issuer of the tokens", issuer),
            Setting::new("Realm (wtrealm)", realm(client)),
        ]
    }
}
