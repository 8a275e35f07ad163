//! `.understudy/`: where `dev` keeps its cluster and its key, and where other commands find them.
use super::{Problem, output};
use crate::config::{Database, MasterKeySource, ServerSettings};
use crate::embedded::{Cluster, Data, EmbeddedError};
use secrecy::ExposeSecret as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const DATABASE: &str = "understudy";

/// The folder, below the current one.
pub fn folder() -> PathBuf {
    PathBuf::from(".understudy")
}

/// A database to work with. The cluster, if it is ours, lives as long as this.
pub struct CommandPlace {
    pub url: String,
    _cluster: Option<Cluster>,
}

/// The database of `dev`: a given one, or the cluster of `.understudy/`, which is made if it is not there.
pub fn own_database(settings: &ServerSettings, data: Data) -> Result<CommandPlace, Problem> {
    match &settings.database {
        Database::Url(url) => {
            Ok(CommandPlace { url: url.expose_secret().to_owned(), _cluster: None })
        }
        Database::Embedded => opened(Cluster::persistent(&folder().join("postgres"), data)?),
    }
}

/// The database of every other command: a given one, or the one that `dev` has made, which is then named first.
/// None is ever made up: a command that works on an empty database says that all is well.
pub fn database(settings: &ServerSettings) -> Result<CommandPlace, Problem> {
    match &settings.database {
        Database::Url(url) => {
            Ok(CommandPlace { url: url.expose_secret().to_owned(), _cluster: None })
        }
        Database::Embedded if url_file().exists() => {
            let folder = folder().canonicalize()?;
            output::warning(&format!(
                "DATABASE_URL is not set: this is about the database of `understudy dev` in {}",
                folder.display()
            ));
            match Cluster::persistent(&self::folder().join("postgres"), Data::Kept) {
                Ok(cluster) => opened(cluster),
                Err(EmbeddedError::AlreadyRunning { .. }) => {
                    Ok(CommandPlace { url: fs::read_to_string(url_file())?, _cluster: None })
                }
                Err(problem) => Err(problem.into()),
            }
        }
        Database::Embedded => Err(Problem::settings(
            "DATABASE_URL is missing, such as postgres://user:password@host/database. Without it only `dev` works, and \
             commands in a folder where `dev` was started.",
        )),
    }
}

fn opened(cluster: Cluster) -> Result<CommandPlace, Problem> {
    cluster.create_database(DATABASE)?;
    let url = cluster.url(DATABASE);
    write_private(&url_file(), &url)?;
    Ok(CommandPlace { url, _cluster: Some(cluster) })
}

fn url_file() -> PathBuf {
    folder().join("database-url")
}

fn public_url_file() -> PathBuf {
    folder().join("public-url")
}

/// Tells the commands beside `dev` where it serves.
pub fn note_public_url(url: &str) -> Result<(), Problem> {
    fs::create_dir_all(folder())?;
    write_private(&public_url_file(), url)
}

/// Where `dev` serves, or last did: links of commands about its database lead there. None if another database is meant
/// or nothing is known.
pub fn public_url_of_dev(settings: &ServerSettings) -> Option<String> {
    match &settings.database {
        Database::Url(_) => None,
        Database::Embedded => fs::read_to_string(public_url_file()).ok(),
    }
}

/// The key of the settings, or the one that `dev` made if there is one and no other installation is meant.
pub fn known_master_key(settings: &ServerSettings) -> Option<String> {
    match (&settings.master_key, &settings.database) {
        (MasterKeySource::Given(key), _) => Some(key.expose_secret().to_owned()),
        (MasterKeySource::Development, Database::Embedded) => {
            fs::read_to_string(folder().join("master.key")).ok()
        }
        (MasterKeySource::Development, Database::Url(_)) => None,
    }
}

/// The key of the settings, or the one that `dev` made.
pub fn master_key(settings: &ServerSettings) -> Result<String, Problem> {
    match &settings.master_key {
        MasterKeySource::Given(key) => Ok(key.expose_secret().to_owned()),
        MasterKeySource::Development => {
            let file = folder().join("master.key");
            fs::read_to_string(&file).map_err(|problem| {
                Problem::settings(format!(
                    "UNDERSTUDY_MASTER_KEY is missing, and {} cannot be read: {problem}",
                    file.display()
                ))
            })
        }
    }
}

/// The key of `dev`, which is made the first time.
pub fn own_master_key(settings: &ServerSettings) -> Result<String, Problem> {
    let file = folder().join("master.key");
    if matches!(settings.master_key, MasterKeySource::Development) && !file.exists() {
        let key = crate::crypto::seal::MasterKey::generate_text();
        fs::create_dir_all(folder())?;
        write_private(&file, &key)?;
    }
    master_key(settings)
}

/// Readable by its owner only.
fn write_private(file: &Path, text: &str) -> Result<(), Problem> {
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}
