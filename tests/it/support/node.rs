//! The program itself, in processes of its own: nodes that serve, and single commands.
use super::db::MASTER_KEY;
use super::{Browser, TestDb};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// `understudy serve`. Killed when dropped.
pub struct Node {
    /// Where it listens, which need not be the public URL.
    pub url: String,
    /// Where it serves metrics.
    pub management: String,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// One more node behind `public_url`, ready.
    pub async fn start(db: &TestDb, public_url: &str) -> Self {
        let node = Self::launch_as(&db.url, public_url, &free_address());
        node.until_ready().await;
        node
    }

    /// A node by itself, whose public URL is where it listens; it need not get ready.
    pub fn launch(database: &str) -> Self {
        let address = free_address();
        Self::launch_as(database, &format!("http://{address}"), &address)
    }

    /// The same behind another public URL.
    pub fn launch_behind(database: &str, public_url: &str) -> Self {
        Self::launch_as(database, public_url, &free_address())
    }

    /// The same with flags of `serve`.
    pub fn launch_with(database: &str, flags: &[&str]) -> Self {
        let address = free_address();
        Self::launch_by((database, &format!("http://{address}"), &address), flags, "trace", &[])
    }

    pub fn launch_logging(database: &str, log: &str) -> Self {
        let address = free_address();
        Self::launch_by((database, &format!("http://{address}"), &address), &[], log, &[])
    }

    fn launch_as(database: &str, public_url: &str, address: &str) -> Self {
        Self::launch_by((database, public_url, address), &[], "trace", &[])
    }

    /// The same with settings of its own.
    pub fn launch_with_settings(database: &str, log: &str, settings: &[(&str, &str)]) -> Self {
        let address = free_address();
        Self::launch_by((database, &format!("http://{address}"), &address), &[], log, settings)
    }

    fn launch_by(
        (database, public_url, address): (&str, &str, &str),
        flags: &[&str],
        log: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let management = free_address();
        let mut command = program(database, public_url);
        command
            .args(["serve", "--listen", address])
            .args(flags)
            .env("UNDERSTUDY_RATE_LIMITS", "off")
            .env("UNDERSTUDY_LOG", log)
            .env("UNDERSTUDY_MANAGEMENT_LISTEN", &management)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Arc::default();
        keep(child.stdout.take().unwrap(), &output);
        keep(child.stderr.take().unwrap(), &output);
        let (url, management) = (format!("http://{address}"), format!("http://{management}"));
        Self { url, management, child, output }
    }

    /// Everything that it has written so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// The metrics page.
    pub async fn metrics(&self) -> String {
        Browser::bare(&self.management).get("/metrics").await.body
    }

    /// The value of one time series, both as they are written on the metrics page.
    pub async fn metric(&self, series: &str) -> String {
        let page = self.metrics().await;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{page}")).to_owned()
    }

    /// The status of a path; `None` when there was no answer.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let asked = self.browser().client.get(format!("{}{path}", self.url)).send().await;
        asked.ok().map(|answer| answer.status().as_u16())
    }

    pub async fn until_ready(&self) {
        until("the node is ready", 10, async || self.status("/health/ready").await == Some(200))
            .await;
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// The end of the process, if it has come.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

/// Collects what a pipe brings, so that the process never waits for us.
fn keep(pipe: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    });
}

/// The program with the settings that a real installation needs, and nothing else of our environment.
pub fn program(database: &str, public_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
    command
        .env_clear()
        .env("DATABASE_URL", database)
        .env("UNDERSTUDY_PUBLIC_URL", public_url)
        .env("UNDERSTUDY_MASTER_KEY", MASTER_KEY)
        .env("UNDERSTUDY_LOG_FORMAT", "json");
    command
}

/// What a command wrote, and whether it was content.
#[derive(Debug)]
pub struct Said {
    pub success: bool,
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            success: output.status.success(),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// Runs one command to its end.
pub fn run(database: &str, arguments: &[&str]) -> Said {
    program(database, "http://127.0.0.1:1").args(arguments).output().unwrap().into()
}

/// The same, with `input` on its standard input.
pub fn run_with(mut command: Command, input: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

pub fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Asks again until the answer is yes: for what another process does in its own time.
pub async fn until(what: &str, seconds: u64, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    while begun.elapsed() < Duration::from_secs(seconds) {
        if is_so().await {
            return;
        }
        beat.tick().await;
    }
    panic!("not within {seconds} s: {what}");
}
