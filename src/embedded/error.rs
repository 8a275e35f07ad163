use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "no PostgreSQL server found (`initdb` and `postgres`, looked for with `pg_config`, in PATH and in the \
         usual folders): run `scripts/install-postgres.sh`, or `apt-get install postgresql` (Debian, Ubuntu), \
         `dnf install postgresql-server` (Fedora), `apk add postgresql` (Alpine), `pacman -S postgresql` (Arch), \
         `brew install postgresql` (macOS); or set DATABASE_URL to a Postgres of your own"
    )]
    NoServerBinaries,
    #[error(
        "Postgres does not run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    )]
    NoUnprivilegedUser,
    #[error("already running{}: another process uses the data in {directory}", worded(*.pid))]
    AlreadyRunning { directory: PathBuf, pid: Option<i32> },
    #[error(
        "the data in {directory} is PostgreSQL {data}'s, and no server of that version is installed: \
         install it, or begin anew with `--fresh`"
    )]
    OtherVersion { directory: PathBuf, data: u32 },
    #[error(
        "no temporary directory is short enough for a Unix socket and open to Postgres's account"
    )]
    NoSocketDirectory,
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("Postgres {what}; its log ends with:\n{log}")]
    Server { what: &'static str, log: String },
    #[error("Postgres refused ({code}): {message}")]
    Sql { code: String, message: String },
}

fn worded(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(", pid {pid}"))
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_path_buf();
    move |source| EmbeddedError::Io { path, source }
}
