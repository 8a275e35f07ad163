//! `understudy healthcheck`: whether the server of this machine is ready.
use super::{Problem, commands, output};
use crate::config::{Overrides, SettingsPurpose};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::time::Duration;

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// One request to the server on this machine, without a client library: it runs every few seconds.
pub fn healthcheck() -> Result<(), Problem> {
    let mut address = commands::settings(Overrides::default(), SettingsPurpose::Probe)?.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let mut stream = std::net::TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    let first = answer.lines().next().unwrap_or_default();
    if first.contains(" 200") {
        if output::is_json() {
            output::result(&json!({ "ready": true }), "");
        }
        return Ok(());
    }
    Err(Problem::failed(format!("not ready: {first}")))
}
