//! A file that has been read and found right.
use super::mistake::printable;
use crate::domain::Timestamp;
use crate::store::applications::write::ClientRecord;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::RoleRecord;
use crate::store::directory::write::UserRecord;
use secrecy::SecretString;
use std::fmt;

/// What [`super::read()`] gives, for [`super::plan()`] and [`super::apply()`].
#[derive(Default)]
pub struct File {
    /// The operator's switch for the whole feature, if the file has it.
    pub(super) impersonation_enabled: Option<bool>,
    pub(super) organizations: Vec<WantedOrganization>,
    pub(super) roles: Vec<RoleRecord>,
    pub(super) users: Vec<WantedUser>,
    pub(super) clients: Vec<WantedClient>,
    /// What it was read from, to be read once more beside the database.
    pub(super) draft: Option<Draft>,
}

/// The values of a file, with its secrets. The text says on which line they stand.
pub(super) struct Draft {
    pub(super) text: SecretString,
    pub(super) values: serde_json::Value,
    /// What was wrong with it before anything was read: variables that are not set, files that are not there.
    pub(super) found: Vec<(super::mistake::Path, String)>,
}

impl File {
    /// Whether it says something of applications.
    pub(super) fn names_applications(&self) -> bool {
        let drafted = self.draft.as_ref().and_then(|draft| draft.values.get("clients"));
        !self.clients.is_empty()
            || drafted.and_then(|own| own.as_array()).is_some_and(|own| !own.is_empty())
    }

    /// What was left out, guessed or not understood in the metadata of applications, in sentences for a terminal.
    pub fn notices(&self) -> Vec<String> {
        let of_one = |wanted: &WantedClient| {
            let id = printable(&wanted.record.id);
            let say = move |notice: &String| format!("application `{id}`: {notice}");
            wanted.notices.iter().map(say).collect::<Vec<_>>()
        };
        self.clients.iter().flat_map(of_one).collect()
    }
}

/// Says how much there is, not what: a file holds secrets.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("organizations", &self.organizations.len())
            .field("roles", &self.roles.len())
            .field("users", &self.users.len())
            .field("clients", &self.clients.len())
            .finish_non_exhaustive()
    }
}

pub(super) struct WantedOrganization {
    pub(super) record: OrganizationRecord,
    pub(super) left_out: LeftOut,
}

pub(super) struct WantedUser {
    /// Without one, the user is known by the e-mail address.
    pub(super) id: Option<String>,
    /// Its `id` is filled in when the plan is made.
    pub(super) record: UserRecord,
    /// Sorted.
    pub(super) roles: Vec<String>,
    pub(super) password: Option<WantedPassword>,
    pub(super) left_out: LeftOut,
}

pub(super) enum WantedPassword {
    Plain(SecretString),
    /// In PHC form.
    Hash(String),
}

pub(super) struct WantedClient {
    pub(super) record: ClientRecord,
    /// SHA-256.
    pub(super) secret_hash: Option<Vec<u8>>,
    pub(super) left_out: LeftOut,
    /// The metadata that it was read from count until then.
    pub(super) valid_until: Option<Timestamp>,
    /// What was left out, guessed or not understood in them.
    pub(super) notices: Vec<String>,
}

/// Keys that the file leaves out and that then stay as they are stored.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each key is left out or not, by itself")]
pub(super) struct LeftOut {
    pub(super) status: bool,
    pub(super) user_metadata: bool,
    pub(super) app_metadata: bool,
    pub(super) box_: bool,
    /// `password_reset`, `client_secret_reset`: without it a stored secret stays.
    pub(super) reset: bool,
}
