//! The room of SAML 2.0, as an identity provider ([SAML core], [bindings], [profiles §4.1 and §4.4]).
//!
//! [`message`] takes a message in and says who vouches for it, [`request`] reads what an application asks,
//! [`answer`] and [`refusal`] word what it is told. Bindings: Redirect and POST for what comes in, POST for what
//! goes out; nothing else is spoken here.
//!
//! [SAML core]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
//! [bindings]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
//! [profiles §4.1 and §4.4]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
pub mod answer;
pub mod logout;
pub mod message;
pub mod metadata;
pub mod names;
pub mod refusal;
pub mod response;
pub mod request;
pub mod routes;
mod sso;
mod unsolicited;
#[cfg(test)]
mod tests;

use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::user::User;
use crate::login::{
    Answer, BadParameter, Farewell, Login, LoginRequest, Parameters, Protocol, ProtocolResponse,
    Setting, Unanswerable,
};
pub use sso::refused;

pub struct Samlp;

impl Protocol for Samlp {
    fn name(&self) -> ProtocolName {
        ProtocolName::Samlp
    }

    fn unsolicited(
        &self,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<LoginRequest, BadParameter> {
        unsolicited::read(client, parameters)
    }

    fn answer(&self, login: &Login<'_>) -> Result<ProtocolResponse, Unanswerable> {
        answer::with_assertion(login)
    }

    fn farewell(&self, farewell: &Farewell<'_>) -> Result<Option<Answer>, Unanswerable> {
        logout::farewell(farewell)
    }

    fn describe(&self, subject: &User, client: &Client) -> Option<Vec<(String, String)>> {
        answer::describe(subject, client)
    }

    fn setup(&self, issuer: &str, client: &Client) -> Vec<Setting> {
        vec![
            Setting::new("Identity provider entity ID (issuer)", names::entity_id(issuer)),
            Setting::new("Metadata address", names::metadata_url(issuer, &client.id)),
            Setting::new(
                "Single sign-on address (Redirect and POST)",
                names::sso_url(issuer, &client.id),
            ),
            Setting::new(
                "Single logout address (Redirect and POST)",
                names::slo_url(issuer, &client.id),
            ),
        ]
    }
}
