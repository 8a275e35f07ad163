//! `understudy dev`, as `make run` starts it: a process of its own, in a folder of its own.
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::iter;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);

pub struct Dev {
    pub url: String,
    pub demo: String,
    /// The ready-made command that it prints.
    pub curl: String,
    /// All that it printed until it was ready.
    pub guide: String,
    child: Child,
    /// Closed when it has ended.
    output: Receiver<String>,
    _folder: TempDir,
}

impl Drop for Dev {
    fn drop(&mut self) {
        // As Ctrl-C does; it stops its database and the demo application.
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let _ = kill(pid, Signal::SIGINT);
        let last = iter::from_fn(|| Some(self.output.recv_timeout(PATIENCE))).find(Result::is_err);
        if last == Some(Err(RecvTimeoutError::Timeout)) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Dev {
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_now).await.unwrap()
    }

    fn start_now() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_understudy"));
        let demo = program.with_file_name("examples").join("demo");
        assert!(demo.exists(), "the demo application is missing: run cargo build --examples first");
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port_with_its_neighbours());
        let mut command = Command::new(program);
        command.args(["dev", "--fresh", "--port", &port.to_string()]).current_dir(folder.path());
        for (name, _) in std::env::vars() {
            if name == "DATABASE_URL"
                || name.starts_with("UNDERSTUDY_")
                || name.starts_with("DEMO_")
                || name.starts_with("CONTENT_")
            {
                command.env_remove(name);
            }
        }
        let complaints = folder.path().join("complaints");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints).unwrap());
        let mut child = command.spawn().unwrap();
        let said = lines(&mut child);
        let guide = guide(&said).unwrap_or_else(|said| {
            let complaints = fs::read_to_string(&complaints).unwrap_or_default();
            panic!("`understudy dev` does not get ready:\n{said}\n{complaints}")
        });
        let curl = printed_curl(&guide);
        let url = format!("http://127.0.0.1:{port}");
        let demo = format!("http://127.0.0.1:{}", port + 10);
        Self { url, demo, curl, guide, child, output: said, _folder: folder }
    }
}

/// Its output, line by line; always read, so that it never waits.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// What it prints until it has said everything; `Err` when it stops before.
fn guide(lines: &Receiver<String>) -> Result<String, String> {
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => said = said + &line + "\n",
            Err(_) => return Err(said),
        }
    }
    Ok(said)
}

fn printed_curl(guide: &str) -> String {
    let lines = guide.lines().skip_while(|line| !line.trim_start().starts_with("curl "));
    let mut command = String::new();
    for line in lines {
        command += line;
        command.push('\n');
        if !line.ends_with('\\') {
            break;
        }
    }
    command
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The demo application listens ten ports above, its API and the proxy before it seventeen and fifteen.
fn free_port_with_its_neighbours() -> u16 {
    loop {
        let port = free_port();
        let is_free = |by| {
            port.checked_add(by).is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if [10, 15, 17].into_iter().all(is_free) {
            return port;
        }
    }
}
