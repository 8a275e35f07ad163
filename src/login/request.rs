//! The login request of an application, in any protocol.
use crate::domain::ClientId;
use crate::domain::federation::TokenForm;
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::Scopes;
use serde::{Deserialize, Serialize};

/// How the response is returned ([OAuth 2.0 Multiple Response Types §2.1], Form Post Response Mode).
///
/// [OAuth 2.0 Multiple Response Types §2.1]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    Query,
    Fragment,
    FormPost,
    /// By a message to the window that opened or frames the answer; for browser applications only
    /// ([OAuth 2.0 Web Message Response Mode §3]).
    ///
    /// [OAuth 2.0 Web Message Response Mode §3]: https://datatracker.ietf.org/doc/html/draft-sakimura-oauth-wmrm-01
    WebMessage,
}

impl ResponseMode {
    /// Parses a mode that every application may request.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "query" => Some(Self::Query),
            "fragment" => Some(Self::Fragment),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// A checked request: the application is known and `return_url` is registered with it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    pub protocol: ProtocolName,
    pub client: ClientId,
    /// Callback, ACS or reply URL.
    pub return_url: String,
    pub response_mode: ResponseMode,
    pub scope: Scopes,
    /// Opaque: `state`, `RelayState`, `wctx`.
    pub state: Option<String>,
    pub nonce: Option<String>,
    /// S256 of the verifier ([RFC 7636 §4.2]).
    ///
    /// [RFC 7636 §4.2]: https://www.rfc-editor.org/rfc/rfc7636#section-4.2
    pub code_challenge: Option<String>,
    pub audience: Option<String>,
    /// The `ID` of the `AuthnRequest`; `None` for an unsolicited response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_response_to: Option<String>,
    /// The format in which the application wants the user's name (`NameIDPolicy`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_id_format: Option<String>,
    /// The class of authentication that was asked for and that a sign-in of the user's own meets
    /// (`RequestedAuthnContext`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authn_context: Option<String>,
    /// The form in which the application wants its token (`wreq`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_form: Option<TokenForm>,
}

impl LoginRequest {
    /// Sign this user in to `client` at `return_url`, and nothing else is asked for.
    pub fn plain(protocol: ProtocolName, client: ClientId, return_url: String) -> Self {
        Self {
            protocol,
            client,
            return_url,
            response_mode: ResponseMode::FormPost,
            scope: Scopes::default(),
            state: None,
            nonce: None,
            code_challenge: None,
            audience: None,
            in_response_to: None,
            name_id_format: None,
            authn_context: None,
            token_form: None,
        }
    }
}
