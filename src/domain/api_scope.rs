//! Scopes of this server's own APIs.
//!
//! They open `/api/*`, `/users/{id}/impersonate` and `/forward-auth`; the scopes of [`super::scope`] open none of
//! them. Only an application whose entry lists one may ask for it, and a third-party application never may
//! ([`super::client::Client::has_api_scope`]).
use super::permission::{IMPERSONATE, IMPERSONATIONS_END, IMPERSONATIONS_READ, USERS_WRITE};
use super::scope::Scopes;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiScope {
    ImpersonationsCreate,
    ImpersonationsRead,
    ImpersonationsEnd,
    SessionsEnd,
    ForwardAuth,
}

impl ApiScope {
    pub const ALL: [Self; 5] = [
        Self::ImpersonationsCreate,
        Self::ImpersonationsRead,
        Self::ImpersonationsEnd,
        Self::SessionsEnd,
        Self::ForwardAuth,
    ];

    /// The scopes that a token of the global client carries although its entry does not list them: it makes links,
    /// and sees and ends what came of them.
    pub const OF_GLOBAL_CLIENT: [Self; 3] =
        [Self::ImpersonationsCreate, Self::ImpersonationsRead, Self::ImpersonationsEnd];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImpersonationsCreate => "impersonations:create",
            Self::ImpersonationsRead => "impersonations:read",
            Self::ImpersonationsEnd => "impersonations:end",
            Self::SessionsEnd => "sessions:end",
            Self::ForwardAuth => "forward-auth",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// The permission that a person needs beside the scope. None: every user of the application may.
    pub fn permission(self) -> Option<&'static str> {
        match self {
            Self::ImpersonationsCreate => Some(IMPERSONATE),
            Self::ImpersonationsRead => Some(IMPERSONATIONS_READ),
            Self::ImpersonationsEnd => Some(IMPERSONATIONS_END),
            Self::SessionsEnd => Some(USERS_WRITE),
            Self::ForwardAuth => None,
        }
    }

    /// What the consent page says of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::ImpersonationsCreate => "Sign in as other users in your name",
            Self::ImpersonationsRead => "See who signs in as other users",
            Self::ImpersonationsEnd => "End impersonations",
            Self::SessionsEnd => "End all sessions of users in your name",
            Self::ForwardAuth => "Call the APIs behind this server in your name",
        }
    }

    /// Whether an impersonated user's token may carry it. An impersonation is not used to manage impersonations.
    pub fn is_for_impersonated(self) -> bool {
        match self {
            Self::ImpersonationsCreate
            | Self::ImpersonationsRead
            | Self::ImpersonationsEnd
            | Self::SessionsEnd => false,
            Self::ForwardAuth => true,
        }
    }

    /// What of `asked` a token for `audience` may carry: a scope of ours says something to our own APIs alone, which are
    /// meant where no audience is (`None`).
    pub fn within(asked: &Scopes, audience: Option<&str>) -> Scopes {
        asked.filter(|scope| audience.is_none() || Self::parse(scope).is_none())
    }

    pub fn is_in(self, scopes: &Scopes) -> bool {
        scopes.contains(self.as_str())
    }
}
