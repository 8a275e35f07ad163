//! One step of applying a directory file: a change, and what it writes.
use super::plan::Change;
use crate::store::applications::write::ClientRecord;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::UserRecord;

/// A change with what it writes.
pub(super) struct ApplyStep {
    pub(super) change: Change,
    pub(super) write: Write,
}

pub(super) enum Write {
    Settings {
        impersonation_enabled: bool,
    },
    /// Whether it is switched off or on by this.
    Organization {
        record: OrganizationRecord,
        switched: bool,
    },
    Role(RoleRecord),
    User(Box<UserWrite>),
    Client {
        record: Box<ClientRecord>,
        secret_hash: Option<Vec<u8>>,
        turn: ApplyTurn,
    },
    DeleteOrganization,
    DeleteRole,
    DeleteUser,
    DeleteClient,
}

/// What a change does to what was begun before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApplyTurn {
    /// Nothing.
    None,
    /// Impersonations end: the application takes no part any more.
    ImpersonationOff,
    /// Everything ends.
    Off,
    /// Nothing of what was begun before it was switched off goes on.
    On,
}

impl ApplyTurn {
    pub(super) fn of(before: &ClientRecord, after: &ClientRecord) -> Self {
        match (before.status.as_str(), after.status.as_str()) {
            (one, other) if one == other => {
                let off = before.impersonation_enabled && !after.impersonation_enabled;
                if off { Self::ImpersonationOff } else { Self::None }
            }
            (_, "inactive") => Self::Off,
            (_, _) => Self::On,
        }
    }
}

pub(super) struct UserWrite {
    pub(super) record: UserRecord,
    pub(super) roles: Vec<String>,
    pub(super) password_hash: Option<String>,
    /// Whatever was begun with the old password, or by somebody who may not any more, ends.
    pub(super) signs_out: bool,
    /// The address is somebody else's until it is taken from them.
    pub(super) moves_email: bool,
}
