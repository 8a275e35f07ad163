use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::error::EmbeddedError;

/// Folders of the packagers that keep servers out of PATH: parent, beginning of the name, and what follows.
const FOLDERS: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// The folder that holds both `initdb` and `postgres`.
pub(super) fn find(account: &Account) -> Result<PathBuf, EmbeddedError> {
    complete(account).next().ok_or(EmbeddedError::NoServerBinaries)
}

/// Data is only ever served by the major version that made it.
pub(super) fn find_for_data(account: &Account, data: &Path) -> Result<PathBuf, EmbeddedError> {
    let first = find(account)?;
    match data_version(data) {
        None => Ok(first),
        Some(version) => complete(account)
            .find(|folder| server_version(folder) == Some(version))
            .ok_or_else(|| EmbeddedError::OtherVersion { directory: data.into(), data: version }),
    }
}

pub(super) fn data_version(data: &Path) -> Option<u32> {
    leading_number(&fs::read_to_string(data.join("PG_VERSION")).ok()?)
}

fn server_version(folder: &Path) -> Option<u32> {
    let words = said_by(Command::new(folder.join("postgres")).arg("--version"))?;
    leading_number(words.split_once("(PostgreSQL)")?.1.trim_start())
}

fn complete(account: &Account) -> impl Iterator<Item = PathBuf> {
    candidates().filter_map(|folder| {
        // Through links: Postgres finds its own files beside where it really is.
        let initdb = folder.join("initdb").canonicalize().ok()?;
        let folder = initdb.parent()?;
        let is_complete = folder.join("postgres").is_file() && account.may_enter(folder);
        is_complete.then(|| folder.to_path_buf())
    })
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let asked = said_by(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
    // Not a setting of ours: the same PATH that `Command` goes through.
    let path = env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> =
        env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    asked.into_iter().chain(path).chain(FOLDERS.into_iter().flat_map(newest_first))
}

fn newest_first((parent, beginning, inner): (&str, &str, &str)) -> Vec<PathBuf> {
    let mut found: Vec<(Option<u32>, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let rest = name.to_str()?.strip_prefix(beginning)?;
            let version = leading_number(rest.trim_start_matches('@'));
            Some((version, entry.path().join(inner)))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn leading_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
