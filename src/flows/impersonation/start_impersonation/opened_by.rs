//! Decides how a link is redeemed: as the application is configured, unless only its actor may open it.
use super::Start;
use crate::domain::client::Client;
use crate::domain::protocol::Redeem;
use crate::flows::impersonation::after_redemption::AfterRedemption;
use crate::flows::login::native;
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
    /// How the link is redeemed, whose answer goes to `return_url`. A link that a person requested by a token is always
    /// confirmed, because the token proves a sign-in, not an intention.
    pub(super) fn redeem(self, start: &Start, (client, return_url): (&Client, &str)) -> Redeem {
        match (self, &start.requested_by) {
            (Self::ItsActor, _) | (_, RequestedBy::Token { .. }) => Redeem::Confirm,
            (
                Self::AsRegistered,
                RequestedBy::Application(_) | RequestedBy::Session(_) | RequestedBy::CommandLine,
            ) => registered(client, return_url),
        }
    }
}

/// As the application is registered. A link is confirmed by a person, though, where its response would go at once to an
/// address at which any program of the machine may listen ([`native::needs_yes`]). An application that starts a request
/// of its own is asked by that request.
pub(super) fn registered(client: &Client, return_url: &str) -> Redeem {
    match AfterRedemption::of(client) {
        Some(AfterRedemption::UnsolicitedResponse) if native::needs_yes(client, return_url) => {
            Redeem::Confirm
        }
        Some(AfterRedemption::UnsolicitedResponse | AfterRedemption::InitiateLogin(_)) | None => {
            client.impersonation.redeem
        }
    }
}
