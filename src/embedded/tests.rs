use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::*;

/// Set in the process that plays the one to be killed: the directory to use, or nothing for a throwaway.
const STAND_IN: &str = "UNDERSTUDY_EMBEDDED_STAND_IN";

/// A directory that Postgres's account can enter also when the tests are run by root.
fn project() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(directory.path(), open).unwrap();
    directory
}

/// The first column of the first row.
fn ask(cluster: &Cluster, database: &str, question: &str) -> Option<String> {
    let answer = async {
        let (client, connection) =
            tokio_postgres::connect(&cluster.url(database), NoTls).await.unwrap();
        tokio::select! {
            _ = connection => panic!("hung up"),
            rows = client.simple_query(question) => rows.unwrap(),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(answer);
    let SimpleQueryMessage::Row(row) = rows.get(1)? else { return None };
    row.get(0).map(str::to_owned)
}

fn soon(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn is_alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

struct StandIn {
    process: Child,
    postgres: i32,
    data: PathBuf,
}

/// Another process with a cluster, which is then killed.
fn stand_in(directory: &str) -> StandIn {
    let name = "the_process_that_is_killed_waits_for_it";
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{name}"), "--nocapture"])
        .env(STAND_IN, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.find(|line| line.starts_with("cluster ")).unwrap();
    let told = told.trim_start_matches("cluster ");
    let (postgres, data) = told.split_once(' ').unwrap();
    StandIn { process, postgres: postgres.parse().unwrap(), data: data.into() }
}

impl StandIn {
    fn is_killed(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// No test of its own: without the variable there is nothing to do.
#[test]
fn the_process_that_is_killed_waits_for_it() {
    let Some(directory) = env::var_os(STAND_IN) else { return };
    let cluster = if directory.is_empty() {
        Cluster::throwaway().unwrap()
    } else {
        Cluster::persistent(directory.as_ref(), Data::Kept).unwrap()
    };
    let (pid, data) = (cluster.pid().unwrap(), cluster.data_directory().display());
    writeln!(io::stdout(), "\ncluster {pid} {data}").unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_throwaway_answers_and_is_gone_after_drop() {
    let cluster = Cluster::throwaway().unwrap();
    let (pid, data) = (cluster.pid().unwrap(), cluster.data_directory().to_path_buf());
    assert_eq!(ask(&cluster, "postgres", "SELECT current_user").as_deref(), Some(USER));
    assert_eq!(ask(&cluster, "postgres", "SHOW fsync").as_deref(), Some("off"));
    assert_eq!(ask(&cluster, "postgres", "SHOW listen_addresses").as_deref(), Some(""));
    assert_eq!(ask(&cluster, "postgres", "SHOW server_encoding").as_deref(), Some("UTF8"));

    drop(cluster);
    assert!(!is_alive(pid));
    assert!(!data.parent().unwrap().exists());
}

#[test]
fn a_cluster_fits_into_a_static() {
    fn fits<T: Send + Sync>() {}
    fits::<Cluster>();
}

#[test]
fn databases_are_made_cloned_and_dropped() {
    let cluster = Cluster::throwaway().unwrap();
    let template = "the template's \"name\"";
    cluster.create_database(template).unwrap();
    cluster.create_database(template).expect("being there already is no error");
    ask(&cluster, template, "CREATE TABLE users AS SELECT 'Ann' AS name");
    cluster.clone_database(template, "clone").unwrap();
    assert_eq!(ask(&cluster, "clone", "SELECT name FROM users").as_deref(), Some("Ann"));

    cluster.drop_database("clone").unwrap();
    let count = "SELECT count(*) FROM pg_database WHERE datname = 'clone'";
    assert_eq!(ask(&cluster, "postgres", count).as_deref(), Some("0"));

    let refused = cluster.clone_database("nowhere", "clone").unwrap_err().to_string();
    assert_eq!(refused, "Postgres refused (3D000): template database \"nowhere\" does not exist");
}

#[test]
fn what_was_committed_survives_a_crash() {
    let mut cluster = Cluster::crashable().unwrap();
    let url = cluster.url("postgres");
    ask(&cluster, "postgres", "CREATE TABLE tickets AS SELECT 1 AS used");
    cluster.stop(Shutdown::Immediate).unwrap();
    assert_eq!(cluster.pid(), None);
    cluster.start().unwrap();
    assert_eq!(cluster.url("postgres"), url);
    assert_eq!(ask(&cluster, "postgres", "SELECT used FROM tickets").as_deref(), Some("1"));

    // And when it is Postgres itself that is killed.
    kill(Pid::from_raw(cluster.pid().unwrap()), Signal::SIGKILL).unwrap();
    cluster.start().unwrap();
    assert_eq!(ask(&cluster, "postgres", "SELECT used FROM tickets").as_deref(), Some("1"));
    cluster.stop(Shutdown::Fast).unwrap();
}

#[test]
fn a_persistent_cluster_keeps_its_data_until_it_is_asked_for_a_fresh_one() {
    let project = project();
    let directory = project.path().join(".understudy/postgres");
    let cluster = Cluster::persistent(&directory, Data::Kept).unwrap();
    ask(&cluster, "postgres", "CREATE TABLE users AS SELECT 'Ann' AS name");
    assert_eq!(ask(&cluster, "postgres", "SHOW fsync").as_deref(), Some("on"));
    assert_eq!(ask(&cluster, "postgres", "SHOW synchronous_commit").as_deref(), Some("on"));
    drop(cluster);

    let cluster = Cluster::persistent(&directory, Data::Kept).unwrap();
    assert_eq!(ask(&cluster, "postgres", "SELECT name FROM users").as_deref(), Some("Ann"));
    drop(cluster);

    let cluster = Cluster::persistent(&directory, Data::Fresh).unwrap();
    assert_eq!(ask(&cluster, "postgres", "SELECT to_regclass('users')"), None);
}

#[test]
fn a_directory_in_use_is_refused_with_the_pid_of_its_user() {
    let project = project();
    let _cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    let refused = Cluster::persistent(project.path(), Data::Fresh).err().unwrap().to_string();
    assert!(refused.starts_with(&format!("already running, pid {}:", std::process::id())));
}

#[test]
fn the_data_of_a_version_that_is_not_installed_is_left_alone() {
    let project = project();
    fs::create_dir(project.path().join("data")).unwrap();
    fs::write(project.path().join("data/PG_VERSION"), "9\n").unwrap();
    let refused = Cluster::persistent(project.path(), Data::Kept).err().unwrap();
    assert!(matches!(refused, EmbeddedError::OtherVersion { data: 9, .. }), "{refused}");
}

#[test]
fn a_start_that_fails_says_what_postgres_said() {
    let project = project();
    let cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    let settings = cluster.data_directory().join("postgresql.auto.conf");
    drop(cluster);
    fs::write(settings, "work_mem = 'lots'\n").unwrap();
    let failed = Cluster::persistent(project.path(), Data::Kept).err().unwrap().to_string();
    assert!(failed.contains("did not start") && failed.contains("work_mem"), "{failed}");
}

#[test]
fn nothing_is_left_of_a_throwaway_whose_process_is_killed() {
    let mut killed = stand_in("");
    assert!(is_alive(killed.postgres));
    killed.is_killed();
    soon("its directory is gone", || !killed.data.parent().unwrap().exists());
    assert!(!is_alive(killed.postgres));
}

#[test]
fn the_lock_and_the_postgres_of_a_killed_process_are_no_obstacle() {
    let project = project();
    let directory = project.path().to_str().unwrap();
    let mut killed = stand_in(directory);
    killed.is_killed();
    // At once: its watchdog may still be at work.
    let cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    assert_ne!(cluster.pid(), Some(killed.postgres));
}

#[test]
fn a_postgres_that_has_lost_even_its_watchdog_is_stopped() {
    let project = project();
    let cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    let data = cluster.data_directory().to_path_buf();
    drop(cluster);

    let account = Account::choose(Some(&data)).unwrap();
    let sockets = account.temporary_directory().unwrap();
    let mut postgres = Command::new(binaries::find(&account).unwrap().join("postgres"));
    postgres.arg("-D").arg(&data).args(settings::list(settings::SAFE, sockets.path()));
    account.run(postgres.current_dir("/").stderr(Stdio::null()));
    let mut postgres = postgres.spawn().unwrap();
    soon("it has its lock", || data.join("postmaster.pid").exists());

    let cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    assert!(postgres.try_wait().unwrap().is_some());
    ask(&cluster, "postgres", "SELECT 1");
}

#[test]
fn a_lock_whose_number_somebody_else_has_got_is_no_obstacle() {
    let project = project();
    let cluster = Cluster::persistent(project.path(), Data::Kept).unwrap();
    let lock = cluster.data_directory().join("postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap();
    drop(cluster);
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&lock, format!("{}\n{rest}", std::process::id())).unwrap();
    Cluster::persistent(project.path(), Data::Kept).unwrap();
}
