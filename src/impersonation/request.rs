//! One request to act as somebody, with everything the rules look at.
use super::Terms;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::user::User;

/// What stands behind the claim that the actor is who they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorProof {
    /// The global client says so; proven when the link is redeemed, unless that is `direct`.
    Asserted,
    /// The actor's own live session.
    Session,
    /// The session that proved the actor is over.
    SessionEnded,
    /// The actor's own live access token.
    Token,
    /// The token that proved the actor is over.
    TokenEnded,
    /// The application has shown who it is, and the actor is its own service account.
    Client,
}

impl ActorProof {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asserted => "asserted",
            Self::Session | Self::SessionEnded => "session",
            Self::Token | Self::TokenEnded => "token",
            Self::Client => "client",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ImpersonationRequest {
    pub channel: Channel,
    pub protocol: ProtocolName,
    pub actor: User,
    pub actor_proof: ActorProof,
    /// The actor's session is itself an impersonated one.
    pub actor_is_impersonated: bool,
    pub subject: User,
    pub client: Client,
    /// Where the application is answered: callback, ACS or reply URL. None where no browser is sent on.
    pub return_url: Option<String>,
    pub mode: Mode,
    /// The operator's switch for the whole feature.
    pub feature_enabled: bool,
    pub terms: Terms,
    pub now: Timestamp,
}
