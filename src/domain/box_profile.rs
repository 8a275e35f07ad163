//! The additional user data of the Box-compatible API.
use super::user::User;
use super::{Status, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// As stored: whatever is not written down is at its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BoxProfile {
    pub language: String,
    pub timezone: String,
    pub job_title: String,
    pub phone: String,
    pub address: String,
    /// Bytes; −1 for no limit. For resource servers to look at: no content is kept here.
    pub space_amount: i64,
    pub restriction: Restriction,
    /// Flags that were set explicitly.
    pub flags: BTreeMap<Flag, bool>,
    pub tracking_codes: Vec<TrackingCode>,
    /// A second, unverified address, to which nothing is sent.
    pub notification_email: Option<String>,
}

impl BoxProfile {
    pub fn flag(&self, flag: Flag) -> bool {
        self.flags.get(&flag).copied().unwrap_or_else(|| flag.usual())
    }
}

/// What is switched on for a user there. For resource servers to look at: nothing here goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    IsSyncEnabled,
    CanSeeManagedUsers,
    IsExternalCollabRestricted,
    IsExemptFromDeviceLimits,
    IsExemptFromLoginVerification,
}

impl Flag {
    pub const ALL: [Self; 5] = [
        Self::IsSyncEnabled,
        Self::CanSeeManagedUsers,
        Self::IsExternalCollabRestricted,
        Self::IsExemptFromDeviceLimits,
        Self::IsExemptFromLoginVerification,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::IsSyncEnabled => "is_sync_enabled",
            Self::CanSeeManagedUsers => "can_see_managed_users",
            Self::IsExternalCollabRestricted => "is_external_collab_restricted",
            Self::IsExemptFromDeviceLimits => "is_exempt_from_device_limits",
            Self::IsExemptFromLoginVerification => "is_exempt_from_login_verification",
        }
    }

    fn usual(self) -> bool {
        self == Self::CanSeeManagedUsers
    }
}

/// A word by which an enterprise counts its users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackingCode {
    pub name: String,
    pub value: String,
}

impl Default for BoxProfile {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            timezone: "UTC".to_owned(),
            job_title: String::new(),
            phone: String::new(),
            address: String::new(),
            space_amount: 5_368_709_120,
            restriction: Restriction::None,
            flags: BTreeMap::new(),
            tracking_codes: Vec::new(),
            notification_email: None,
        }
    }
}

/// A user as the Box-shaped API shows one.
#[derive(Debug, Clone)]
pub struct BoxUser {
    pub user: User,
    pub profile: BoxProfile,
    /// The application's own name for an app user; unique within the application, and never an id of ours.
    pub external_id: Option<String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
}

impl BoxUser {
    pub fn status(&self) -> BoxStatus {
        BoxStatus { status: self.user.status, restriction: self.profile.restriction }
    }
}

/// What an active user may not do with content; resource servers hold them to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    #[default]
    None,
    DeleteEdit,
    DeleteEditUpload,
}

/// The four words of `status`: whether a user takes part at all, and what they may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxStatus {
    pub status: Status,
    pub restriction: Restriction,
}

impl BoxStatus {
    pub fn as_str(self) -> &'static str {
        match (self.status, self.restriction) {
            (Status::Inactive, _) => "inactive",
            (Status::Active, Restriction::None) => "active",
            (Status::Active, Restriction::DeleteEdit) => "cannot_delete_edit",
            (Status::Active, Restriction::DeleteEditUpload) => "cannot_delete_edit_upload",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (status, restriction) = match text {
            "active" => (Status::Active, Restriction::None),
            "inactive" => (Status::Inactive, Restriction::None),
            "cannot_delete_edit" => (Status::Active, Restriction::DeleteEdit),
            "cannot_delete_edit_upload" => (Status::Active, Restriction::DeleteEditUpload),
            _ => return None,
        };
        Some(Self { status, restriction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_as_it_is_written() {
        for word in ["active", "inactive", "cannot_delete_edit", "cannot_delete_edit_upload"] {
            assert_eq!(BoxStatus::parse(word).unwrap().as_str(), word);
        }
        assert_eq!(BoxStatus::parse("Active"), None);
    }

    #[test]
    fn a_flag_is_stored_by_the_name_that_it_has_outside() {
        for flag in Flag::ALL {
            assert_eq!(serde_json::to_value(flag).unwrap(), flag.name());
        }
        let read: BoxProfile =
            serde_json::from_str(r#"{"flags":{"is_sync_enabled":true}}"#).unwrap();
        assert!(read.flag(Flag::IsSyncEnabled) && read.flag(Flag::CanSeeManagedUsers));
        assert!(!read.flag(Flag::IsExemptFromDeviceLimits));
    }

    #[test]
    fn a_user_of_whom_nothing_is_kept_has_the_defaults() {
        let read: BoxProfile = serde_json::from_str("{}").unwrap();
        assert_eq!(read, BoxProfile::default());
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(serde_json::from_value::<BoxProfile>(written).unwrap(), read);
    }
}
