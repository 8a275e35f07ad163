use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::{EmbeddedError, at};

/// One process to a directory. The kernel lets go of it when the process ends, however it ends.
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(home: &Path) -> Result<Self, EmbeddedError> {
        let path = home.join("lock");
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(at(&path))?;
                let pid = holder.trim().parse().ok();
                return Err(EmbeddedError::AlreadyRunning { directory: home.into(), pid });
            }
            Err(fs::TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(at(&path))?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // By name, not by closing: a child just being forked holds a copy of the descriptor. Nothing
        // is lost when it fails; the lock then goes with the process.
        let _ = self.0.unlock();
    }
}

/// With the lock in hand, a Postgres still running on `data` has lost its process: it is stopped.
pub(super) fn clear_away(data: &Path) -> Result<(), EmbeddedError> {
    let lock_file = data.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&lock_file).ok().and_then(|text| first_line(&text)) else {
        return Ok(());
    };
    let patience = [(Signal::SIGINT, 20), (Signal::SIGQUIT, 10)];
    for (signal, seconds) in patience {
        if serves(pid, data) {
            // Gone meanwhile is just as well.
            let _ = kill(Pid::from_raw(pid), signal);
            wait_while(Duration::from_secs(seconds), || serves(pid, data));
        }
    }
    if serves(pid, data) {
        return Err(EmbeddedError::AlreadyRunning { directory: data.into(), pid: Some(pid) });
    }
    // Postgres sees through a dead number by itself, but not through one that somebody else has got.
    if lock_file.exists() && !is_postgres(pid) {
        fs::remove_file(&lock_file).map_err(at(&lock_file))?;
    }
    Ok(())
}

pub(super) fn first_line(postmaster_pid: &str) -> Option<i32> {
    postmaster_pid.lines().next()?.trim().parse().ok().filter(|&pid| pid > 1)
}

/// By its command line, which even a stranger may read; a zombie has none.
fn serves(pid: i32, data: &Path) -> bool {
    command_line(pid).contains(&format!("postgres -D {} ", data.display()))
}

fn is_postgres(pid: i32) -> bool {
    let line = command_line(pid);
    line.split([' ', ':']).next().is_some_and(|program| program.ends_with("postgres"))
}

fn command_line(pid: i32) -> String {
    let bytes = if Path::new("/proc/self/cmdline").exists() {
        fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
    } else {
        let ps = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output();
        ps.map(|output| output.stdout).unwrap_or_default()
    };
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn wait_while(patience: Duration, condition: impl Fn() -> bool) {
    let end = Instant::now() + patience;
    while condition() && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
}
