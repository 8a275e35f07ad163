//! The nouns: people, organizations, applications, scopes, time. Plain values.
//!
//! No I/O, no clock, no randomness, no framework. Start at [`user::User`] and [`client::Client`].
pub mod api_scope;
pub mod box_profile;
pub mod box_settings;
pub mod caller;
pub mod client;
pub mod database_url;
pub mod federation;
pub mod id;
pub mod network;
pub mod organization;
pub mod permission;
pub mod protocol;
pub mod registered_uri;
pub mod scope;
pub mod role;
pub mod spelling;
pub mod text;
pub mod user;
pub mod json;
pub mod times;

pub use id::{ClientId, ImpersonationId, OrganizationId, SessionId, UserId};

/// A moment, always in UTC; where a database is touched, on the database's clock.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Whether a user, an organization or an application takes part at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Inactive,
}

impl Status {
    pub fn is_active(self) -> bool {
        self == Self::Active
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}
