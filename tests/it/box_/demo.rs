//! What `understudy dev` prints about its demo API, typed as it stands there.
use crate::support::Browser;
use crate::support::counterpart::run;
use crate::support::dev::Dev;
use crate::support::node::until;
use serde_json::Value;
use tokio::process::Command;

/// The commands of the tutorial, from the first to the empty line behind the last.
fn tutorial(guide: &str) -> String {
    let lines = guide.lines().skip_while(|line| !line.trim_start().starts_with("export "));
    let lines: Vec<&str> = lines.take_while(|line| !line.trim().is_empty()).collect();
    format!("set -euo pipefail\n{}", lines.join("\n"))
}

#[tokio::test]
async fn the_tutorial_that_dev_prints_can_be_typed_as_it_is() {
    let dev = Dev::start().await;
    let script = tutorial(&dev.guide);
    let api = script.split_once("API=").unwrap().1.lines().next().unwrap();
    let api = Browser::bare(api);
    // nginx asks Understudy, and what is behind it is there too.
    let is_up = async || api.client.get(format!("{}/x", api.url)).send().await.is_ok();
    until("nginx listens", 10, is_up).await;
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = run(bash, &Value::Null).await;
    assert_eq!(said.matches(r#""name":"README.md""#).count(), 2, "{script}\n{said}");
    assert!(said.contains(r#""login":"AppUser_"#), "{said}");
    assert_eq!(api.get("/2.0/folders/0").await.status, 401);
}
