use std::path::Path;

/// Whatever cannot be lost need not be written: several times faster than the defaults.
pub(super) const FAST: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=32MB",
];

/// A commit reaches the kernel before it is answered, which is all that outliving Postgres takes.
/// It can be made to follow another one, too.
pub(super) const CRASHABLE: &[&str] = &[
    "fsync=off",
    "synchronous_commit=on",
    "autovacuum=off",
    "shared_buffers=32MB",
    "wal_level=replica",
];

pub(super) const SAFE: &[&str] = &["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

const ALL: &[&str] = &[
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "wal_level=minimal",
    "max_wal_senders=0",
    "logging_collector=off",
    "log_destination=stderr",
    "timezone=UTC",
    "log_timezone=UTC",
    "jit=off",
    "cluster_name=understudy",
];

/// Command-line settings win over the files in the data directory, so old data gets them too.
pub(super) fn list(own: &[&str], sockets: &Path) -> Vec<String> {
    // Quoted, because the value is a list with commas.
    let sockets = format!("unix_socket_directories=\"{}\"", sockets.display());
    let settings = ALL.iter().chain(own).map(|&setting| setting.to_owned());
    settings.chain([sockets]).flat_map(|setting| ["-c".to_owned(), setting]).collect()
}
