//! WS-Federation's passive requestor profile ([WS-Federation 1.2 §13]), as `wsfed` and `wsfed-rms` share it.
//!
//! [`request`](crate::protocols::wsfed::request) reads what relying parties ask and [`response`](crate::protocols::wsfed::response) words the token they get; [`serve`](crate::protocols::wsfed::serve) is the way
//! of a request from the one to the other. The rooms only say what is different about them ([`Manner`]).
//!
//! [WS-Federation 1.2 §13]: https://docs.oasis-open.org/wsfed/federation/v1.2/os/ws-federation-1.2-spec-os.html

use super::names::CLEANUP;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::login::{Answer, LogoutNotification};

/// What one of the two rooms does in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    pub protocol: ProtocolName,
    /// Who the token names, and in which form it comes.
    pub token: Token,
    /// Where the answer goes.
    pub reply: ReplyAddress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// The user's id, in the form that the relying party registered or asks for.
    Any,
    /// The user principal name, in SAML 1.1 ([MS-RMPR]); nobody is named without an e-mail address.
    ///
    /// [MS-RMPR]: https://learn.microsoft.com/openspecs/windows_protocols/ms-rmpr
    UserPrincipal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyAddress {
    /// To any registered URL; without `wreply` to the first.
    Registered,
    /// To the first registered URL, always.
    First,
}

/// The name by which the relying party asks, as it registered.
pub fn realm(client: &Client) -> &str {
    client.wsfed.as_ref().map_or("", |settings| &settings.realm)
}

/// `wsignoutcleanup1.0` to the address where the relying party takes its tokens (§13.2.4).
pub fn logout_notification(notification: &LogoutNotification<'_>) -> Answer {
    let url = notification.return_url;
    let joint = if url.contains('?') { '&' } else { '?' };
    Answer::Redirect(format!("{url}{joint}wa={CLEANUP}"))
}

/// When a token is good.
pub(crate) struct Lifetime {
    pub from: Timestamp,
    pub until: Timestamp,
}
