//! An application that trusts this server to sign people in, or that calls an API.
use super::api_scope::ApiScope;
use super::box_settings::BoxSettings;
use super::federation::{SamlSettings, WsfedSettings};
use super::organization::Organization;
use super::protocol::{Mode, ProtocolName, Redeem};
use super::scope::Scopes;
use super::{ClientId, Status};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// The one machine client that may call the impersonation endpoint.
    Global,
    Web,
    Spa,
    Native,
    Machine,
    Saml,
    Wsfed,
}

impl ClientKind {
    pub const ALL: [Self; 7] =
        [Self::Global, Self::Web, Self::Spa, Self::Native, Self::Machine, Self::Saml, Self::Wsfed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Web => "web",
            Self::Spa => "spa",
            Self::Native => "native",
            Self::Machine => "machine",
            Self::Saml => "saml",
            Self::Wsfed => "wsfed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Can keep a secret ([RFC 6749 §2.1]).
    ///
    /// [RFC 6749 §2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.1
    pub fn is_confidential(self) -> bool {
        matches!(self, Self::Global | Self::Web | Self::Machine)
    }

    pub fn speaks(self, protocol: ProtocolName) -> bool {
        match protocol {
            ProtocolName::Oauth2 => matches!(self, Self::Web | Self::Spa | Self::Native),
            ProtocolName::Samlp => self == Self::Saml,
            ProtocolName::Wsfed | ProtocolName::WsfedRms => self == Self::Wsfed,
        }
    }

    /// Words that stand in the addresses of its protocol where an id would: `/samlp/metadata`.
    pub fn reserved_ids(self) -> &'static [&'static str] {
        match self {
            Self::Saml => &["metadata", "logout"],
            Self::Global | Self::Web | Self::Spa | Self::Native | Self::Machine | Self::Wsfed => {
                &[]
            }
        }
    }

    pub fn default_grant_types(self) -> &'static [GrantType] {
        match self {
            Self::Global | Self::Machine => &[GrantType::ClientCredentials],
            Self::Web | Self::Spa | Self::Native => {
                &[GrantType::AuthorizationCode, GrantType::RefreshToken]
            }
            Self::Saml | Self::Wsfed => &[],
        }
    }

    pub fn default_auth_method(self) -> AuthMethod {
        if self.is_confidential() { AuthMethod::ClientSecret } else { AuthMethod::None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    RefreshToken,
    /// [RFC 8693 §2.1].
    ///
    /// [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::ClientCredentials, Self::RefreshToken, Self::TokenExchange];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// How the application shows who it is at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A secret, by Basic or in the body: existing clients use either, whatever was registered.
    ClientSecret,
    /// Only by Basic.
    ClientSecretBasic,
    /// Only in the body.
    ClientSecretPost,
    PrivateKeyJwt,
    None,
}

impl AuthMethod {
    pub const ALL: [Self; 5] = [
        Self::ClientSecret,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::None,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// The algorithm of an application's ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// What an application allows support staff to do in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientImpersonation {
    pub enabled: bool,
    pub redeem: Redeem,
    /// Answer at once, although the application did not ask; else it is sent to start by itself.
    pub unsolicited: bool,
    /// The scopes that a read-only impersonation keeps.
    pub read_scopes: Scopes,
    /// The application says that it keeps to read-only impersonation by itself.
    pub read_only: bool,
}

impl ClientImpersonation {
    /// Whether a session of this mode can be what was promised. Of a read-only one in OAuth 2 we keep the scopes
    /// back ourselves, and `/forward-auth` refuses what changes anything; SAML and WS-Federation carry no scopes, so
    /// there the application has to say that it keeps to the mode which it is told.
    pub fn honours(&self, mode: Mode, protocol: ProtocolName) -> bool {
        match (mode, protocol) {
            (Mode::Full, _) | (Mode::ReadOnly, ProtocolName::Oauth2) => true,
            (
                Mode::ReadOnly,
                ProtocolName::Samlp | ProtocolName::Wsfed | ProtocolName::WsfedRms,
            ) => self.read_only,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub id: ClientId,
    pub name: String,
    /// None: an application of the operator, for the users of every organization.
    pub organization: Option<Organization>,
    pub status: Status,
    pub kind: ClientKind,
    /// The operator's own, so people are not asked to consent.
    pub first_party: bool,
    pub auth_method: AuthMethod,
    /// SHA-256 of each valid secret.
    pub secret_hashes: Vec<Vec<u8>>,
    /// The application's public keys ([RFC 7517]), for `private_key_jwt`.
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub jwks: Option<serde_json::Value>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub initiate_login_uri: Option<String>,
    pub backchannel_logout_uri: Option<String>,
    pub grant_types: Vec<GrantType>,
    /// Scopes beside the standard ones that it may ask for.
    pub scopes: Scopes,
    /// Scopes of our own APIs that it may ask for; read them by [`Self::has_api_scope`].
    pub api_scopes: Vec<ApiScope>,
    pub audiences: Vec<String>,
    /// May ask about opaque tokens of other applications ([RFC 7662 §4]).
    ///
    /// [RFC 7662 §4]: https://www.rfc-editor.org/rfc/rfc7662#section-4
    pub introspect: bool,
    pub id_token_algorithm: SigningAlgorithm,
    /// Seconds.
    pub access_token_lifetime: i64,
    pub impersonation: ClientImpersonation,
    /// Of a service provider.
    pub saml: Option<Arc<SamlSettings>>,
    /// Of a relying party.
    pub wsfed: Option<Arc<WsfedSettings>>,
    /// None: it takes no part in the Box-shaped channels.
    pub box_: Option<Arc<BoxSettings>>,
}

impl Client {
    /// Active, and so is the organization.
    pub fn is_active(&self) -> bool {
        self.status.is_active() && self.organization.as_ref().is_none_or(|o| o.status.is_active())
    }

    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether its tokens may carry a scope of our own APIs. Never those of a third-party application, whatever its
    /// row says: its users have not chosen it as one that manages this server.
    pub fn has_api_scope(&self, scope: ApiScope) -> bool {
        let of_kind =
            self.kind == ClientKind::Global && ApiScope::OF_GLOBAL_CLIENT.contains(&scope);
        self.first_party && (of_kind || self.api_scopes.contains(&scope))
    }

    /// Whether it may ask for a scope that is not one of [`super::scope::STANDARD`]. A scope of our own APIs is
    /// listed in its own place: the name in `scopes` gives nothing.
    pub fn may_ask_for(&self, scope: &str) -> bool {
        match ApiScope::parse(scope) {
            Some(own) => self.has_api_scope(own),
            None => self.scopes.contains(scope),
        }
    }
}
