use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::{EmbeddedError, at};
use super::{ClusterPlace, ClusterPlan, USER, earlier};

const SCRIPT: &str = include_str!("watchdog.sh");
const SHELL: &str = "/bin/sh";

/// Recovery after a crash may take a while.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(5);
const NOTICE: Duration = Duration::from_millis(500);
const LINGERING: Duration = Duration::from_secs(5);

/// A shell that runs Postgres and outlives us just long enough to stop it.
///
/// It holds the reading end of a pipe whose only writing end is ours, so that the kernel tells it when we
/// are gone, even by `kill -9`. In a process group of its own: Ctrl-C in the terminal is for us alone.
pub(super) struct Watchdog {
    shell: Child,
    orders: Option<ChildStdin>,
    // Behind a lock for `Sync` only: tests keep a cluster in a static.
    answers: Mutex<Receiver<WatchdogAnswer>>,
    running: Option<i32>,
    place: ClusterPlace,
}

enum WatchdogAnswer {
    Initdb(i32),
    Pid(i32),
    Exited,
}

impl Watchdog {
    pub(super) fn spawn(plan: &ClusterPlan) -> Result<Self, EmbeddedError> {
        let place = plan.place.clone();
        let mut command = Command::new(SHELL);
        command
            .args(["-c", SCRIPT, "understudy-postgres"])
            .args([&plan.binaries, &place.data, &place.log])
            .args([USER, plan.last_signal.as_str().trim_start_matches("SIG")])
            .arg(&place.sockets)
            .args(&plan.settings)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        plan.account.run(&mut command);
        let mut shell = command.spawn().map_err(at(SHELL.as_ref()))?;
        let orders = shell.stdin.take();
        let (sender, answers) = mpsc::channel();
        if let Some(output) = shell.stdout.take() {
            thread::spawn(move || listen(output, &sender));
        }
        Ok(Self { shell, orders, answers: Mutex::new(answers), running: None, place })
    }

    pub(super) fn pid(&self) -> Option<i32> {
        self.running
    }

    pub(super) fn initdb(&mut self) -> Result<(), EmbeddedError> {
        self.order("initdb")?;
        match self.hear(PATIENCE) {
            Ok(WatchdogAnswer::Initdb(0)) => Ok(()),
            _ => Err(self.failure("could not be set up (initdb)", 0)),
        }
    }

    pub(super) fn start(&mut self) -> Result<(), EmbeddedError> {
        if self.running.is_some() && !self.has_died() {
            return Ok(());
        }
        let end = Instant::now() + LINGERING;
        loop {
            match self.try_start() {
                // Sessions of a killed postmaster need a moment to notice.
                Err(EmbeddedError::Server { log, .. })
                    if log.contains("is still in use") && Instant::now() < end =>
                {
                    thread::sleep(POLL);
                }
                result => return result,
            }
        }
    }

    fn try_start(&mut self) -> Result<(), EmbeddedError> {
        let log_before = fs::metadata(&self.place.log).map_or(0, |log| log.len());
        self.order("start")?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.hear(POLL) {
                Ok(WatchdogAnswer::Pid(pid)) => self.running = Some(pid),
                Err(RecvTimeoutError::Timeout) if self.is_ready() => return Ok(()),
                Ok(WatchdogAnswer::Initdb(_)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(WatchdogAnswer::Exited) | Err(RecvTimeoutError::Disconnected) => {
                    self.running = None;
                    return Err(self.failure("did not start", log_before));
                }
            }
        }
        Err(self.failure("was not ready in time", log_before))
    }

    pub(super) fn stop(&mut self, signal: Signal) -> Result<(), EmbeddedError> {
        if self.running.is_none() {
            return Ok(());
        }
        self.order(signal.as_str().trim_start_matches("SIG"))?;
        let end = Instant::now() + PATIENCE;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.hear(left) {
                Ok(WatchdogAnswer::Exited) | Err(RecvTimeoutError::Disconnected) => {
                    self.running = None;
                    return Ok(());
                }
                Ok(WatchdogAnswer::Initdb(_) | WatchdogAnswer::Pid(_))
                | Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Err(self.failure("did not stop in time", 0))
    }

    /// Line 8 of `postmaster.pid` says it, if line 1 says that the file is this server's.
    fn is_ready(&self) -> bool {
        let Ok(text) = fs::read_to_string(self.place.data.join("postmaster.pid")) else {
            return false;
        };
        earlier::first_line(&text) == self.running
            && self.running.is_some()
            && text.lines().nth(7).is_some_and(|state| state.trim() == "ready")
    }

    /// Without our doing; a process just killed takes a moment to be gone.
    fn has_died(&mut self) -> bool {
        let died = matches!(self.hear(NOTICE), Ok(WatchdogAnswer::Exited));
        self.running = self.running.filter(|_| !died);
        died
    }

    fn hear(&mut self, patience: Duration) -> Result<WatchdogAnswer, RecvTimeoutError> {
        self.answers.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience)
    }

    fn order(&mut self, word: &str) -> Result<(), EmbeddedError> {
        let written = self.orders.as_mut().map(|orders| writeln!(orders, "{word}"));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure("has lost its watchdog", 0)),
        }
    }

    fn failure(&self, what: &'static str, log_from: u64) -> EmbeddedError {
        let log = fs::read(&self.place.log).unwrap_or_default();
        let new = usize::try_from(log_from).ok().and_then(|from| log.get(from..)).unwrap_or(&log);
        let text = String::from_utf8_lossy(new);
        let lines: Vec<&str> = text.lines().rev().take(15).collect();
        let log = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        EmbeddedError::Server { what, log }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The same thing that happens when we are killed, only that we wait.
        self.orders = None;
        while self.hear(PATIENCE).is_ok() {}
        if let (Some(pid), Ok(None)) = (self.running, self.shell.try_wait()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
        let _ = self.shell.wait();
    }
}

fn listen(output: ChildStdout, answers: &mpsc::Sender<WatchdogAnswer>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let answer = match line.split_once(' ') {
            Some(("initdb", status)) => WatchdogAnswer::Initdb(status.parse().unwrap_or(-1)),
            Some(("pid", pid)) => match pid.parse() {
                Ok(pid) => WatchdogAnswer::Pid(pid),
                Err(_) => continue,
            },
            _ => WatchdogAnswer::Exited,
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}
