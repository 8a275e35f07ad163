//! A private Postgres, for `understudy dev` and for the tests, made from the installed server binaries.
//!
//! It never touches a Postgres of somebody else, never listens on the network (one Unix socket in a
//! directory only its owner may enter) and never outlives us: a watchdog shell stops it when our
//! process ends, however it ends. Blocking throughout: called before the servers start.
//! Start at [`Cluster::throwaway`] (tests) and [`Cluster::persistent`] (`dev`).

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

mod account;
mod binaries;
mod earlier;
mod error;
mod settings;
mod sql;
#[cfg(test)]
mod tests;
mod watchdog;

pub use error::EmbeddedError;

use account::Account;
use earlier::Lock;
use error::at;
use watchdog::Watchdog;

/// The superuser of every embedded cluster. It has no password: the socket's directory is the guard.
pub const USER: &str = "understudy";

/// What becomes of the data an earlier run left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    Kept,
    Fresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Sessions are cut off, everything is written.
    Fast,
    /// As a power cut would: the next start recovers from the log.
    Immediate,
}

/// A Postgres server of our own. It stops when this is dropped.
pub struct Cluster {
    // The order matters: the server first, then what it stood on.
    watchdog: Watchdog,
    place: ClusterPlace,
    _lock: Option<Lock>,
    _temporary: TempDir,
}

/// Where a cluster keeps its things.
#[derive(Clone)]
struct ClusterPlace {
    data: PathBuf,
    log: PathBuf,
    sockets: PathBuf,
}

/// All that is settled before anything runs.
struct ClusterPlan {
    account: Account,
    binaries: PathBuf,
    place: ClusterPlace,
    settings: Vec<String>,
    /// What Postgres gets when our process is gone.
    last_signal: Signal,
}

impl Cluster {
    /// For tests: as fast as it goes, and nothing of it is left afterwards.
    pub fn throwaway() -> Result<Self, EmbeddedError> {
        Self::temporary(settings::FAST)
    }

    /// For tests of faults: as [`Cluster::throwaway`], yet what was committed survives
    /// [`Shutdown::Immediate`] (a crash of Postgres, not of the machine).
    pub fn crashable() -> Result<Self, EmbeddedError> {
        Self::temporary(settings::CRASHABLE)
    }

    /// For `dev`: the data stays in `directory`, and commits are as safe as in production.
    ///
    /// Whatever a killed process left there (lock, socket, a Postgres still running) is cleared away;
    /// a living one is [`EmbeddedError::AlreadyRunning`]. Started by root below a directory that
    /// Postgres's account may not enter (`/root`), the data is kept in
    /// `/var/lib/understudy-dev-<hash of the path>` instead; [`Cluster::data_directory`] says where.
    pub fn persistent(directory: &Path, data: Data) -> Result<Self, EmbeddedError> {
        fs::create_dir_all(directory).map_err(at(directory))?;
        let directory = directory.canonicalize().map_err(at(directory))?;
        let account = Account::choose(Some(&directory.join("data")))?;
        let home = account.enterable_home(directory)?;
        let account = Account::choose(Some(&home.join("data")))?;

        let lock = Lock::take(&home)?;
        let temporary = account.temporary_directory()?;
        let place = ClusterPlace::new(&home, temporary.path());
        earlier::clear_away(&place.data)?;
        if data == Data::Fresh {
            remove_tree(&place.data)?;
        }
        let binaries = binaries::find_for_data(&account, &place.data)?;
        let settings = settings::list(settings::SAFE, &place.sockets);
        let last_signal = Signal::SIGINT;
        let plan = ClusterPlan { account, binaries, place, settings, last_signal };
        Self::open(&plan, Some(lock), temporary)
    }

    fn temporary(settings: &[&str]) -> Result<Self, EmbeddedError> {
        let account = Account::choose(None)?;
        let binaries = binaries::find(&account)?;
        let home = account.temporary_directory()?;
        let place = ClusterPlace::new(home.path(), home.path());
        let settings = settings::list(settings, &place.sockets);
        // The data is rubbish by then: no need to be gentle.
        let last_signal = Signal::SIGQUIT;
        Self::open(&ClusterPlan { account, binaries, place, settings, last_signal }, None, home)
    }

    fn open(
        plan: &ClusterPlan,
        lock: Option<Lock>,
        temporary: TempDir,
    ) -> Result<Self, EmbeddedError> {
        let place = plan.place.clone();
        let mut log = File::options();
        log.write(true).create(true).truncate(true).mode(0o600);
        log.open(&place.log).map_err(at(&place.log))?;
        plan.account.give(&place.log)?;

        let mut watchdog = Watchdog::spawn(plan)?;
        if !place.data.exists() {
            // Under another name until it is whole: a killed `initdb` leaves no half cluster behind.
            let unfinished = place.unfinished_data();
            remove_tree(&unfinished)?;
            DirBuilder::new().mode(0o700).create(&unfinished).map_err(at(&unfinished))?;
            plan.account.give(&unfinished)?;
            watchdog.initdb()?;
            fs::rename(&unfinished, &place.data).map_err(at(&place.data))?;
        }
        watchdog.start()?;
        Ok(Self { watchdog, place, _lock: lock, _temporary: temporary })
    }

    /// Stays the same for the life of the cluster, over [`Cluster::stop`] and [`Cluster::start`] too.
    pub fn url(&self, database: &str) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let sockets = self.place.sockets.to_string_lossy();
        format!("postgres://{USER}@{}/{}", encode(&sockets), encode(database))
    }

    /// No error when it is there already: `dev` asks at every start.
    pub fn create_database(&self, name: &str) -> Result<(), EmbeddedError> {
        let statement = format!("CREATE DATABASE {}", sql::identifier(name));
        match self.execute(&statement) {
            Err(EmbeddedError::Sql { code, .. }) if code == sql::DUPLICATE_DATABASE => Ok(()),
            result => result,
        }
    }

    /// Nobody may be connected to the template meanwhile. A few times faster than migrating anew.
    pub fn clone_database(&self, template: &str, name: &str) -> Result<(), EmbeddedError> {
        let (template, name) = (sql::identifier(template), sql::identifier(name));
        // Before 15, copying the files was the only way and had no name.
        let strategy = match binaries::data_version(&self.place.data) {
            Some(version) if version >= 15 => " STRATEGY file_copy",
            _ => "",
        };
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}"))
    }

    /// Whoever is connected is cut off.
    pub fn drop_database(&self, name: &str) -> Result<(), EmbeddedError> {
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql::identifier(name)))
    }

    /// The data stays; [`Cluster::start`] goes on with it.
    pub fn stop(&mut self, shutdown: Shutdown) -> Result<(), EmbeddedError> {
        self.watchdog.stop(match shutdown {
            Shutdown::Fast => Signal::SIGINT,
            Shutdown::Immediate => Signal::SIGQUIT,
        })
    }

    /// After [`Cluster::stop`], or after Postgres died by itself. Running already is no error.
    pub fn start(&mut self) -> Result<(), EmbeddedError> {
        self.watchdog.start()
    }

    pub fn data_directory(&self) -> &Path {
        &self.place.data
    }

    pub fn log_file(&self) -> &Path {
        &self.place.log
    }

    /// The postmaster, as long as we have not stopped it.
    pub fn pid(&self) -> Option<i32> {
        self.watchdog.pid()
    }

    fn execute(&self, statement: &str) -> Result<(), EmbeddedError> {
        sql::execute(&self.place.sockets, statement)
    }
}

impl ClusterPlace {
    fn new(home: &Path, sockets: &Path) -> Self {
        Self {
            data: home.join("data"),
            log: home.join("postgres.log"),
            sockets: sockets.to_path_buf(),
        }
    }

    fn unfinished_data(&self) -> PathBuf {
        self.data.with_extension("unfinished")
    }
}

fn remove_tree(path: &Path) -> Result<(), EmbeddedError> {
    if path.exists() { fs::remove_dir_all(path).map_err(at(path)) } else { Ok(()) }
}
