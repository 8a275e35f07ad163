//! A customer's tenant of users and applications.
use super::{OrganizationId, Status};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: OrganizationId,
    pub status: Status,
    /// The organization's own switch for the whole feature.
    pub impersonation_enabled: bool,
}
