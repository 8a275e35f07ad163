//! How a link is redeemed: as the application says, unless it is for its actor alone.
use super::Start;
use crate::domain::client::Client;
use crate::domain::protocol::Redeem;
use crate::impersonation::RequestedBy;

/// Who opens the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flows) enum OpenedBy {
    /// Whoever the application lets open it.
    AsRegistered,
    /// The actor, in a session of their own: at once, or by a code that they type.
    ItsActor,
}

impl OpenedBy {
    /// How the link is redeemed. What a person asked for by a token of their own is always confirmed: the token
    /// says that they signed in somewhere, not that they mean this.
    pub(super) fn redeem(self, start: &Start, client: &Client) -> Redeem {
        match (self, &start.requested_by) {
            (Self::ItsActor, _) | (_, RequestedBy::Token { .. }) => Redeem::Confirm,
            (
                Self::AsRegistered,
                RequestedBy::Application(_) | RequestedBy::Session(_) | RequestedBy::CommandLine,
            ) => client.impersonation.redeem,
        }
    }
}
