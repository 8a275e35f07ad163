//! Settings of an application for the Box-compatible channels.
use super::OrganizationId;
use serde::Deserialize;

/// The `box` section of an application; whatever it does not name is off.
#[expect(clippy::struct_excessive_bools, reason = "switches, as an administrator sees them")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BoxSettings {
    /// May call with `As-User`.
    pub perform_actions_as_users: bool,
    /// May call with `On-Behalf-Of`.
    pub on_behalf_of: bool,
    /// May ask for tokens of users; of managed ones only together with `enterprise_access`.
    pub generate_user_access_tokens: bool,
    /// Works with everybody in an organization, and not only with the app users that it made.
    pub enterprise_access: bool,
    /// Whose administrators have let it in. Nowhere else does any of the above count.
    pub authorized_in: Vec<OrganizationId>,
    pub public_keys: Vec<BoxPublicKey>,
}

/// A key with which the application signs assertions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BoxPublicKey {
    /// The `kid` of its assertions.
    pub id: String,
    /// `-----BEGIN PUBLIC KEY-----`.
    pub pem: String,
}

impl BoxSettings {
    pub fn is_authorized_in(&self, organization: Option<&OrganizationId>) -> bool {
        organization.is_some_and(|organization| self.authorized_in.contains(organization))
    }
}
