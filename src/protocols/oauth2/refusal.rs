//! The words of a no, in the protocol's own form.
//!
//! Descriptions are fixed texts of printable ASCII without quotes and backslashes ([RFC 6749 §5.2]):
//! nothing that was sent comes back in them.
//!
//! [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
use crate::authentication::throttle::RetryAfter;
use crate::flows::login::authorize::AuthorizeRefusal;
use crate::flows::tokens::authenticate_client::ClientRefusal;
use crate::flows::tokens::refusal::GrantRefusal;

/// What the application is told through the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthRefusal {
    InvalidRequest(&'static str),
    UnauthorizedClient,
    UnsupportedResponseType,
    InvalidScope,
    InvalidTarget,
    RequestNotSupported,
    RequestUriNotSupported,
    RegistrationNotSupported,
    LoginRequired,
    ConsentRequired,
    InteractionRequired,
    AccessDenied,
    UnmetRequirements,
}

impl OauthRefusal {
    /// `error` and `error_description`.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(what) => ("invalid_request", what),
            Self::UnauthorizedClient => {
                ("unauthorized_client", "the application may not use this grant")
            }
            Self::UnsupportedResponseType => {
                ("unsupported_response_type", "only response_type code is supported")
            }
            Self::InvalidScope => ("invalid_scope", "the scope is malformed"),
            Self::InvalidTarget => {
                ("invalid_target", "the application may not ask for tokens for this audience")
            }
            Self::RequestNotSupported => {
                ("request_not_supported", "request objects are not supported")
            }
            Self::RequestUriNotSupported => {
                ("request_uri_not_supported", "request objects are not supported")
            }
            Self::RegistrationNotSupported => {
                ("registration_not_supported", "registration is not supported here")
            }
            Self::LoginRequired => ("login_required", "the user has to sign in"),
            Self::ConsentRequired => ("consent_required", "the user has to consent"),
            Self::InteractionRequired => {
                ("interaction_required", "the user has to confirm the sign-in")
            }
            Self::AccessDenied => ("access_denied", "access was denied"),
            // OpenID Connect Core Unmet Authentication Requirements 1.0.
            Self::UnmetRequirements => (
                "unmet_authentication_requirements",
                "the authentication that was asked for cannot be had",
            ),
        }
    }

    /// `None`: for the person at the browser only.
    pub fn of_flow(refusal: AuthorizeRefusal) -> Option<Self> {
        match refusal {
            AuthorizeRefusal::LoginRequired | AuthorizeRefusal::ImpersonationEnded => {
                Some(Self::LoginRequired)
            }
            AuthorizeRefusal::InteractionRequired => Some(Self::InteractionRequired),
            AuthorizeRefusal::ConsentRequired => Some(Self::ConsentRequired),
            AuthorizeRefusal::AccessDenied | AuthorizeRefusal::NoName => Some(Self::AccessDenied),
            AuthorizeRefusal::UnmetRequirements => Some(Self::UnmetRequirements),
            AuthorizeRefusal::ForgedHint => None,
        }
    }
}

/// What an application is told directly, at the token endpoint and its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("the request is not understood")]
    InvalidRequest(&'static str),
    #[error("the request is too large")]
    TooLarge,
    #[error("the request is in a form that is not read here")]
    UnsupportedMedia(&'static str),
    #[error("the client credentials are invalid")]
    InvalidClient,
    #[error("too many wrong credentials")]
    TooManyFailures(RetryAfter),
    #[error("the grant type is unknown")]
    UnsupportedGrantType,
    #[error("the scope is malformed")]
    InvalidScope,
    #[error("two audiences were asked for")]
    InvalidTarget,
    #[error(transparent)]
    Grant(#[from] GrantRefusal),
}

impl TokenRefusal {
    /// `error` and `error_description`.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(what) | Self::UnsupportedMedia(what) => ("invalid_request", what),
            Self::TooLarge => ("invalid_request", "the request is too large"),
            Self::InvalidClient => ("invalid_client", "the client credentials are invalid"),
            Self::TooManyFailures(_) => {
                ("rate_limited", "too many wrong credentials from this address")
            }
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "the grant type is not supported")
            }
            Self::InvalidScope => ("invalid_scope", "the scope is malformed"),
            Self::InvalidTarget => ("invalid_target", "a token is for one audience"),
            Self::Grant(refusal) => match refusal {
                GrantRefusal::NotAllowed => {
                    ("unauthorized_client", "the application may not use this grant")
                }
                GrantRefusal::Invalid => {
                    ("invalid_grant", "the code or token is invalid, expired or revoked")
                }
                GrantRefusal::MayNotAct => {
                    ("invalid_grant", "the actor may not act as the subject")
                }
                GrantRefusal::Scope => ("invalid_scope", "the scope is more than may be granted"),
                GrantRefusal::Audience => {
                    ("invalid_target", "the application may not ask for tokens for this audience")
                }
            },
        }
    }
}

impl From<ClientRefusal> for TokenRefusal {
    fn from(refusal: ClientRefusal) -> Self {
        match refusal {
            ClientRefusal::BadCredentials => Self::InvalidClient,
            ClientRefusal::TooManyFailures(wait) => Self::TooManyFailures(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_no_description_holds_a_character_that_the_protocol_forbids() {
        let grants = [
            GrantRefusal::NotAllowed,
            GrantRefusal::Invalid,
            GrantRefusal::MayNotAct,
            GrantRefusal::Scope,
            GrantRefusal::Audience,
        ];
        let token = [
            TokenRefusal::InvalidClient,
            TokenRefusal::TooLarge,
            TokenRefusal::UnsupportedGrantType,
            TokenRefusal::InvalidScope,
            TokenRefusal::InvalidTarget,
        ];
        let browser = [
            OauthRefusal::UnauthorizedClient,
            OauthRefusal::UnsupportedResponseType,
            OauthRefusal::InvalidScope,
            OauthRefusal::InvalidTarget,
            OauthRefusal::RequestNotSupported,
            OauthRefusal::RequestUriNotSupported,
            OauthRefusal::RegistrationNotSupported,
            OauthRefusal::LoginRequired,
            OauthRefusal::ConsentRequired,
            OauthRefusal::InteractionRequired,
            OauthRefusal::AccessDenied,
            OauthRefusal::UnmetRequirements,
        ];
        let token = token.into_iter().chain(grants.map(TokenRefusal::Grant));
        for (error, text) in token.map(TokenRefusal::words).chain(browser.map(OauthRefusal::words))
        {
            let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(text.bytes().all(allowed) && error.bytes().all(allowed), "{error}: {text}");
        }
    }
}
