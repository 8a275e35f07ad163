use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Uid, User, geteuid};
use tempfile::TempDir;

use super::error::{EmbeddedError, at};

/// A socket's path must fit into `sockaddr_un`: 108 bytes on Linux, 104 on macOS, both with a final zero.
const MAX_SOCKET_LEN: usize = 103;

/// Whom Postgres runs as: ourselves, or as root an account without rights, since Postgres refuses root.
#[derive(Clone)]
pub(super) struct Account {
    instead_of_root: Option<User>,
}

impl Account {
    /// Data that is there already is served by its owner: Postgres accepts nobody else.
    pub(super) fn choose(data: Option<&Path>) -> Result<Self, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(Self { instead_of_root: None });
        }
        let owner = data.and_then(|data| Some(Uid::from_raw(fs::metadata(data).ok()?.uid())));
        let user = owner
            .filter(|owner| !owner.is_root())
            .and_then(|owner| User::from_uid(owner).ok().flatten())
            .or_else(|| ["postgres", "nobody"].into_iter().find_map(named))
            .ok_or(EmbeddedError::NoUnprivilegedUser)?;
        Ok(Self { instead_of_root: Some(user) })
    }

    /// `Command::uid` also drops root's supplementary groups.
    pub(super) fn run(&self, command: &mut Command) {
        if let Some(user) = &self.instead_of_root {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        self.instead_of_root.as_ref().map_or(Ok(()), |user| {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(at(path))
        })
    }

    /// Whether every directory on the way down to and including `directory` may be entered.
    pub(super) fn may_enter(&self, directory: &Path) -> bool {
        let Some(user) = &self.instead_of_root else { return true };
        directory.ancestors().all(|step| {
            fs::metadata(step).is_ok_and(|step| {
                let search = if step.uid() == user.uid.as_raw() {
                    0o100
                } else if step.gid() == user.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                step.mode() & search != 0
            })
        })
    }

    /// `wanted`, unless the account cannot get there: then a directory of the same meaning that it can.
    pub(super) fn enterable_home(&self, wanted: PathBuf) -> Result<PathBuf, EmbeddedError> {
        if self.may_enter(&wanted) {
            return Ok(wanted);
        }
        let hash = fnv1a(wanted.as_os_str().as_encoded_bytes());
        let home = PathBuf::from(format!("/var/lib/understudy-dev-{hash:016x}"));
        fs::create_dir_all(&home).map_err(at(&home))?;
        // Whatever the umask says.
        fs::set_permissions(&home, Permissions::from_mode(0o755)).map_err(at(&home))?;
        Ok(home)
    }

    /// Owned by the account, closed to everybody else, and short enough for a socket.
    pub(super) fn temporary_directory(&self) -> Result<TempDir, EmbeddedError> {
        for base in [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")] {
            let Ok(base) = base.canonicalize() else { continue };
            if !self.may_enter(&base) {
                continue;
            }
            let Ok(directory) = tempfile::Builder::new().prefix("understudy-").tempdir_in(&base)
            else {
                continue;
            };
            let socket = super::sql::socket(directory.path());
            if socket.as_os_str().len() <= MAX_SOCKET_LEN {
                self.give(directory.path())?;
                return Ok(directory);
            }
        }
        Err(EmbeddedError::NoSocketDirectory)
    }
}

/// It needs an entry in `passwd`: `initdb` looks its own name up.
fn named(name: &str) -> Option<User> {
    User::from_name(name).ok().flatten()
}

/// Not for secrets: only so that two projects do not share their data. Stable over Rust versions.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
