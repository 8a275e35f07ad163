//! The request to the decision, with everything that the rules look at.
use super::Terms;
use super::requester::Requester;
use crate::authentication::is_fresh;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Mode, ProtocolName, Redeem};
use crate::domain::user::User;
use chrono::Duration;

/// How and when the actor has authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorProof {
    /// The actor is only named; proven when the link is redeemed, unless that is `direct`.
    Asserted,
    /// The actor's own live session.
    Session { authenticated_at: Timestamp },
    /// The session that proved the actor has ended.
    SessionEnded,
    /// The actor's own live access token, which the requesting application holds. `None`: it does not say when
    /// its user signed in.
    Token { authenticated_at: Option<Timestamp> },
    /// The token that proved the actor has ended.
    TokenEnded,
    /// The application has shown who it is, and the actor is its own service account.
    Client,
}

impl ActorProof {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asserted => "asserted",
            Self::Session { .. } | Self::SessionEnded => "session",
            Self::Token { .. } | Self::TokenEnded => "token",
            Self::Client => "client",
        }
    }

    /// Whether the proof has ended.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::SessionEnded | Self::TokenEnded)
    }

    /// Whether the sign-in is older than `window`, or of unknown age. A proof without a sign-in has no age: an
    /// asserted actor authenticates later or never, an application each time.
    pub(super) fn is_older_than(self, window: Duration, now: Timestamp) -> bool {
        match self {
            Self::Session { authenticated_at }
            | Self::Token { authenticated_at: Some(authenticated_at) } => {
                !is_fresh(authenticated_at, now, Some(window))
            }
            Self::Token { authenticated_at: None } => true,
            Self::Asserted | Self::Client | Self::SessionEnded | Self::TokenEnded => false,
        }
    }
}

/// The occasion of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Before a link, a code or a token is handed out.
    Request,
    /// When a link is opened.
    Redemption,
    /// While it runs: whenever a credential of it is minted or used.
    Use,
}

/// Reason and ticket of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub reason: Option<String>,
    pub ticket: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ImpersonationRequest {
    pub occasion: Occasion,
    pub channel: Channel,
    pub protocol: ProtocolName,
    pub requester: Requester,
    pub actor: User,
    pub proof: ActorProof,
    /// The actor's session is itself an impersonated one.
    pub actor_is_impersonated: bool,
    pub subject: User,
    pub client: Client,
    /// Callback, ACS or reply URL; `None` if no browser is redirected.
    pub return_url: Option<String>,
    pub mode: Mode,
    /// How the link is redeemed. None: there is no link.
    pub redeem: Option<Redeem>,
    pub given: Given,
    /// Maximum age of the actor's sign-in when an impersonation starts; `None`: not required.
    pub step_up: Option<Duration>,
    /// The operator's switch for the whole feature.
    pub feature_enabled: bool,
    pub terms: Terms,
    /// When its row was created; `None` for a new request.
    pub created_at: Option<Timestamp>,
    /// Impersonations that were created before this time have ended: the latest `not_before` of everybody,
    /// organization, application or user.
    pub not_before: Option<Timestamp>,
    pub now: Timestamp,
}
