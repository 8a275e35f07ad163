//! `.understudy/`: where `dev` keeps its cluster and its key, and where other commands find them.
use super::Problem;
use crate::config::{Database, MasterKey, Settings};
use crate::embedded::{Cluster, Data};
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
pub struct Place {
    pub url: String,
    _cluster: Option<Cluster>,
}

/// The database of the settings: a given one, that of a running `dev`, or the cluster of `.understudy/`.
pub fn database(settings: &Settings, data: Data) -> Result<Place, Problem> {
    match &settings.database {
        Database::Url(url) => Ok(Place { url: url.expose_secret().to_owned(), _cluster: None }),
        Database::Embedded => match Cluster::persistent(&folder().join("postgres"), data) {
            Ok(cluster) => {
                cluster.create_database(DATABASE)?;
                let url = cluster.url(DATABASE);
                write_private(&url_file(), &url)?;
                Ok(Place { url, _cluster: Some(cluster) })
            }
            Err(crate::embedded::EmbeddedError::AlreadyRunning { .. }) if data == Data::Kept => {
                let url = fs::read_to_string(url_file())?;
                Ok(Place { url, _cluster: None })
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn url_file() -> PathBuf {
    folder().join("database-url")
}

/// The key of the settings, or the one that `dev` made if there is one and no other installation is meant.
pub fn known_master_key(settings: &Settings) -> Option<String> {
    match (&settings.master_key, &settings.database) {
        (MasterKey::Given(key), _) => Some(key.expose_secret().to_owned()),
        (MasterKey::Development, Database::Embedded) => {
            fs::read_to_string(folder().join("master.key")).ok()
        }
        (MasterKey::Development, Database::Url(_)) => None,
    }
}

/// The key of the settings, or the one that `dev` made.
pub fn master_key(settings: &Settings) -> Result<String, Problem> {
    match &settings.master_key {
        MasterKey::Given(key) => Ok(key.expose_secret().to_owned()),
        MasterKey::Development => {
            let file = folder().join("master.key");
            if let Ok(key) = fs::read_to_string(&file) {
                return Ok(key);
            }
            let key = crate::crypto::seal::MasterKey::generate_text();
            fs::create_dir_all(folder())?;
            write_private(&file, &key)?;
            Ok(key.to_string())
        }
    }
}

/// Readable by its owner only.
fn write_private(file: &Path, text: &str) -> Result<(), Problem> {
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}
