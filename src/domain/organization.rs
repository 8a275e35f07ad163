//! A customer's tenant of users and applications.
use super::text::is_plain_line;
use super::{OrganizationId, Status};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: OrganizationId,
    pub status: Status,
    /// The organization's own switch for the whole feature.
    pub impersonation_enabled: bool,
}

/// Characters in a name.
pub const MAX_NAME_LEN: usize = 255;

/// A line that can be read ([`is_plain_line`]), not empty.
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_NAME_LEN).contains(&length) && is_plain_line(text)
}
