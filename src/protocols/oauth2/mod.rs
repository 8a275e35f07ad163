//! The room of OAuth 2.0 ([RFC 6749], [RFC 9700]) and [OpenID Connect Core].
//!
//! Only the authorization code flow: nothing is ever given out through the browser but a code, which is
//! worth nothing without its application. [`request`] reads what applications ask, [`answer`] and
//! [`refusal`] word what they are told; [`endpoints`] has a file for each URL, [`grants`] one for each
//! `grant_type`.
//!
//! [RFC 6749]: https://www.rfc-editor.org/rfc/rfc6749
//! [RFC 9700]: https://www.rfc-editor.org/rfc/rfc9700
//! [OpenID Connect Core]: https://openid.net/specs/openid-connect-core-1_0.html
pub mod answer;
pub mod box_refusal;
pub mod box_routes;
pub mod endpoints;
pub mod grants;
pub mod metadata;
pub mod parameters;
pub mod refusal;
pub mod request;
pub mod routes;
mod unsolicited;
#[cfg(test)]
mod tests;

use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::login::{
    Answer, BadParameter, Login, LoginRequest, LogoutNotification, Parameters, Protocol,
    ProtocolResponse, Setting, Unanswerable,
};

pub struct Oauth2;

impl Protocol for Oauth2 {
    fn name(&self) -> ProtocolName {
        ProtocolName::Oauth2
    }

    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter> {
        unsolicited::read(client, parameters)
    }

    /// The code says nothing by itself; the tokens behind it name the actor.
    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable> {
        Ok(ProtocolResponse { answer: answer::with_code(login), name: None })
    }

    /// Applications hear of it from server to server (OpenID Connect Back-Channel Logout).
    fn logout_notification(
        &self,
        _: &LogoutNotification<'_>,
    ) -> Result<Option<Answer>, Unanswerable> {
        Ok(None)
    }

    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting> {
        metadata::setup(issuer, client)
    }
}
