//! The room of rights-management clusters (`wsfed-rms`): WS-Federation for relying parties that know users by
//! their user principal name.
//!
//! As `wsfed`, but the token always says `upn` and `emailaddress`, is of SAML 1.1, and goes to the one address
//! that is registered for the cluster. What the two rooms share is in `common::wsfed`.
mod routes;

use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::user::User;
use crate::flows::impersonation::start_impersonation::encode;
use crate::login::{
    Answer, BadParameter, Login, LoginRequest, LogoutNotification, Parameters, Protocol,
    ProtocolResponse, Setting, Unanswerable,
};
use crate::protocols::wsfed::profile::{Manner, ReplyAddress, Token, realm};

pub use routes::routes;

pub struct WsfedRms;

const MANNER: Manner = Manner {
    protocol: ProtocolName::WsfedRms,
    token: Token::UserPrincipal,
    reply: ReplyAddress::First,
};

impl Protocol for WsfedRms {
    fn name(&self) -> ProtocolName {
        MANNER.protocol
    }

    fn can_name(&self, user: &User) -> bool {
        user.profile.email.is_some()
    }

    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter> {
        super::unsolicited::read(client, parameters, MANNER)
    }

    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable> {
        super::response::answer(login, MANNER)
    }

    fn logout_notification(
        &self,
        notification: &LogoutNotification<'_>,
    ) -> Result<Option<Answer>, Unanswerable> {
        Ok(Some(crate::protocols::wsfed::profile::logout_notification(notification)))
    }

    fn describe(&self, subject: &User, client: &Client) -> Option<Vec<(String, String)>> {
        super::response::describe(subject, client, MANNER)
    }

    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting> {
        let endpoint = format!("{issuer}/rms/{}", encode(client.id.as_str()));
        vec![
            Setting::new("Passive sign-in and sign-out address", endpoint),
            Setting::new("Issuer of the tokens", issuer),
            Setting::new("Realm (wtrealm)", realm(client)),
        ]
    }
}
