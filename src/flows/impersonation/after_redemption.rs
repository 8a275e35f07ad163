//! How an application learns of a sign-in that a redeemed link has begun.
use crate::domain::client::Client;

/// The way by which a browser reaches the application after a redemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRedemption<'a> {
    /// The browser is sent to this `initiate_login_uri`, and the application starts a request of its own
    /// (OpenID Connect Core §4) with all its checks.
    InitiateLogin(&'a str),
    /// The protocol sends a response to which there was no request.
    UnsolicitedResponse,
}

impl<'a> AfterRedemption<'a> {
    /// `None`: the application is not set up for redemptions.
    pub fn of(client: &'a Client) -> Option<Self> {
        match (&client.initiate_login_uri, client.impersonation.unsolicited) {
            (_, true) => Some(Self::UnsolicitedResponse),
            (Some(uri), false) => Some(Self::InitiateLogin(uri)),
            (None, false) => None,
        }
    }
}
