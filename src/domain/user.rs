//! A user: a person, an app user or a service account.
use super::organization::Organization;
use super::permission::Permissions;
use super::{ClientId, OrganizationId, Status, UserId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// A user with a login.
    Person,
    /// Made by an application over the API; has no login.
    AppUser,
    /// An application's own user.
    ServiceAccount,
}

impl UserKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::AppUser => "app_user",
            Self::ServiceAccount => "service_account",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Person, Self::AppUser, Self::ServiceAccount]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What applications may be told about a user ([OpenID Connect Core §5.1]).
///
/// [OpenID Connect Core §5.1]: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub nickname: Option<String>,
    pub picture: Option<String>,
    pub phone_number: Option<String>,
}

/// Whom a token speaks for: who it is and what may be told of them. Nothing to decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSubject {
    pub id: UserId,
    pub kind: UserKind,
    /// The application that made an app user, or whose own a service account is.
    pub owner: Option<ClientId>,
    pub organization: Option<OrganizationId>,
    pub profile: Profile,
}

impl From<&User> for TokenSubject {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            kind: user.kind,
            owner: user.owner.clone(),
            organization: user.organization_id().cloned(),
            profile: user.profile.clone(),
        }
    }
}

/// A user with everything the rules look at, as it stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub kind: UserKind,
    pub status: Status,
    /// None: staff of the operator, whose roles count in every organization.
    pub organization: Option<Organization>,
    pub profile: Profile,
    pub permissions: Permissions,
    /// The application that made an app user, or whose own a service account is.
    pub owner: Option<ClientId>,
}

impl User {
    /// Active, and so is the organization.
    pub fn is_active(&self) -> bool {
        self.status.is_active() && self.organization.as_ref().is_none_or(|o| o.status.is_active())
    }

    pub fn organization_id(&self) -> Option<&OrganizationId> {
        self.organization.as_ref().map(|organization| &organization.id)
    }

    /// The service account of `client`.
    pub fn is_service_account_of(&self, client: &ClientId) -> bool {
        self.kind == UserKind::ServiceAccount && self.owner.as_ref() == Some(client)
    }

    /// How the user is called on pages: the name, else the e-mail address, else the id.
    pub fn display_name(&self) -> &str {
        let profile = &self.profile;
        profile.name.as_deref().or(profile.email.as_deref()).unwrap_or(self.id.as_str())
    }
}
