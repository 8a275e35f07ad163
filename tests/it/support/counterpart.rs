//! Programs of others: a Node.js or Python script of `tests/clients`, a shell script, told the facts as JSON
//! on its standard input.
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const MISSING: &str = "run scripts/setup-tests.sh first";
/// Longer than any of them needs; one that hangs says so.
const PATIENCE: Duration = Duration::from_mins(5);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clients() -> PathBuf {
    repository().join("tests/clients")
}

/// A script of npm packages.
#[track_caller]
pub fn node(script: &str) -> Command {
    let installed = repository().join("target/clients");
    assert!(installed.join("node_modules").exists(), "target/clients is missing: {MISSING}");
    // What scripts/setup-tests.sh fetched where the machine's own is too old.
    let fetched = repository().join("target/node/bin/node");
    let mut command =
        Command::new(if fetched.exists() { fetched.as_path() } else { Path::new("node") });
    // Seen through the link, so that the packages beside it are found.
    command.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
    command.arg(installed.join("scripts").join(script));
    command
}

/// A script of Python packages.
#[track_caller]
pub fn python(script: &str) -> Command {
    let program = repository().join("target/py/bin/python");
    assert!(program.exists(), "target/py is missing: {MISSING}");
    let mut command = Command::new(program);
    command.arg("-B").arg(clients().join(script));
    command
}

/// A program that comes as a Python package.
#[track_caller]
pub fn python_program(name: &str) -> std::process::Command {
    let program = repository().join("target/py/bin").join(name);
    assert!(program.exists(), "target/py has no {name}: {MISSING}");
    std::process::Command::new(program)
}

pub fn shell(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg(clients().join(script));
    command
}

/// Runs it to its end; what it printed. Fails with its own words when it fails.
#[expect(clippy::disallowed_methods, reason = "ends a program that hangs, no transaction")]
pub async fn run(mut command: Command, facts: &Value) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}: {MISSING}"));
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing may be gone already.
    let _ = stdin.write_all(facts.to_string().as_bytes()).await;
    drop(stdin);
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended.unwrap_or_else(|_| panic!("{command:?} does not end")).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{complained}", output.status);
    said
}
