//! Decides how a link is redeemed: as the application is configured, unless only its actor may open it.
use super::Start;
use crate::domain::client::Client;
use crate::domain::protocol::Redeem;
use crate::impersonation::RequestedBy;

/// Who may open the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flows) enum OpenedBy {
    /// As the application is configured.
    AsRegistered,
    /// The actor, in a session of their own: at once, or by a code that they type.
    ItsActor,
}

impl OpenedBy {
    /// How the link is redeemed. A link that a person requested by a token is always confirmed, because the token
    /// proves a sign-in, not an intention.
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
