//! The vocabulary of an impersonation: protocols, channels, modes, ways to redeem and to end.
use serde::{Deserialize, Serialize};

/// How an application is answered; the wire values of the `protocol` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProtocolName {
    #[serde(rename = "oauth2")]
    Oauth2,
    #[serde(rename = "samlp")]
    Samlp,
    #[serde(rename = "wsfed")]
    Wsfed,
    #[serde(rename = "wsfed-rms")]
    WsfedRms,
}

impl ProtocolName {
    pub const ALL: [Self; 4] = [Self::Oauth2, Self::Samlp, Self::Wsfed, Self::WsfedRms];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oauth2 => "oauth2",
            Self::Samlp => "samlp",
            Self::Wsfed => "wsfed",
            Self::WsfedRms => "wsfed-rms",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// A channel by which an impersonation is requested. Each only translates between its wire format and the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The impersonation endpoint and its bewit link.
    Link,
    /// A person at the console or the command line.
    Console,
    /// The `As-User` header: a call with the actor's own bearer that names a user by id.
    AsUser,
    /// The `On-Behalf-Of` header: the subject by e-mail address.
    OnBehalfOf,
    /// An application's service account asks for a token of a managed user ([RFC 7523]).
    ///
    /// [RFC 7523]: https://www.rfc-editor.org/rfc/rfc7523
    JwtGrant,
    /// A person's token is exchanged for one that acts as somebody ([RFC 8693]).
    ///
    /// [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693
    TokenExchange,
}

impl Channel {
    pub const ALL: [Self; 6] = [
        Self::Link,
        Self::Console,
        Self::AsUser,
        Self::OnBehalfOf,
        Self::JwtGrant,
        Self::TokenExchange,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Console => "console",
            Self::AsUser => "as_user",
            Self::OnBehalfOf => "on_behalf_of",
            Self::JwtGrant => "jwt_grant",
            Self::TokenExchange => "token_exchange",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// Signs a browser in at an application; the others act by tokens alone.
    pub fn is_browser(self) -> bool {
        matches!(self, Self::Link | Self::Console)
    }
}

/// How much of the subject's access an impersonation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Full,
    ReadOnly,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Full, Self::ReadOnly].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How a link is redeemed: a setting of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redeem {
    /// `GET` shows who will act as whom; a `POST` by the signed-in actor redeems.
    Confirm,
    /// `GET` redeems: Auth0's contract, for programs. The actor is asserted, not proven.
    Direct,
}

impl Redeem {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Direct => "direct",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Confirm, Self::Direct].into_iter().find(|redeem| redeem.as_str() == text)
    }
}

/// Why an impersonation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    StoppedByActor,
    StoppedBySubject,
    StoppedByAdmin,
    Timeout,
    Idle,
    ActorRevoked,
    SubjectChanged,
    ClientChanged,
    ConsentWithdrawn,
    Superseded,
    FeatureOff,
    Logout,
}

impl EndReason {
    pub const ALL: [Self; 12] = [
        Self::StoppedByActor,
        Self::StoppedBySubject,
        Self::StoppedByAdmin,
        Self::Timeout,
        Self::Idle,
        Self::ActorRevoked,
        Self::SubjectChanged,
        Self::ClientChanged,
        Self::ConsentWithdrawn,
        Self::Superseded,
        Self::FeatureOff,
        Self::Logout,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoppedByActor => "stopped_by_actor",
            Self::StoppedBySubject => "stopped_by_subject",
            Self::StoppedByAdmin => "stopped_by_admin",
            Self::Timeout => "timeout",
            Self::Idle => "idle",
            Self::ActorRevoked => "actor_revoked",
            Self::SubjectChanged => "subject_changed",
            Self::ClientChanged => "client_changed",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::Superseded => "superseded",
            Self::FeatureOff => "feature_off",
            Self::Logout => "logout",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
