//! A sign-in that the service provider did not ask for ([SAML profiles §4.1.5]).
//!
//! [SAML profiles §4.1.5]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
use super::message::MAX_RELAY_STATE_LEN;
use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::login::{BadParameter, LoginRequest, Parameters};

/// `state` becomes the `RelayState`, `callback_url` is the assertion consumer service.
pub(super) fn read(client: &Client, sent: &Parameters) -> Result<LoginRequest, BadParameter> {
    let text = |name: &str| sent.get(name).cloned().filter(|text| !text.is_empty());
    let state = text("state");
    if state.as_ref().is_some_and(|state| state.len() > MAX_RELAY_STATE_LEN) {
        return Err(bad("state", "is longer than 2048 bytes"));
    }
    // That an address is not registered is for the heart to say.
    let acs_url = text("callback_url").or_else(|| client.redirect_uris.first().cloned());
    let acs_url =
        acs_url.ok_or_else(|| bad("callback_url", "the application has registered none"))?;
    let plain = LoginRequest::plain(ProtocolName::Samlp, client.id.clone(), acs_url);
    Ok(LoginRequest { state, ..plain })
}

/// From our side, by whoever is signed in: to the first address, and to no other (D31).
pub(super) fn to_default(client: &Client, relay_state: Option<String>) -> Option<LoginRequest> {
    let acs_url = client.redirect_uris.first()?.clone();
    let plain = LoginRequest::plain(ProtocolName::Samlp, client.id.clone(), acs_url);
    Some(LoginRequest { state: relay_state, ..plain })
}

fn bad(field: &'static str, problem: &str) -> BadParameter {
    BadParameter { field, problem: problem.to_owned() }
}
