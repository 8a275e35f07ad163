//! How a link is redeemed: as the application says, unless it is for its actor alone.
use super::Start;
use crate::domain::client::Client;
use crate::domain::protocol::Redeem;
use crate::flows::Context;
use crate::flows::login::native;
use crate::flows::shared::decision_facts::Onward;
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
    /// How the link is redeemed, which is answered at `return_url`. What a person asked for by a token of their own is always confirmed: the token
    /// says that they signed in somewhere, not that they mean this.
    pub(in crate::flows::impersonation::start_impersonation) fn redeem(
        self,
        start: &Start,
        (client, return_url): (&Client, &str),
    ) -> Redeem {
        match (self, &start.requested_by) {
            (Self::ItsActor, _) | (_, RequestedBy::Token { .. }) => Redeem::Confirm,
            (
                Self::AsRegistered,
                RequestedBy::Application(_) | RequestedBy::Session(_) | RequestedBy::CommandLine,
            ) => registered(client, return_url),
        }
    }
}

/// As the application is registered; but no code goes to an address where any program of the machine may listen, at
/// once and without a person who says yes: such a link is confirmed ([`native::needs_yes`]). Where the application
/// starts a request of its own, that request is asked about.
pub(in crate::flows::impersonation::start_impersonation) fn registered(
    client: &Client,
    return_url: &str,
) -> Redeem {
    match Context::onward(client) {
        Some(Onward::Unsolicited) if native::needs_yes(client, return_url) => Redeem::Confirm,
        Some(Onward::Unsolicited | Onward::Application(_)) | None => client.impersonation.redeem,
    }
}
